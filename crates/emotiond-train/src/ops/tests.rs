//! Compares every kernel with burn's own, forward and backward, and the gradients with finite differences.

use super::*;
use burn::tensor::Tolerance;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A function of maps and weights, run once with our kernels and once with burn's.
type Function = fn(Maps, &[Tensor<4>]) -> Maps;

fn device() -> Device {
    Device::flex().autodiff()
}

/// Weights for reducing the output to one number. With the plain sum or the sum of squares, gradients would vanish
/// after a batch normalisation.
fn weighing(shape: [usize; 4]) -> TensorData {
    random(shape, 99)
}

/// Output of `function`, and gradients of the weighted sum of the output.
fn run(own: bool, function: Function, x: &TensorData, weights: &[TensorData]) -> Vec<TensorData> {
    let device = device();
    let x = Tensor::<4>::from_data(x.clone(), &device).require_grad();
    let weights: Vec<_> =
        weights.iter().map(|w| Tensor::<4>::from_data(w.clone(), &device).require_grad()).collect();
    let maps = if own { Maps::new(x.clone()) } else { Maps::channels_first(x.clone()) };
    assert_eq!(maps.channels_last, own);
    let out = function(maps, &weights).into_tensor();
    let weighing = Tensor::from_data(weighing(out.dims()), &device);
    let grads = (out.clone() * weighing).sum().backward();
    let mut results = vec![out.into_data(), x.grad(&grads).expect("a gradient").into_data()];
    results.extend(weights.iter().map(|w| w.grad(&grads).expect("a gradient").into_data()));
    results
}

/// Random values without burn's generator, which is shared by all tests that run at the same time.
fn random(shape: [usize; 4], seed: u64) -> TensorData {
    let values: Vec<f32> =
        ChaCha8Rng::seed_from_u64(seed).sample_iter(StandardNormal).take(shape.iter().product()).collect();
    TensorData::new(values, shape)
}

fn agrees(function: Function, x: [usize; 4], weights: &[[usize; 4]]) {
    let x = random(x, 1);
    let weights: Vec<_> = weights.iter().zip(2..).map(|(shape, seed)| random(*shape, seed)).collect();
    let own = run(true, function, &x, &weights);
    let stock = run(false, function, &x, &weights);
    for (own, stock) in own.iter().zip(&stock) {
        let scale = stock.iter::<f32>().fold(0.0f32, |max, value| max.max(value.abs()));
        for (own, stock) in own.iter::<f32>().zip(stock.iter::<f32>()) {
            assert!((own - stock).abs() <= 1e-4 * scale, "{own} is not {stock}, among values up to {scale}");
        }
    }
    difference_quotients(function, &x, &weights, &own);
}

/// Compares some elements of each gradient with (f(v + h) - f(v - h)) / 2h.
fn difference_quotients(function: Function, x: &TensorData, weights: &[TensorData], results: &[TensorData]) {
    const STEP: f32 = 1e-3;
    let objective = |inputs: &[TensorData]| -> f64 {
        let device = device();
        let x = Tensor::<4>::from_data(inputs[0].clone(), &device);
        let weights: Vec<_> =
            inputs[1..].iter().map(|w| Tensor::<4>::from_data(w.clone(), &device)).collect();
        let out = function(Maps::new(x), &weights).into_tensor();
        let (weighing, out) = (weighing(out.dims()), out.into_data());
        out.iter::<f32>().zip(weighing.iter::<f32>()).map(|(v, w)| f64::from(v) * f64::from(w)).sum()
    };
    let inputs: Vec<TensorData> = std::iter::once(x).chain(weights).cloned().collect();
    for (which, gradient) in results[1..].iter().enumerate() {
        let gradient: Vec<f32> = gradient.iter::<f32>().collect();
        let scale = gradient.iter().fold(0.0f32, |max, g| max.max(g.abs()));
        for at in (0..gradient.len()).step_by(gradient.len().div_ceil(7)) {
            let moved = |step: f32| {
                let mut inputs = inputs.clone();
                let mut values: Vec<f32> = inputs[which].iter::<f32>().collect();
                values[at] += step;
                inputs[which] = TensorData::new(values, inputs[which].shape().clone());
                objective(&inputs)
            };
            let quotient = ((moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP)) as f32;
            let error = (quotient - gradient[at]).abs();
            assert!(error <= 0.02 * scale, "input {which}, entry {at}: {quotient} against {}", gradient[at]);
        }
    }
}

