//! An ONNX graph under construction: names, weights and nodes.

use crate::onnx::{Attribute, AttributeType, FLOAT, Model, Node, Tensor, ValueInfo};
use crate::{onnx, ops::Window};
use prost::Message;

const OPSET: i64 = 17;

/// An attribute's value.
pub(super) enum Value {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
}

/// The attributes of a convolution or of pooling.
pub(super) fn window(window: Window) -> Vec<(&'static str, Value)> {
    let repeat = |value: usize, times: usize| Value::Ints(vec![value as i64; times]);
    vec![
        ("kernel_shape", repeat(window.kernel, 2)),
        ("strides", repeat(window.stride, 2)),
        ("pads", repeat(window.padding, 4)),
    ]
}

/// Nodes in execution order, and their weights.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    weights: Vec<Tensor>,
}

impl Graph {
    /// Adds a node and returns the name of its output.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<(&str, Value)>) -> String {
        let name = format!("{}_{}", op.to_lowercase(), self.nodes.len() + 1);
        self.nodes.push(Node {
            name: name.clone(),
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            attribute: attributes.into_iter().map(|(name, value)| attribute(name, value)).collect(),
        });
        name
    }

    /// Adds a weight and returns its name.
    pub(super) fn weight(&mut self, dims: &[usize], values: &[f32]) -> String {
        let name = format!("weight_{}", self.weights.len() + 1);
        self.weights.push(Tensor {
            name: name.clone(),
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: FLOAT,
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..Default::default()
        });
        name
    }

    /// The bytes of the model. `input` and `output` are names with the dimensions after the variable batch size N.
    pub(super) fn finish(
        mut self,
        (input, input_dims): (&str, &[usize]),
        (output, output_dims): (&str, &[usize]),
        metadata: &[(String, String)],
    ) -> Vec<u8> {
        // Gives the output of the last node the name of the model's output.
        let last = self.nodes.last_mut().expect("a graph with nodes");
        assert_eq!(last.output, [output], "the output belongs to the last node");
        last.output = vec!["probabilities".to_owned()];
        let graph = onnx::Graph {
            name: "emotiond".to_owned(),
            node: self.nodes,
            initializer: self.weights,
            input: vec![ValueInfo::floats(input, input_dims)],
            output: vec![ValueInfo::floats("probabilities", output_dims)],
        };
        let model = Model {
            producer_name: "emotiond-train".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Model::new(graph, OPSET, metadata)
        };
        model.encode_to_vec()
    }
}

fn attribute(name: &str, value: Value) -> Attribute {
    let attribute = Attribute { name: name.to_owned(), ..Default::default() };
    match value {
        Value::Int(i) => Attribute { i, r#type: AttributeType::Int.into(), ..attribute },
        Value::Float(f) => Attribute { f, r#type: AttributeType::Float.into(), ..attribute },
        Value::Ints(ints) => Attribute { ints, r#type: AttributeType::Ints.into(), ..attribute },
    }
}
