//! Registers the kernels as a burn backend extension: forward and backward passes for the Flex backend with autodiff.

use super::shape::{MapShape, Window};
use super::{
    batch_norm::{self, Normalisation},
    bias, by_channel,
    dense::{self, Convolution},
    depthwise, pool, silu,
};
use burn::backend::{
    Autodiff, Backend, DType, Flex, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    backend_extension,
    tensor::FloatTensor,
};
use burn::tensor::Bytes;
use burn_flex::{FlexTensor, Layout};

/// Operations on maps of shape `[samples, height, width, channels]`.
#[backend_extension(Flex, Autodiff)]
pub trait MapOps: Backend {
    /// Convolution; `weight` is `[out, in, kernel, kernel]`.
    fn map_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;
    /// Depthwise convolution; `weight` is `[kernel, kernel, channels]`.
    fn map_depthwise(x: FloatTensor<Self>, weight: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;
    /// Batch normalisation with the statistics of the batch, followed by a ReLU if `relu`. Returns the maps, the means
    /// and the biased variances; the last two have no gradient.
    fn map_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// `x + bias` per channel, followed by a ReLU if `relu`.
    fn map_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>, relu: bool) -> FloatTensor<Self>;
    /// `x * scale + shift` per channel, followed by a ReLU if `relu`. Only for inference: no gradient.
    fn map_affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;
    /// `x` times its sigmoid.
    fn map_silu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Max pooling.
    fn map_max_pool(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;
}

impl MapOps for Flex {
    fn map_conv2d(x: FlexTensor, weight: FlexTensor, window: Window) -> FlexTensor {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let (shape, channels) = (shape(&x), weight.shape()[0]);
        let out = dense::forward(values(&x), values(&weight), &Convolution { shape, window, channels });
        tensor(out, &window.output(shape, channels).dims())
    }

    fn map_depthwise(x: FlexTensor, weight: FlexTensor, window: Window) -> FlexTensor {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let shape = shape(&x);
        tensor(
            depthwise::forward(values(&x), shape, values(&weight), window),
            &window.output(shape, shape.c).dims(),
        )
    }

    fn map_batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f32,
        relu: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let norm = Norm::new(&x, &gamma, &beta, epsilon, relu);
        let (mean, variance) = norm.statistics_tensors();
        (norm.forward(), mean, variance)
    }

    fn map_bias(x: FlexTensor, bias: FlexTensor, relu: bool) -> FlexTensor {
        let (x, bias) = (x.to_contiguous(), bias.to_contiguous());
        like(bias::forward(values(&x), values(&bias), relu), &x)
    }

    fn map_affine(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, relu: bool) -> FlexTensor {
        let x = x.to_contiguous();
        let (scale, shift) = (scale.to_contiguous(), shift.to_contiguous());
        tensor(by_channel::affine(values(&x), values(&scale), values(&shift), relu), &shape(&x).dims())
    }

    fn map_silu(x: FlexTensor) -> FlexTensor {
        let x = x.to_contiguous();
        like(silu::forward(values(&x)), &x)
    }

    fn map_max_pool(x: FlexTensor, window: Window) -> FlexTensor {
        let x = x.to_contiguous();
        let shape = shape(&x);
        tensor(pool::forward(values(&x), shape, window).0, &window.output(shape, shape.c).dims())
    }
}

impl<C: CheckpointStrategy> MapOps for Autodiff<Flex, C> {
    fn map_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        let needs_input = x.is_tracked();
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let out = Flex::map_conv2d(x.clone(), weight.clone(), window);
        match DenseBackward.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, window, needs_input), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn map_depthwise(x: FloatTensor<Self>, weight: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let out = Flex::map_depthwise(x.clone(), weight.clone(), window);
        match DepthwiseBackward.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, window), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn map_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ((x, x_node), (gamma, gamma_node), (beta, beta_node)) =
            (x.into_parts(), gamma.into_parts(), beta.into_parts());
        let norm = Norm::new(&x, &gamma, &beta, epsilon, relu);
        let (mean, variance) = norm.statistics_tensors();
        let out = norm.forward();
        let out = match NormBackward.prepare::<C>([x_node, gamma_node, beta_node]).compute_bound().stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(norm, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (out, FloatTensor::<Self>::new(mean), FloatTensor::<Self>::new(variance))
    }

    fn map_bias(x: FloatTensor<Self>, bias: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let ((x, x_node), (bias, bias_node)) = (x.into_parts(), bias.into_parts());
        let channels = bias.shape()[0];
        let out = Flex::map_bias(x, bias, relu);
        match BiasBackward.prepare::<C>([x_node, bias_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((out.clone(), channels, relu), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn map_affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self> {
        FloatTensor::<Self>::new(Flex::map_affine(
            x.into_primitive(),
            scale.into_primitive(),
            shift.into_primitive(),
            relu,
        ))
    }

    fn map_silu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = x.to_contiguous();
        let out = Flex::map_silu(x.clone());
        match SiluBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x, out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }

    fn map_max_pool(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = x.to_contiguous();
        let shape = shape(&x);
        let (out, places) = pool::forward(values(&x), shape, window);
        let out = tensor(out, &window.output(shape, shape.c).dims());
        match PoolBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((shape, window, places), out),
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}

#[derive(Debug)]
struct DenseBackward;

impl Backward<Flex, 2> for DenseBackward {
    type State = (FlexTensor, FlexTensor, Window, bool);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, weight, window, needs_input) = ops.state;
        let channels = weight.shape()[0];
        let convolution = Convolution { shape: shape(&x), window, channels };
        let (grad_x, grad_weight) =
            dense::backward(values(&x), values(&weight), &convolution, values(&grad), needs_input);
        let [x_node, weight_node] = ops.parents;
        if let (Some(node), Some(grad_x)) = (x_node, grad_x) {
            grads.register::<Flex>(node.id, tensor(grad_x, &shape(&x).dims()));
        }
        if let Some(node) = weight_node {
            grads.register::<Flex>(node.id, like(grad_weight, &weight));
        }
    }
}

#[derive(Debug)]
struct DepthwiseBackward;

impl Backward<Flex, 2> for DepthwiseBackward {
    type State = (FlexTensor, FlexTensor, Window);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, weight, window) = ops.state;
        let (grad_x, grad_weight) =
            depthwise::backward(values(&x), shape(&x), values(&weight), window, values(&grad));
        let [x_node, weight_node] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, like(grad_x, &x));
        }
        if let Some(node) = weight_node {
            grads.register::<Flex>(node.id, like(grad_weight, &weight));
        }
    }
}

