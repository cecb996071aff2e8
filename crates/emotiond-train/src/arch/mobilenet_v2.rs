//! MobileNetV2 (Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks") at width 1 without its
//! classification head, followed by global average pooling, dropout and a dense layer.

use super::inverted::{Plan, stage, under_means};
use super::make::Blocks;
use super::{Network, NetworkSpec};

pub(super) const PLAN: Plan = Plan {
    stages: [
        stage(1, 3, 16, 1, 1),
        stage(6, 3, 24, 2, 2),
        stage(6, 3, 32, 3, 2),
        stage(6, 3, 64, 4, 2),
        stage(6, 3, 96, 3, 1),
        stage(6, 3, 160, 3, 2),
        stage(6, 3, 320, 1, 1),
    ],
    width: 1280,
    gated: false,
};

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    under_means(blocks, spec, PLAN.backbone(blocks, spec.channels), PLAN.width)
}
