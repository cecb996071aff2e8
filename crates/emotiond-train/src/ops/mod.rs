//! Convolution, batch normalisation and pooling on batches of feature maps.
//!
//! On the CPU, the maps are stored channels last and processed by our own kernels, which train several times faster
//! than those of the Flex backend. On other devices, they are stored channels first and processed by burn's kernels.

pub mod backend;
pub mod batch_norm;
pub mod bias;
pub mod by_channel;
mod compute;
pub mod dense;
pub mod depthwise;
mod dropout;
pub mod pool;
pub mod shape;
pub mod silu;
mod transforms;
pub mod winograd;

use backend::MapOps;
use burn::backend::{Dispatch, DispatchDevice};
use burn::nn::{BatchNorm, Dropout};
use burn::tensor::{
    Device, Distribution, Tensor, TensorData, activation, module,
    ops::{ConvOptions, MaxPoolOptions},
};
pub use shape::Window;

/// A batch of feature maps, in the memory order that is fastest on its device.
#[derive(Clone, Debug)]
pub struct Maps {
    tensor: Tensor<4>,
    channels_last: bool,
}

impl Maps {
    /// Maps from `[samples, channels, height, width]`.
    pub fn new(x: Tensor<4>) -> Self {
        if has_own_kernels(&x.device()) { Self::channels_last(x) } else { Self::channels_first(x) }
    }

    /// Maps that are processed by burn's own kernels on any device.
    pub fn channels_first(x: Tensor<4>) -> Self {
        Self { tensor: x, channels_last: false }
    }

    fn channels_last(x: Tensor<4>) -> Self {
        let [n, c, h, w] = x.dims();
        let tensor = if c == 1 { x.reshape([n, h, w, c]) } else { x.permute([0, 2, 3, 1]) };
        Self { tensor, channels_last: true }
    }

    /// The maps as `[samples, channels, height, width]`.
    pub fn into_tensor(self) -> Tensor<4> {
        if self.channels_last { self.tensor.permute([0, 3, 1, 2]) } else { self.tensor }
    }

