//! An ONNX graph under construction: names, weights and nodes.

use crate::ops::Window;
use onnx_ir::{
    AttributeProto, AttributeType, GraphProto, Message, ModelProto, NodeProto, TensorProto, ValueInfoProto,
};

const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;
/// ONNX's number for float32.
const FLOAT: i32 = 1;

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
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
}

impl Graph {
    /// Adds a node and returns the name of its output.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<(&str, Value)>) -> String {
        let name = format!("{}_{}", op.to_lowercase(), self.nodes.len() + 1);
        self.nodes.push(NodeProto {
            name: name.clone(),
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            attribute: attributes.into_iter().map(|(name, value)| attribute(name, value)).collect(),
            ..Default::default()
        });
        name
    }

    /// Adds a weight and returns its name.
    pub(super) fn weight(&mut self, dims: &[usize], values: &[f32]) -> String {
        let name = format!("weight_{}", self.weights.len() + 1);
        self.weights.push(TensorProto {
            name: name.clone(),
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: FLOAT,
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
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
        let graph = GraphProto {
            name: "emotiond".to_owned(),
            node: self.nodes,
            initializer: self.weights,
            input: vec![value_info(input, input_dims)],
            output: vec![value_info("probabilities", output_dims)],
            ..Default::default()
        };
        let mut model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "emotiond-train".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph).into(),
            ..Default::default()
        };
        model.opset_import.push(Default::default());
        model.opset_import[0].version = OPSET;
        for (key, value) in metadata {
            model.metadata_props.push(Default::default());
            let entry = model.metadata_props.last_mut().expect("just pushed");
            entry.key.clone_from(key);
            entry.value.clone_from(value);
        }
        model.write_to_bytes().expect("a model within protobuf's limits")
    }
}

fn attribute(name: &str, value: Value) -> AttributeProto {
    let mut attribute = AttributeProto { name: name.to_owned(), ..Default::default() };
    attribute.type_ = match value {
        Value::Int(int) => {
            attribute.i = int;
            AttributeType::INT.into()
        }
        Value::Float(float) => {
            attribute.f = float;
            AttributeType::FLOAT.into()
        }
        Value::Ints(ints) => {
            attribute.ints = ints;
            AttributeType::INTS.into()
        }
    };
    attribute
}

fn value_info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let mut info = ValueInfoProto { name: name.to_owned(), ..Default::default() };
    let tensor = info.type_.mut_or_insert_default().mut_tensor_type();
    tensor.elem_type = FLOAT;
    let shape = tensor.shape.mut_or_insert_default();
    shape.dim.push(Default::default());
    shape.dim[0].set_dim_param("N".to_owned());
    for &dim in dims {
        shape.dim.push(Default::default());
        shape.dim.last_mut().expect("just pushed").set_dim_value(dim as i64);
    }
    info
}
