//! Backbones beside each other with the same input. The means of the channels of each are one vector, which a head
//! classifies. With VGG16, DenseNet121 and ResNet50 this vector has 512 + 1024 + 2048 = 3584 numbers.

use super::blocks::{Block, Gather};
use super::make::Blocks;
use super::{Network, NetworkSpec, densenet121, efficientnet, head, mobilenet_v2, resnet50, vgg16};

/// Makes the blocks of a backbone for pictures with this number of channels; returns also their output channels.
type MakeBackbone = fn(&Blocks, usize) -> (Vec<Block>, usize);

/// The backbones that can be branches.
pub const BACKBONES: [(&str, MakeBackbone); 6] = [
    ("densenet121", densenet121::backbone),
    ("efficientnet_lite0", |blocks, channels| efficientnet::LITE0.backbone_and_width(blocks, channels)),
    ("mobilenet_v2", |blocks, channels| mobilenet_v2::PLAN.backbone_and_width(blocks, channels)),
    ("resnet50", resnet50::backbone),
    ("resnet50_v15", resnet50::backbone_v15),
    ("vgg16", vgg16::backbone),
];
const UNITS: [usize; 1] = [512];

/// The branches that the recipe names; 512 dense units with batch normalisation unless the recipe names others.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (mut ways, mut width) = (Vec::new(), 0);
    for name in &spec.options.branches {
        let (_, backbone) =
            BACKBONES.iter().find(|(known, _)| known == name).expect("the branches were checked");
        let (mut way, channels) = backbone(blocks, spec.channels);
        way.push(blocks.global_average());
        ways.push(way);
        width += channels;
    }
    let body = vec![blocks.concat(ways)];
    Network::new(body, Gather::Flatten, head::normalised(blocks, spec, width, &UNITS))
}
