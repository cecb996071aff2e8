//! EfficientNet-B2 (Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks") and
//! EfficientNet-Lite0, which omits operations that are slow on phones, without their classification heads. The padding
//! is the same on all sides, as in torchvision and timm; TensorFlow's differs.

use super::blocks::Gather;
use super::inverted::{Plan, stage, under_means};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

pub(super) const LITE0: Plan = Plan {
    stages: [
        stage(1, 3, 16, 1, 1),
        stage(6, 3, 24, 2, 2),
        stage(6, 5, 40, 2, 2),
        stage(6, 3, 80, 3, 2),
        stage(6, 5, 112, 3, 1),
        stage(6, 5, 192, 4, 2),
        stage(6, 3, 320, 1, 1),
    ],
    width: 1280,
    gated: false,
};

/// B0 with 1.1 times the width and 1.2 times the depth.
const B2: Plan = Plan {
    stages: [
        stage(1, 3, 16, 2, 1),
        stage(6, 3, 24, 3, 2),
        stage(6, 5, 48, 3, 2),
        stage(6, 3, 88, 4, 2),
        stage(6, 5, 120, 4, 1),
        stage(6, 5, 208, 5, 2),
        stage(6, 3, 352, 2, 1),
    ],
    width: 1408,
    gated: true,
};
/// Channels of the convolution and units of the dense layer that follow B2.
const HIDDEN: usize = 128;

/// EfficientNet-Lite0, global average pooling, dropout and a dense layer.
pub(super) fn build_lite0(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    under_means(blocks, spec, LITE0.backbone(blocks, spec.channels), LITE0.width)
}

/// EfficientNet-B2, a 3x3 convolution of 128 channels, global average pooling, 128 dense units.
pub(super) fn build_b2(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let mut body = B2.backbone(blocks, spec.channels);
    body.push(blocks.conv_bias_relu(B2.width, HIDDEN, Window::same(3, 1)));
    let mut head = vec![blocks.linear(HIDDEN, HIDDEN), blocks.dense_relu()];
    head.extend(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(HIDDEN, spec.classes));
    Network::new(body, Gather::GlobalAverage, head)
}
