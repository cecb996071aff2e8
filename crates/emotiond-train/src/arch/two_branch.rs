//! Two light backbones with the same input, MobileNetV2 and EfficientNet-Lite0. Their feature maps are concatenated,
//! followed by global average pooling, dropout and a dense layer.

use super::inverted::under_means;
use super::make::Blocks;
use super::{Network, NetworkSpec, efficientnet, mobilenet_v2};

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let plans = [mobilenet_v2::PLAN, efficientnet::LITE0];
    let body = vec![blocks.concat(plans.map(|plan| plan.backbone(blocks, spec.channels)))];
    under_means(blocks, spec, body, plans.iter().map(|plan| plan.width).sum())
}