    /// Convolution with `weight` `[out, in / groups, kernel, kernel]`, where `groups` is 1 or the number of channels
    /// (depthwise), with one `bias` per channel, followed by a ReLU if `relu`.
    pub fn conv2d(
        &self,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        window: Window,
        groups: usize,
        relu: bool,
    ) -> Self {
        if !self.channels_last {
            let Window { kernel: _, stride, padding } = window;
            let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], groups);
            let out = module::conv2d(self.tensor.clone(), weight, bias, options);
            return Self::channels_first(if relu { activation::relu(out) } else { out });
        }
        let x = self.tensor.clone().into_dispatch();
        let out = if groups == 1 {
            Dispatch::map_conv2d(x, weight.into_dispatch(), window)
        } else {
            let [channels, one, kernel, _] = weight.dims();
            assert!(groups == channels && one == 1, "grouped convolutions must be depthwise");
            let weight = weight.reshape([channels, kernel * kernel]).transpose();
            Dispatch::map_depthwise(x, weight.into_dispatch(), window)
        };
        let out = Self { tensor: Tensor::from_dispatch(out), channels_last: true };
        match bias {
            Some(bias) => Self {
                tensor: Tensor::from_dispatch(Dispatch::map_bias(
                    out.tensor.into_dispatch(),
                    bias.into_dispatch(),
                    relu,
                )),
                channels_last: true,
            },
            None if relu => out.map(activation::relu),
            None => out,
        }
    }

    /// Sets numbers to zero in training.
    pub fn dropout(self, dropout: &Dropout) -> Self {
        let device = self.tensor.device();
        if !(self.channels_last && device.is_autodiff() && dropout.training.is_enabled()) {
            return self.map(|x| dropout.forward(x));
        }
        // The device's generator is seeded for each epoch; so are these masks.
        let seed = Tensor::<1>::random([2], Distribution::Uniform(0.0, 16_777_216.0), &device).into_data();
        let seed = seed.iter::<f32>().fold(0, |seed, part| seed << 24 | part as u64);
        self.map(|x| {
            let mask = dropout::mask(x.shape().num_elements(), dropout.prob, seed);
            x.clone() * Tensor::from_data(TensorData::new(mask, x.shape()), &device)
        })
    }

    /// Batch normalisation with `norm`'s weights, followed by a ReLU if `relu`. In training, it uses the statistics of
    /// the batch and updates the running statistics; otherwise it uses the running statistics.
    pub fn batch_norm(&self, norm: &BatchNorm, relu: bool) -> Self {
        if !self.channels_last {
            let out = norm.forward(self.tensor.clone());
            return Self::channels_first(if relu { activation::relu(out) } else { out });
        }
        let x = self.tensor.clone().into_dispatch();
        let (gamma, beta, epsilon) = (norm.gamma.val(), norm.beta.val(), norm.epsilon as f32);
        if !(self.tensor.device().is_autodiff() && norm.training.is_enabled()) {
            let scale = gamma / (norm.running_var.value().add_scalar(epsilon)).sqrt();
            let shift = beta - norm.running_mean.value() * scale.clone();
            let out = Dispatch::map_affine(x, scale.into_dispatch(), shift.into_dispatch(), relu);
            return Self { tensor: Tensor::from_dispatch(out), channels_last: true };
        }
        let (out, mean, variance) =
            Dispatch::map_batch_norm(x, gamma.into_dispatch(), beta.into_dispatch(), epsilon, relu);
        let blend = |running: Tensor<1>, batch: Tensor<1>| {
            (running * (1.0 - norm.momentum) + batch.detach() * norm.momentum).detach()
        };
        norm.running_mean.update(blend(norm.running_mean.value_sync(), Tensor::from_dispatch(mean)));
        norm.running_var.update(blend(norm.running_var.value_sync(), Tensor::from_dispatch(variance)));
        Self { tensor: Tensor::from_dispatch(out), channels_last: true }
    }

    /// `x` times its sigmoid.
    pub fn silu(self) -> Self {
        if !self.channels_last {
            return self.map(activation::silu);
        }
        self.map(|x| Tensor::from_dispatch(Dispatch::map_silu(x.into_dispatch())))
    }

    /// Max pooling.
    pub fn max_pool(&self, window: Window) -> Self {
        let Window { kernel, stride, padding } = window;
        if !self.channels_last {
            let options =
                MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
            return Self::channels_first(module::max_pool2d(self.tensor.clone(), options));
        }
        let out = Dispatch::map_max_pool(self.tensor.clone().into_dispatch(), window);
        Self { tensor: Tensor::from_dispatch(out), channels_last: true }
    }

    /// Average pooling; the window must have no padding.
    pub fn average_pool(&self, window: Window) -> Self {
        // Computed as a depthwise convolution with equal weights, for which there is a fast kernel.
        assert_eq!(window.padding, 0, "padding would change the mean");
        let channels = self.channels();
        let weight = Tensor::full(
            [channels, 1, window.kernel, window.kernel],
            1.0 / (window.kernel * window.kernel) as f32,
            &self.tensor.device(),
        );
        self.conv2d(weight, None, window, channels, false)
    }

    /// The mean of each channel as maps of a single pixel.
    pub fn mean(&self) -> Self {
        let [rows, columns] = if self.channels_last { [1, 2] } else { [2, 3] };
        self.clone().map(|tensor| tensor.mean_dim(rows).mean_dim(columns))
    }

    /// The mean of each channel: `[samples, channels]`.
    pub fn global_average(&self) -> Tensor<2> {
        let [n, a, b, c] = self.tensor.dims();
        if self.channels_last {
            self.tensor.clone().reshape([n, a * b, c]).mean_dim(1).squeeze_dim(1)
        } else {
            self.tensor.clone().reshape([n, a, b * c]).mean_dim(2).squeeze_dim(2)
        }
    }

    /// All values of a sample in the order channel, row, column: `[samples, values]`.
    pub fn flatten(self) -> Tensor<2> {
        self.into_tensor().flatten(1, 3)
    }

    /// Applies an element-wise function.
    pub fn map(self, function: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        Self { tensor: function(self.tensor), ..self }
    }

    /// The sum with maps of the same shape.
    pub fn plus(self, other: Self) -> Self {
        assert_eq!(self.channels_last, other.channels_last, "maps in different memory orders");
        self.map(|tensor| tensor + other.tensor)
    }

    /// Multiplies each channel by its value in `factors`, which are maps of a single pixel.
    pub fn times(self, factors: Self) -> Self {
        assert_eq!(self.channels_last, factors.channels_last, "maps in different memory orders");
        self.map(|tensor| tensor * factors.tensor)
    }

    /// Concatenates the channels of `maps`, which must have the same size.
    pub fn concat(maps: Vec<Self>) -> Self {
        let channels_last = maps[0].channels_last;
        assert!(
            maps.iter().all(|maps| maps.channels_last == channels_last),
            "maps in different memory orders"
        );
        let tensors = maps.into_iter().map(|maps| maps.tensor).collect();
        Self { tensor: Tensor::cat(tensors, if channels_last { 3 } else { 1 }), channels_last }
    }

    fn channels(&self) -> usize {
        self.tensor.dims()[if self.channels_last { 3 } else { 1 }]
    }
}

fn has_own_kernels(device: &Device) -> bool {
    match device.as_dispatch() {
        DispatchDevice::Autodiff(device) => matches!(device.clone().inner(), DispatchDevice::Flex(_)),
        device => matches!(device, DispatchDevice::Flex(_)),
    }
}

#[cfg(test)]
mod tests;