#[derive(Debug)]
struct BiasBackward;

impl Backward<Flex, 2> for BiasBackward {
    type State = (FlexTensor, usize, bool);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (out, channels, relu) = ops.state;
        let (grad_x, grad_bias) = bias::backward(values(&out), values(&grad), channels, relu);
        let [x_node, bias_node] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, like(grad_x, &out));
        }
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, tensor(grad_bias, &[channels]));
        }
    }
}

#[derive(Debug)]
struct SiluBackward;

impl Backward<Flex, 1> for SiluBackward {
    type State = FlexTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let x = ops.state;
        if let [Some(node)] = ops.parents {
            grads.register::<Flex>(node.id, like(silu::backward(values(&x), values(&grad)), &x));
        }
    }
}

#[derive(Debug)]
struct PoolBackward;

impl Backward<Flex, 1> for PoolBackward {
    type State = (MapShape, Window, Vec<u8>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (shape, window, places) = ops.state;
        if let [Some(node)] = ops.parents {
            let grad_x = pool::backward(shape, window, &places, values(&grad));
            grads.register::<Flex>(node.id, tensor(grad_x, &shape.dims()));
        }
    }
}

#[derive(Debug)]
struct NormBackward;

impl Backward<Flex, 3> for NormBackward {
    type State = Norm;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let norm = ops.state;
        let (grad_x, grad_gamma, grad_beta) =
            batch_norm::backward(values(&norm.x), &norm.normalisation(), values(&grad));
        let shapes = [&norm.x, &norm.gamma, &norm.beta];
        for ((node, grad), shape) in ops.parents.into_iter().zip([grad_x, grad_gamma, grad_beta]).zip(shapes)
        {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, like(grad, shape));
            }
        }
    }
}

/// The values that the backward pass of a batch normalisation needs.
#[derive(Clone, Debug)]
struct Norm {
    x: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    epsilon: f32,
    relu: bool,
    statistics: batch_norm::Statistics,
}

impl Norm {
    fn new(x: &FlexTensor, gamma: &FlexTensor, beta: &FlexTensor, epsilon: f32, relu: bool) -> Self {
        let (x, gamma, beta) = (x.to_contiguous(), gamma.to_contiguous(), beta.to_contiguous());
        let statistics = batch_norm::statistics(values(&x), shape(&x).c);
        Self { x, gamma, beta, epsilon, relu, statistics }
    }

    fn forward(&self) -> FlexTensor {
        let (scale, shift) = batch_norm::scale_and_shift(&self.normalisation());
        like(by_channel::affine(values(&self.x), &scale, &shift, self.relu), &self.x)
    }

    fn normalisation(&self) -> Normalisation<'_> {
        Normalisation {
            statistics: &self.statistics,
            gamma: values(&self.gamma),
            beta: values(&self.beta),
            epsilon: self.epsilon,
            relu: self.relu,
        }
    }

    fn statistics_tensors(&self) -> (FlexTensor, FlexTensor) {
        let channels = [self.statistics.mean.len()];
        (tensor(self.statistics.mean.clone(), &channels), tensor(self.statistics.variance.clone(), &channels))
    }
}

fn shape(maps: &FlexTensor) -> MapShape {
    let dims = maps.shape();
    MapShape { n: dims[0], h: dims[1], w: dims[2], c: dims[3] }
}

fn values(contiguous: &FlexTensor) -> &[f32] {
    contiguous.as_slice().expect("a contiguous tensor of f32")
}

fn like(values: Vec<f32>, other: &FlexTensor) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(other.shape()), DType::F32)
}

fn tensor(values: Vec<f32>, dims: &[usize]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(dims.into()), DType::F32)
}
