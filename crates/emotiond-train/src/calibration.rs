//! Temperature scaling (Guo et al. 2017): the logits are divided by one number so that the confidence matches the
//! accuracy.

/// The range that is searched for the temperature.
const RANGE: (f64, f64) = (0.05, 20.0);
/// Number of golden-section steps: enough to find the logarithm with an error below 1e-8.
const STEPS: usize = 48;

/// The temperature that minimises the mean negative log-likelihood of the true `classes` under
/// softmax(`logits` / temperature); `logits` is `[rows, width]`. The loss is convex in 1 / temperature, so it has one
/// minimum, which golden-section search finds (Kiefer 1953).
///
/// # Panics
/// When the lengths do not match or there are no rows.
pub fn fit_temperature(logits: &[f32], classes: &[usize], width: usize) -> f64 {
    assert!(!classes.is_empty() && logits.len() == classes.len() * width, "one row of logits for each class");
    let loss = |log_temperature: f64| negative_log_likelihood(logits, classes, width, log_temperature.exp());
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (loss(left), loss(right));
    for _ in 0..STEPS {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = loss(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = loss(right);
        }
    }
    f64::midpoint(low, high).exp()
}

/// The mean negative log-likelihood of the true `classes` at `temperature`.
pub fn negative_log_likelihood(logits: &[f32], classes: &[usize], width: usize, temperature: f64) -> f64 {
    let rows = logits.chunks_exact(width).zip(classes);
    let sum: f64 = rows
        .map(|(row, &class)| {
            let scaled = |logit: f32| f64::from(logit) / temperature;
            let highest = row.iter().copied().map(scaled).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|&logit| (scaled(logit) - highest).exp()).sum();
            highest + sum.ln() - scaled(row[class])
        })
        .sum();
    sum / classes.len() as f64
}

/// softmax(`logits` / `temperature`), row by row.
pub fn softmax(logits: &[f32], width: usize, temperature: f64) -> Vec<f32> {
    let mut probabilities = Vec::with_capacity(logits.len());
    for row in logits.chunks_exact(width) {
        let mut scaled: Vec<f64> = row.iter().map(|&logit| f64::from(logit) / temperature).collect();
        softmax_in_place(&mut scaled);
        probabilities.extend(scaled.into_iter().map(|probability| probability as f32));
    }
    probabilities
}

/// Replaces logits by their softmax.
pub fn softmax_in_place(row: &mut [f64]) {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter_mut().for_each(|value| *value = (*value - highest).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draw;
    use rand::RngExt;

    /// The classes are drawn from softmax(logits), so the best temperature of `factor` times the logits is `factor`.
    #[test]
    fn recovers_the_temperature_that_the_classes_were_drawn_at() {
        let mut random = Draw::Split.random(1, 0, 0);
        let logits: Vec<f32> = (0..3 * 20_000).map(|_| random.random::<f32>() * 4.0).collect();
        let classes: Vec<usize> = softmax(&logits, 3, 1.0)
            .chunks(3)
            .map(|row| {
                let drawn: f32 = random.random();
                usize::from(drawn > row[0]) + usize::from(drawn > row[0] + row[1])
            })
            .collect();
        for factor in [0.5_f32, 1.0, 3.0] {
            let scaled: Vec<f32> = logits.iter().map(|logit| logit * factor).collect();
            let ratio = fit_temperature(&scaled, &classes, 3) / f64::from(factor);
            assert!((ratio - 1.0).abs() < 0.05, "{factor}: {ratio}");
        }
    }

    #[test]
    fn the_minimum_is_a_minimum() {
        let logits = [2.0, 0.0, 1.5, 0.5, 0.0, 1.0, 0.2, 0.1];
        let classes = [0, 1, 1, 0];
        let best = fit_temperature(&logits, &classes, 2);
        let at_best = negative_log_likelihood(&logits, &classes, 2, best);
        for factor in [0.9, 0.99, 1.01, 1.1] {
            assert!(at_best <= negative_log_likelihood(&logits, &classes, 2, best * factor));
        }
    }

    #[test]
    fn softmax_of_a_known_row() {
        let probabilities = softmax(&[1.0, 2.0, 3.0, 1000.0, 0.0, -1000.0], 3, 1.0);
        let expected = [0.090_030_57, 0.244_728_47, 0.665_240_96, 1.0, 0.0, 0.0];
        assert!(probabilities.iter().zip(expected).all(|(p, e)| (p - e).abs() < 1e-6), "{probabilities:?}");
    }
}
