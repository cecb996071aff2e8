//! The offline trainer: data in, an ONNX model and a report out.
