//! Initialises a deeper network with the weights of a shallower one (Chen, Goodfellow and Shlens 2016, "Net2Net:
//! Accelerating Learning via Knowledge Transfer"): additional blocks start as the identity.

use super::blocks::{Block, Residual};
use super::{Network, NetworkSpec};
use burn::module::{Module, Param};

/// The shallower network from which a network of `spec` can be initialised, if there is one.
pub fn shallower(spec: &NetworkSpec) -> Option<NetworkSpec> {
    (spec.arch == "resnet_48_deep").then(|| NetworkSpec { arch: "resnet_48".to_owned(), ..spec.clone() })
}

/// `deep` with the blocks of `shallow` copied into it. Its output is that of `shallow`, because the scale of the last
/// batch normalisation in each additional residual block is set to zero.
pub fn deepen(shallow: Network, deep: Network) -> Network {
    let mut learnt = shallow.body.into_iter().peekable();
    let grow = |new: Block| match learnt.next_if(|block| block.num_params() == new.num_params()) {
        Some(block) => block,
        None => silent(new),
    };
    let body = deep.body.into_iter().map(grow).collect();
    Network { body, head: shallow.head, gather: deep.gather }
}

fn silent(block: Block) -> Block {
    let Block::Residual(Residual { mut main, shortcut, relu }) = block else { return block };
    if let Some(Block::Norm(last)) = main.last_mut() {
        last.norm.gamma = Param::from_tensor(last.norm.gamma.val().zeros_like());
    }
    Block::Residual(Residual { main, shortcut, relu })
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::*;
    use burn::nn::Initializer;
    use burn::tensor::{Device, Distribution, Tensor};

    #[test]
    fn a_grown_network_answers_like_the_one_that_it_grew_from() {
        let device = Device::flex();
        let network = |spec: &NetworkSpec| {
            build(spec, Initializer::KaimingNormal { gain: 1.0, fan_out_only: false }, &device).unwrap()
        };
        let spec = NetworkSpec::published("resnet_48_deep", 1, 48, 7);
        let shallow = network(&shallower(&spec).unwrap());
        let pictures = Tensor::<4>::random([2, 1, 48, 48], Distribution::Uniform(-1.0, 1.0), &device);
        let before = shallow.forward(pictures.clone());
        let deep = network(&spec);
        assert!((deep.forward(pictures.clone()) - before.clone()).abs().max().into_scalar::<f32>() > 1e-3);
        let after = deepen(shallow, deep).forward(pictures);
        assert!((after - before).abs().max().into_scalar::<f32>() < 1e-5);
    }
}
