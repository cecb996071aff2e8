//! What a training step takes.

/// Pictures and targets of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[n, channels, side, side]`, normalised.
    pub inputs: Vec<f32>,
    /// `[n, classes]`, each row a distribution.
    pub targets: Vec<f32>,
    /// The classes that count as right; after mixup those of the larger part.
    pub classes: Vec<usize>,
    /// Which of the examples they are.
    pub rows: Vec<usize>,
    /// Pictures in the batch.
    pub n: usize,
}
