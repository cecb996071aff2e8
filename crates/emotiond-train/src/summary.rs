//! The layers of a network with their output shapes and numbers, as Keras's `summary` lists them.

use super::arch::blocks::{Block, Conv, Dense, Gather};
use super::arch::cost::{Shape, step};
use super::arch::{Network, NetworkSpec};
use super::frozen::FrozenPart;
use burn::module::Module;

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub layer: String,
    /// Its output for one picture: channels, height and width, or one number for a vector.
    pub output: Vec<usize>,
    /// Its numbers, running statistics included.
    pub numbers: usize,
    /// Those that training changes by gradients.
    pub trained: usize,
}

/// The layers in execution order; those in `frozen` are not trained.
pub fn summary(network: &Network, spec: &NetworkSpec, frozen: FrozenPart) -> Vec<Row> {
    let mut walk = Walk { rows: Vec::new(), frozen: FrozenHere::Convolutions(0) };
    let mut shape = Shape { channels: spec.channels, side: spec.size };
    for (at, block) in network.body.iter().enumerate() {
        walk.frozen = match at {
            at if at < frozen.blocks => FrozenHere::All,
            at if at == frozen.blocks => FrozenHere::Convolutions(frozen.convolutions),
            _ => FrozenHere::Convolutions(0),
        };
        shape = walk.block(block, shape);
    }
    let width = match network.gather {
        Gather::GlobalAverage => shape.channels,
        Gather::Flatten => shape.channels * shape.side * shape.side,
    };
    let gather = if network.gather == Gather::Flatten { "Flatten" } else { "GlobalAveragePool" };
    walk.rows.push(Row { layer: gather.to_owned(), output: vec![width], numbers: 0, trained: 0 });
    network.head.iter().fold(width, |width, layer| walk.dense(layer, width));
    walk.rows
}

/// What is frozen of a block and of the blocks in it.
#[derive(Clone, Copy)]
enum FrozenHere {
    All,
    /// This many convolutions that are still to come.
    Convolutions(usize),
}

struct Walk {
    rows: Vec<Row>,
    frozen: FrozenHere,
}

impl Walk {
    fn block(&mut self, block: &Block, shape: Shape) -> Shape {
        match block {
            Block::Chain(way) => self.blocks(&way.blocks, shape),
            Block::Residual(residual) => {
                let main = self.blocks(&residual.main, shape);
                self.blocks(&residual.shortcut, shape);
                self.push("Add", main, 0, 0);
                main
            }
            Block::Concat(concat) => {
                for way in &concat.ways {
                    self.blocks(&way.blocks, shape);
                }
                let output = step(block, shape, &mut 0);
                self.push("Concat", output, 0, 0);
                output
            }
            Block::Gate(gate) => {
                self.convolution("Squeeze", &gate.squeeze, Shape { side: 1, ..shape });
                self.convolution("Expand", &gate.expand, shape);
                shape
            }
            Block::Conv(conv) => self.convolution("Conv", conv, step(block, shape, &mut 0)),
            Block::Norm(norm) => {
                let trained = if matches!(self.frozen, FrozenHere::All) { 0 } else { 2 * shape.channels };
                self.push("BatchNorm", shape, norm.norm.num_params(), trained);
                shape
            }
            Block::Tanh(_) => self.simple("Tanh", block, shape),
            Block::Relu6(_) => self.simple("ReLU6", block, shape),
            Block::Silu(_) => self.simple("SiLU", block, shape),
            Block::MaxPool(_) => self.simple("MaxPool", block, shape),
            Block::AveragePool(_) => self.simple("AveragePool", block, shape),
            Block::GlobalAverage(_) => self.simple("GlobalAveragePool", block, shape),
            Block::Dropout(_) => self.simple("Dropout", block, shape),
        }
    }

    fn blocks(&mut self, blocks: &[Block], shape: Shape) -> Shape {
        blocks.iter().fold(shape, |shape, block| self.block(block, shape))
    }

    fn simple(&mut self, layer: &str, block: &Block, shape: Shape) -> Shape {
        let output = step(block, shape, &mut 0);
        self.push(layer, output, 0, 0);
        output
    }

