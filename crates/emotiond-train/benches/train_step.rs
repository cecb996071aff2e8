//! Measures the training speed on random pictures: `cargo bench -p emotiond-train --bench train_step -- [arch] [batch]
//! [seconds] [stock]`. With `stock`, the same network uses burn's own kernels.

use burn::module::Module;
use burn::nn::Initializer;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Tensor};
use emotiond_train::{arch, loss::Loss, ops::Maps, recipe::LossKind};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    emotiond_train::memory::keep_freed_pages();
    emotiond_train::threads::join_pool();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let argument =
        |at: usize, default: &str| arguments.get(at).cloned().unwrap_or_else(|| default.to_owned());
    let arch_name = argument(0, "mini_xception");
    let batch: usize = argument(1, "64").parse().expect("a batch size");
    let duration = Duration::from_secs_f64(argument(2, "10").parse().expect("seconds"));
    let stock = argument(3, "own") == "stock";

    let device = Device::flex().autodiff();
    device.seed(1);
    let spec = arch::NetworkSpec::published(&arch_name, 1, 48, 7);
    let initializer = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false };
    let mut network = arch::build(&spec, initializer, &device).expect("a known architecture");
    let mut optimizer = AdamConfig::new().init();
    let loss = Loss::new(LossKind::CrossEntropy, None);
    let x =
        Tensor::<4>::random([batch, 1, 48, 48], Distribution::Normal(0.0, 1.0), &Device::flex()).into_data();
    let targets =
        Tensor::<2>::random([batch, 7], Distribution::Uniform(0.0, 1.0), &Device::flex()).into_data();

    let parameters = network.num_params();
    let (mut steps, mut phases) = (0, [Duration::ZERO; 3]);
    let mut start = Instant::now();
    loop {
        let begin = Instant::now();
        let x = Tensor::<4>::from_data(x.clone(), &device);
        let maps = if stock { Maps::channels_first(x) } else { Maps::new(x) };
        let value = loss.forward(network.forward_maps(maps), Tensor::from_data(targets.clone(), &device));
        let forward = Instant::now();
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        let backward = Instant::now();
        network = optimizer.step(1e-3, network, gradients);
        let end = Instant::now();
        steps += 1;
        if steps == 3 {
            // The first steps warm up the caches and the allocator.
            (start, phases) = (Instant::now(), [Duration::ZERO; 3]);
        } else {
            for (sum, part) in phases.iter_mut().zip([forward - begin, backward - forward, end - backward]) {
                *sum += part;
            }
        }
        if steps > 3 && start.elapsed() >= duration {
            break;
        }
    }
    let measured = (steps - 3) as f64;
    let [forward, backward, update] = phases.map(|phase| phase.as_secs_f64() * 1e3 / measured);
    println!(
        "{} {parameters} parameters, batch {batch}, {}: {:.0} images/s; a step: forward {forward:.1} ms, backward {backward:.1} ms, update {update:.1} ms",
        spec.arch,
        if stock { "burn's kernels" } else { "own kernels" },
        measured * batch as f64 / start.elapsed().as_secs_f64(),
    );
}