#[test]
fn dense_convolutions() {
    agrees(|x, w| x.conv2d(w[0].clone(), None, Window::same(3, 1), 1, false), [3, 5, 7, 6], &[[4, 5, 3, 3]]);
    agrees(|x, w| x.conv2d(w[0].clone(), None, Window::valid(3, 1), 1, false), [2, 1, 9, 9], &[[8, 1, 3, 3]]);
    agrees(
        |x, w| x.conv2d(w[0].clone(), None, Window::same(5, 2), 1, false),
        [2, 3, 11, 8],
        &[[16, 3, 5, 5]],
    );
}

#[test]
fn convolutions_in_tiles() {
    for (padding, height, width) in [(0, 10, 11), (1, 7, 12), (1, 3, 4), (2, 9, 6)] {
        let window = Window { kernel: 3, stride: 1, padding };
        let shape = shape::MapShape { n: 1, h: height, w: width, c: 16 };
        assert!(winograd::suits(&dense::Convolution { shape, window, channels: 32 }));
    }
    let weight = [[32, 16, 3, 3]];
    agrees(|x, w| x.conv2d(w[0].clone(), None, Window::valid(3, 1), 1, false), [3, 16, 10, 11], &weight);
    agrees(|x, w| x.conv2d(w[0].clone(), None, Window::same(3, 1), 1, false), [5, 16, 7, 12], &weight);
    // More samples than are multiplied at once, and a last part that is not full.
    agrees(|x, w| x.conv2d(w[0].clone(), None, Window::same(3, 1), 1, false), [150, 16, 3, 4], &weight);
    agrees(
        |x, w| x.conv2d(w[0].clone(), None, Window { kernel: 3, stride: 1, padding: 2 }, 1, false),
        [2, 16, 9, 6],
        &weight,
    );
}

#[test]
fn dropout_scales_what_it_keeps_and_its_gradient_and_does_nothing_in_inference() {
    use burn::nn::DropoutConfig;
    let dropout = DropoutConfig::new(0.5).init();
    let data = random([2, 16, 30, 30], 1);
    let x = Tensor::<4>::from_data(data.clone(), &device()).require_grad();
    let out = Maps::new(x.clone()).dropout(&dropout).into_tensor();
    let grads = out.clone().sum().backward();
    let (out, grad) = (out.into_data(), x.grad(&grads).expect("a gradient").into_data());
    let mut kept = 0;
    for ((x, out), grad) in data.iter::<f32>().zip(out.iter::<f32>()).zip(grad.iter::<f32>()) {
        assert!(
            out == x * grad && (grad == 0.0 || grad == 2.0),
            "{x} became {out}, with the gradient {grad}"
        );
        kept += u32::from(grad > 0.0);
    }
    assert!((13_000..15_800).contains(&kept), "{kept} of 28,800 numbers were kept");
    let inference = Maps::new(Tensor::from_data(data.clone(), &Device::flex())).dropout(&dropout);
    inference.into_tensor().into_data().assert_eq(&data, true);
}

#[test]
fn pointwise_convolutions() {
    agrees(
        |x, w| x.conv2d(w[0].clone(), None, Window::valid(1, 1), 1, false),
        [17, 8, 5, 5],
        &[[16, 8, 1, 1]],
    );
    agrees(
        |x, w| x.conv2d(w[0].clone(), None, Window::valid(1, 2), 1, false),
        [3, 16, 11, 11],
        &[[32, 16, 1, 1]],
    );
}

#[test]
fn depthwise_convolutions() {
    for channels in [16, 8, 3] {
        let shape = [3, channels, 9, 7];
        agrees(
            |x, w| {
                let groups = w[0].dims()[0];
                x.conv2d(w[0].clone(), None, Window::same(3, 1), groups, false)
            },
            shape,
            &[[channels, 1, 3, 3]],
        );
        agrees(
            |x, w| {
                let groups = w[0].dims()[0];
                x.conv2d(w[0].clone(), None, Window::same(5, 2), groups, false)
            },
            shape,
            &[[channels, 1, 5, 5]],
        );
    }
}

#[test]
fn a_bias_is_added_to_each_channel_and_relu_follows() {
    fn conv(x: &Maps, w: &[Tensor<4>], relu: bool) -> Maps {
        let [channels, ..] = w[1].dims();
        let bias = w[1].clone().reshape([channels]);
        x.conv2d(w[0].clone(), Some(bias), Window::same(3, 1), 1, relu)
    }
    for channels in [4, 32] {
        let weights = [[channels, 3, 3, 3], [channels, 1, 1, 1]];
        agrees(|x, w| conv(&x, w, false), [2, 3, 6, 6], &weights);
        agrees(|x, w| conv(&x, w, true), [2, 3, 6, 6], &weights);
    }
}