    fn convolution(&mut self, kind: &str, conv: &Conv, output: Shape) -> Shape {
        let numbers = conv.num_params();
        let trained = match &mut self.frozen {
            FrozenHere::All => 0,
            FrozenHere::Convolutions(0) => numbers,
            FrozenHere::Convolutions(left) => {
                *left -= 1;
                0
            }
        };
        let (kernel, depthwise) = (conv.window.kernel, if conv.groups > 1 { "depthwise " } else { "" });
        self.push(&format!("{depthwise}{kind} {kernel}x{kernel}"), output, numbers, trained);
        output
    }

    fn dense(&mut self, layer: &Dense, width: usize) -> usize {
        let (name, output, numbers, trained) = match layer {
            Dense::Linear(linear) => {
                let numbers = linear.num_params();
                ("Dense", linear.weight.dims()[1], numbers, numbers)
            }
            Dense::Norm(norm) => ("BatchNorm", width, norm.num_params(), 2 * width),
            Dense::Relu(_) => ("ReLU", width, 0, 0),
            Dense::Tanh(_) => ("Tanh", width, 0, 0),
            Dense::Dropout(_) => ("Dropout", width, 0, 0),
        };
        self.rows.push(Row { layer: name.to_owned(), output: vec![output], numbers, trained });
        output
    }

    fn push(&mut self, layer: &str, output: Shape, numbers: usize, trained: usize) {
        let output = vec![output.channels, output.side, output.side];
        self.rows.push(Row { layer: layer.to_owned(), output, numbers, trained });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Options, build};
    use crate::pretrained::Backbone;
    use crate::recipe::Freeze;
    use burn::nn::Initializer;
    use burn::tensor::Device;

    fn counts(spec: &NetworkSpec, freeze: Freeze) -> (usize, usize) {
        let network = build(spec, Initializer::Zeros, &Device::flex()).unwrap();
        let frozen = match freeze {
            Freeze::Convolutions(0) => FrozenPart::default(),
            freeze => FrozenPart::of(&network, &Backbone::all_of(spec), freeze).unwrap(),
        };
        let rows = summary(&network, spec, frozen);
        let numbers = rows.iter().map(|row| row.numbers).sum();
        assert_eq!(network.num_params(), numbers, "{}: rows are missing", spec.arch);
        (numbers, rows.iter().map(|row| row.trained).sum())
    }

    /// Keras's counts in the publications: all numbers, and the trained ones.
    #[test]
    fn the_networks_have_the_published_counts() {
        let none = Freeze::Convolutions(0);
        let rgb = |arch: &str| NetworkSpec::published(arch, 3, 48, 7);
        let gray = |arch: &str, classes| NetworkSpec::published(arch, 1, 48, classes);
        for (spec, freeze, numbers, trained) in [
            (gray("convnet", 7), none, 89_479, 89_479),
            (gray("cnn_32_64_128", 7), none, 730_855, 730_215),
            (gray("mini_xception", 6), none, 57_270, 55_798),
            (rgb("vgg16_small"), Freeze::Convolutions(12), 14_781_767, 2_426_631),
            (rgb("vgg16_large"), Freeze::Convolutions(12), 15_382_683, 3_024_435),
            (rgb("resnet50"), Freeze::Convolutions(6), 23_858_695, 23_703_879),
        ] {
            assert_eq!(counts(&spec, freeze), (numbers, trained), "{spec}");
        }
        let mut two_layers = rgb("vgg16_plain");
        two_layers.options.units = Some(vec![128, 64]);
        assert_eq!(counts(&two_layers, Freeze::Convolutions(2)), (14_789_063, 14_750_343));
    }

    /// The publication counts the head over the vectors of three backbones.
    #[test]
    fn the_head_over_three_backbones_has_its_published_counts() {
        let branches = ["vgg16", "densenet121", "resnet50"].map(str::to_owned).to_vec();
        let options = Options { branches, ..Options::default() };
        let spec = NetworkSpec { options, ..NetworkSpec::published("branches", 3, 48, 3) };
        let network = build(&spec, Initializer::Zeros, &Device::flex()).unwrap();
        let frozen = FrozenPart::of(&network, &Backbone::all_of(&spec), Freeze::All).unwrap();
        let rows = summary(&network, &spec, frozen);
        let flatten = rows.iter().position(|row| row.layer == "Flatten").unwrap();
        assert_eq!(rows[flatten].output, [3584]);
        let head: usize = rows[flatten..].iter().map(|row| row.numbers).sum();
        assert_eq!(head, 1_839_107);
        assert_eq!(rows.iter().map(|row| row.trained).sum::<usize>(), 1_838_083);
    }
}
