//! Two light backbones that look at the same picture: the maps of MobileNetV2 and of EfficientNet-Lite0 side by side,
//! under the mean of each channel, dropout and a dense layer.

use super::inverted::under_means;
use super::make::Blocks;
use super::{Network, NetworkSpec, efficientnet, mobilenet_v2};

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let plans = [mobilenet_v2::PLAN, efficientnet::LITE0];
    let body = vec![blocks.concat(plans.map(|plan| plan.backbone(blocks, spec.channels)))];
    under_means(blocks, spec, body, plans.iter().map(|plan| plan.width).sum())
}
