//! Two light backbones that look at the same picture: the maps of MobileNetV2 and of EfficientNet-Lite0 side by side,
//! under the mean of each channel, dropout and a dense layer.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec, efficientnet, mobilenet_v2};

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let plans = [mobilenet_v2::PLAN, efficientnet::LITE0];
    let body = vec![blocks.concat(plans.map(|plan| plan.backbone(blocks, spec.channels)))];
    let mut head = Vec::from_iter(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(plans.iter().map(|plan| plan.width).sum(), spec.classes));
    Network::new(body, Gather::GlobalAverage, head)
}
