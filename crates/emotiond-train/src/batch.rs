//! The input of a training step.

/// Pictures and targets of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[n, channels, side, side]`, normalised.
    pub inputs: Vec<f32>,
    /// `[n, classes]`, each row a distribution.
    pub targets: Vec<f32>,
    /// The correct classes; after mixup, the class of the picture with the larger weight.
    pub classes: Vec<usize>,
    /// Indices of the examples.
    pub rows: Vec<usize>,
    /// Number of pictures in the batch.
    pub n: usize,
}
