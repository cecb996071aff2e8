//! The messages of an ONNX file that the trainer writes and reads, with the numbers of onnx.proto3. Unknown fields of a
//! file are skipped.

use prost::Message;

/// ONNX's number for float32 in a tensor.
pub const FLOAT: i32 = 1;
/// ONNX's number for int64 in a tensor.
pub const INT64: i32 = 7;

/// A file.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// The version of the format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// That program's version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// The versions of the operators.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// What the file says about the network.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

impl Model {
    /// A file with `graph`, ONNX's own operators of version `opset`, and `metadata`.
    pub fn new(graph: Graph, opset: i64, metadata: &[(String, String)]) -> Self {
        let entry = |(key, value): &(String, String)| Entry { key: key.clone(), value: value.clone() };
        Self {
            ir_version: 8,
            graph: Some(graph),
            opset_import: vec![OperatorSet { version: opset }],
            metadata_props: metadata.iter().map(entry).collect(),
            ..Self::default()
        }
    }
}

/// The version of ONNX's own operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// The number.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A key and its value.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// The key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A network.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    /// The operations, in execution order.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// A name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The weights.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// What goes in.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    /// What comes out.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// An operation.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// The names of its inputs.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// The names of its outputs.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// A name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Its operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Its attributes.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// An attribute of an operation.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value, if it is a float.
    #[prost(float, tag = "2")]
    pub f: f32,
    /// Its value, if it is an integer.
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// Its value, if it is a list of integers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// What its value is.
    #[prost(enumeration = "AttributeType", tag = "20")]
    pub r#type: i32,
}

/// The kind of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum AttributeType {
    /// Not told.
    Undefined = 0,
    /// A float.
    Float = 1,
    /// An integer.
    Int = 2,
    /// A list of integers.
    Ints = 7,
}

/// A weight.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Its dimensions.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// What its numbers are, such as [`FLOAT`].
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Its numbers, if they are floats and not in `raw_data`.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Its numbers, if they are integers and not in `raw_data`.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// Its name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The bytes of its numbers, the lowest first.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

impl Tensor {
    /// The numbers of a tensor of floats, from either field; `None` if they are not floats.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        match self.data_type {
            FLOAT if self.raw_data.is_empty() => Some(self.float_data.clone()),
            FLOAT => Some(self.raw_data.chunks_exact(4).map(float).collect()),
            _ => None,
        }
    }
}

/// An input or output.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
}

impl ValueInfo {
    /// Floats with these dimensions after the variable batch size N.
    pub fn floats(name: &str, dims: &[usize]) -> Self {
        let batch = Dimension { dim_param: Some("N".to_owned()), ..Dimension::default() };
        let fixed = dims.iter().map(|&dim| Dimension { dim_value: Some(dim as i64), dim_param: None });
        let shape = Shape { dim: [batch].into_iter().chain(fixed).collect() };
        let tensor_type = Some(TensorType { elem_type: FLOAT, shape: Some(shape) });
        Self { name: name.to_owned(), r#type: Some(Type { tensor_type }) }
    }
}

/// The type of an input or output.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    /// The type of a tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// The type of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// What its numbers are, such as [`FLOAT`].
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Its dimensions.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// The dimensions of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// One after another.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One dimension: a number or a name.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    /// The number.
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    /// The name.
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}
