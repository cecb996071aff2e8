//! Makes dimensions variable that are fixed in an ONNX file. YuNet's file has 640x640 and CenterFace's 10x3x32x32, but
//! both networks are fully convolutional and accept any size.

use prost::Message;

/// Makes batch, height and width of all inputs and outputs variable, removes the intermediate shapes (the runtime
/// infers them again) and removes the weights from the list of inputs, so that the runtime can fold them as constants.
///
/// # Errors
/// When `model` is not in ONNX format.
pub(super) fn free_dimensions(model: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    let mut model = Model::decode(model)?;
    let graph = model.graph.get_or_insert_default();
    let weights: Vec<String> =
        graph.initializer.iter().map(|bytes| tensor_name(bytes)).collect::<Result<_, _>>()?;
    graph.input.retain(|input| !weights.contains(&input.name));
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        free(value);
    }
    Ok(model.encode_to_vec())
}

fn free(value: &mut ValueInfo) {
    let shape = value
        .r#type
        .as_mut()
        .and_then(|kind| kind.tensor_type.as_mut())
        .and_then(|tensor| tensor.shape.as_mut());
    let Some(shape) = shape else { return };
    // The number of channels stays fixed.
    let channels = if shape.dim.len() == 4 { Some(1) } else { None };
    for (axis, dimension) in shape.dim.iter_mut().enumerate().filter(|(axis, _)| Some(*axis) != channels) {
        *dimension =
            Dimension { value: None, parameter: Some(format!("{}_{axis}", value.name)), denotation: None };
    }
}

fn tensor_name(bytes: &[u8]) -> Result<String, prost::DecodeError> {
    Ok(Tensor::decode(bytes)?.name)
}

// The part of onnx.proto3 that is modified. All other fields are kept as bytes, because prost drops unknown fields.

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, optional, tag = "1")]
    ir_version: Option<i64>,
    #[prost(string, optional, tag = "2")]
    producer_name: Option<String>,
    #[prost(string, optional, tag = "3")]
    producer_version: Option<String>,
    #[prost(string, optional, tag = "4")]
    domain: Option<String>,
    #[prost(int64, optional, tag = "5")]
    model_version: Option<i64>,
    #[prost(string, optional, tag = "6")]
    doc_string: Option<String>,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    opset_import: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    metadata_props: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "25")]
    functions: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(bytes = "vec", repeated, tag = "1")]
    node: Vec<Vec<u8>>,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    initializer: Vec<Vec<u8>>,
    #[prost(string, optional, tag = "10")]
    doc_string: Option<String>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfo>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    quantization_annotation: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    sparse_initializer: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, optional, tag = "1")]
    elem_type: Option<i32>,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    parameter: Option<String>,
    #[prost(string, optional, tag = "3")]
    denotation: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(string, tag = "8")]
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, sizes: &[i64]) -> ValueInfo {
        let dim = sizes.iter().map(|&size| Dimension { value: Some(size), ..Dimension::default() }).collect();
        let tensor_type = Some(TensorType { elem_type: Some(1), shape: Some(Shape { dim }) });
        ValueInfo { name: name.to_owned(), r#type: Some(Type { tensor_type }) }
    }

    #[test]
    fn batch_and_sides_become_variable_and_weights_leave_the_inputs() {
        let weight = Tensor { name: "w".to_owned() }.encode_to_vec();
        let graph = Graph {
            node: vec![vec![1, 2, 3]],
            initializer: vec![weight],
            input: vec![value("x", &[10, 3, 32, 32]), value("w", &[8, 3, 3, 3])],
            output: vec![value("y", &[10, 1, 8, 8]), value("z", &[1, 6400, 4])],
            ..Graph::default()
        };
        let bytes = Model { ir_version: Some(4), graph: Some(graph), ..Model::default() }.encode_to_vec();
        let freed = Model::decode(&free_dimensions(&bytes).unwrap()[..]).unwrap().graph.unwrap();
        let sizes = |value: &ValueInfo| -> Vec<Option<i64>> {
            value
                .r#type
                .as_ref()
                .unwrap()
                .tensor_type
                .as_ref()
                .unwrap()
                .shape
                .as_ref()
                .unwrap()
                .dim
                .iter()
                .map(|d| d.value)
                .collect()
        };
        assert_eq!(freed.input.len(), 1);
        assert_eq!(sizes(&freed.input[0]), [None, Some(3), None, None]);
        assert_eq!(sizes(&freed.output[0]), [None, Some(1), None, None]);
        assert_eq!(sizes(&freed.output[1]), [None, None, None]);
        assert_eq!(freed.node, [vec![1, 2, 3]]);
    }
}
