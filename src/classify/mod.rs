//! From crops to probabilities: the model's description, the runtime and batching.
pub mod description;