#[test]
fn silu_and_its_gradient() {
    agrees(|x, _| x.silu(), [3, 5, 7, 6], &[]);
}

#[test]
fn max_pooling() {
    agrees(|x, _| x.max_pool(Window::same(3, 2)), [3, 16, 11, 11], &[]);
    agrees(|x, _| x.max_pool(Window::same(3, 2)), [2, 5, 8, 6], &[]);
    agrees(|x, _| x.max_pool(Window::valid(2, 2)), [2, 8, 9, 9], &[]);
}

#[test]
fn average_pooling_and_gates() {
    agrees(|x, _| x.average_pool(Window::valid(2, 2)), [3, 16, 7, 6], &[]);
    agrees(
        |x, w| {
            let means = x.mean().conv2d(w[0].clone(), None, Window::valid(1, 1), 1, false);
            x.times(means)
        },
        [3, 8, 5, 4],
        &[[8, 8, 1, 1]],
    );
    let pooled = Maps::new(Tensor::from_data([[[[1.0f32, 2.0, 9.0], [3.0, 6.0, 9.0]]]], &Device::flex()))
        .average_pool(Window::valid(2, 2));
    pooled.into_tensor().into_data().assert_eq(&TensorData::from([[[[3.0f32]]]]), true);
}

#[test]
fn concatenation() {
    agrees(
        |x, w| {
            let way = x.conv2d(w[0].clone(), None, Window::same(3, 1), 1, false);
            Maps::concat(vec![way, x])
        },
        [2, 3, 5, 6],
        &[[4, 3, 3, 3]],
    );
}

#[test]
fn batch_normalisation_in_training() {
    fn norm(x: &Maps, w: &[Tensor<4>], relu: bool) -> Maps {
        let [channels, ..] = w[0].dims();
        let mut norm = burn::nn::BatchNormConfig::new(channels).init(&x.tensor.device());
        norm.gamma = norm.gamma.map(|_| w[0].clone().reshape([channels]));
        norm.beta = norm.beta.map(|_| w[1].clone().reshape([channels]));
        x.batch_norm(&norm, relu)
    }
    for channels in [8, 16, 3, 128] {
        let weights = [[channels, 1, 1, 1]; 2];
        agrees(|x, w| norm(&x, w, false), [4, channels, 6, 5], &weights);
        agrees(|x, w| norm(&x, w, true), [4, channels, 6, 5], &weights);
    }
}

#[test]
fn running_statistics_follow_the_batches_and_serve_inference() {
    let device = device();
    let norms = [true, false].map(|own| {
        let norm = burn::nn::BatchNormConfig::new(16).init(&device);
        for seed in 0..3 {
            let x = Tensor::<4>::from_data(random([4, 16, 5, 5], seed), &device) * 3.0 + 2.0;
            let maps = if own { Maps::new(x) } else { Maps::channels_first(x) };
            maps.batch_norm(&norm, true);
        }
        norm
    });
    let tolerance = Tolerance::<f32>::relative(1e-4);
    let [own, stock] = &norms;
    own.running_mean.value().into_data().assert_approx_eq(&stock.running_mean.value().into_data(), tolerance);
    own.running_var.value().into_data().assert_approx_eq(&stock.running_var.value().into_data(), tolerance);

    let x = Tensor::<4>::from_data(random([2, 16, 5, 5], 9), &Device::flex());
    let [own, stock] = norms.map(|norm| burn::module::Module::valid(&norm));
    let ours = Maps::new(x.clone()).batch_norm(&own, true).into_tensor().into_data();
    ours.assert_approx_eq(
        &Maps::channels_first(x).batch_norm(&stock, true).into_tensor().into_data(),
        tolerance,
    );
}

#[test]
fn a_small_variance_beside_a_large_mean_survives() {
    let x: Vec<f32> = (0..4096).map(|i| 1000.0 + (i % 7) as f32 * 0.01).collect();
    let statistics = batch_norm::statistics(&x, 1);
    let mean = x.iter().map(|v| f64::from(*v)).sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / x.len() as f64;
    assert!((f64::from(statistics.variance[0]) / variance - 1.0).abs() < 1e-3);
}
