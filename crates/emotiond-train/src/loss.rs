//! The loss functions: cross-entropy or mean squared error against a distribution over the classes.

use super::recipe::LossKind;
use burn::tensor::{Tensor, activation};

/// A loss function with its class weights.
#[derive(Clone, Debug)]
pub struct Loss {
    kind: LossKind,
    class_weights: Option<Vec<f32>>,
}

impl Loss {
    /// A loss; `class_weights` contains one weight per class, `None` weights all classes equally.
    pub fn new(kind: LossKind, class_weights: Option<Vec<f32>>) -> Self {
        Self { kind, class_weights }
    }

    /// Why this loss becomes NaN or infinite, and what to do.
    pub fn advice(&self) -> &'static str {
        match self.kind {
            LossKind::ReluCrossEntropy => {
                "ReLU makes negative outputs 0, and 0 has no logarithm. A classifier must not end in a ReLU, whatever \
                 the learning rate: set loss.kind = \"cross_entropy\", which has a softmax"
            }
            LossKind::CrossEntropy | LossKind::Mse => {
                "try a tenth of optimizer.learning_rate, a longer schedule.warmup_epochs, or fit.clip_norm = 1.0"
            }
        }
    }

    /// The mean loss of `logits` against `targets`, both `[samples, classes]`. With class weights, each sample is
    /// weighted by the weights of its target classes, and the sum is divided by the sum of the weights.
    pub fn forward(&self, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let [samples, classes] = targets.dims();
        let weights = self.class_weights.as_ref().map(|weights| {
            let weights =
                Tensor::<1>::from_floats(weights.as_slice(), &targets.device()).reshape([1, classes]);
            (targets.clone() * weights).sum_dim(1)
        });
        let losses = match self.kind {
            LossKind::CrossEntropy => -(activation::log_softmax(logits, 1) * targets).sum_dim(1),
            LossKind::ReluCrossEntropy => {
                let shares = activation::relu(logits);
                -((shares.clone() / shares.sum_dim(1)).log() * targets).sum_dim(1)
            }
            LossKind::Mse => (activation::softmax(logits, 1) - targets).powi_scalar(2).mean_dim(1),
        };
        match weights {
            Some(weights) => (losses * weights.clone()).sum() / weights.sum(),
            None => losses.sum() / samples as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn value(loss: &Loss, logits: [[f32; 3]; 2], targets: [[f32; 3]; 2]) -> f64 {
        let device = Device::flex();
        let tensor = |rows: [[f32; 3]; 2]| Tensor::<2>::from_floats(rows, &device);
        f64::from(loss.forward(tensor(logits), tensor(targets)).into_scalar::<f32>())
    }

    const LOGITS: [[f32; 3]; 2] = [[2.0, 0.0, -1.0], [0.5, 0.5, 1.5]];
    const TARGETS: [[f32; 3]; 2] = [[1.0, 0.0, 0.0], [0.0, 0.25, 0.75]];

    fn log_softmax(row: [f32; 3]) -> [f64; 3] {
        let total: f64 = row.iter().map(|v| f64::from(*v).exp()).sum();
        row.map(|v| f64::from(v) - total.ln())
    }

    fn cross_entropy(row: [f32; 3], target: [f64; 3]) -> f64 {
        -log_softmax(row).iter().zip(target).map(|(log, target)| log * target).sum::<f64>()
    }

    #[test]
    fn cross_entropy_takes_soft_labels() {
        let exact = |target: [f32; 3]| target.map(f64::from);
        let expected =
            (cross_entropy(LOGITS[0], exact(TARGETS[0])) + cross_entropy(LOGITS[1], exact(TARGETS[1]))) / 2.0;
        let loss = Loss::new(LossKind::CrossEntropy, None);
        assert!((value(&loss, LOGITS, TARGETS) - expected).abs() < 1e-5);
    }

    #[test]
    fn class_weights_weigh_samples_by_their_classes() {
        let exact = |target: [f32; 3]| target.map(f64::from);
        let (first, second) = (2.0, 0.25 + 0.75 * 4.0);
        let expected = (first * cross_entropy(LOGITS[0], exact(TARGETS[0]))
            + second * cross_entropy(LOGITS[1], exact(TARGETS[1])))
            / (first + second);
        let loss = Loss::new(LossKind::CrossEntropy, Some(vec![2.0, 1.0, 4.0]));
        assert!((value(&loss, LOGITS, TARGETS) - expected).abs() < 1e-5);
    }

    #[test]
    fn a_relu_instead_of_a_softmax_gives_nan_when_an_output_is_negative() {
        let loss = Loss::new(LossKind::ReluCrossEntropy, None);
        let expected = -(f64::ln(2.0 / 3.0) + 0.25 * f64::ln(0.5 / 2.5) + 0.75 * f64::ln(1.5 / 2.5)) / 2.0;
        let found = value(&loss, [[2.0, 0.5, 0.5], [0.5, 0.5, 1.5]], TARGETS);
        assert!((found - expected).abs() < 1e-5, "{found}");
        assert!(value(&loss, [[2.0, 0.5, -0.5], [0.5, 0.5, 1.5]], TARGETS).is_nan());
    }

    #[test]
    fn mean_squared_error_is_between_probabilities() {
        let loss = Loss::new(LossKind::Mse, None);
        let expected: f64 = LOGITS
            .iter()
            .zip(TARGETS)
            .flat_map(|(row, target)| log_softmax(*row).into_iter().zip(target))
            .map(|(log, target)| (log.exp() - f64::from(target)).powi(2) / 6.0)
            .sum();
        assert!((value(&loss, LOGITS, TARGETS) - expected).abs() < 1e-6);
    }
}
