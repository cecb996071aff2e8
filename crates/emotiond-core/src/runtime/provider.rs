//! Execution providers: names, options, and what is missing if a provider is unavailable.

use crate::paths;
use ort::ep::{self, ExecutionProviderDispatch, cuda::ConvAlgorithmSearch};
use serde::{Deserialize, Serialize};
use std::{
    env, fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// An execution provider: the hardware and library that run a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The CPU, with ONNX Runtime's own kernels.
    Cpu,
    /// NVIDIA GPUs with CUDA and cuDNN.
    Cuda,
    /// NVIDIA GPUs with TensorRT engines.
    TensorRt,
    /// Intel CPUs, GPUs and NPUs with OpenVINO.
    OpenVino,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::OpenVino => "openvino",
        })
    }
}

/// The numerical precision of an accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats, with which the networks were trained.
    #[default]
    Full,
    /// 16-bit floats where the accelerator supports them: faster, and probabilities differ in the third digit.
    Half,
}

/// The choice of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProviderChoice {
    /// The best provider that works.
    #[default]
    Auto,
    /// This provider; an error if it does not work.
    Named(Provider),
}

impl FromStr for ProviderChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Provider::Cpu, Provider::Cuda, Provider::TensorRt, Provider::OpenVino];
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let named = known.into_iter().find(|provider| provider.to_string() == text);
        named.map(Self::Named).ok_or_else(|| {
            format!("unknown execution provider `{text}`: use cpu, cuda, tensorrt, openvino or auto")
        })
    }
}

impl TryFrom<String> for ProviderChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProviderChoice> for String {
    fn from(choice: ProviderChoice) -> Self {
        match choice {
            ProviderChoice::Auto => "auto".to_owned(),
            ProviderChoice::Named(provider) => provider.to_string(),
        }
    }
}

impl Provider {
    /// The provider with its options; registering it fails with an error if the provider is unavailable.
    pub(super) fn dispatch(
        self,
        precision: Precision,
        threads: usize,
        cache_dir: &Path,
    ) -> Vec<ExecutionProviderDispatch> {
        let cache = cache_dir.display().to_string();
        match self {
            // Without the arena, the C library's heaps keep several times the memory that a run needs.
            Self::Cpu => vec![ep::CPU::default().with_arena_allocator(true).build().error_on_failure()],
            Self::Cuda => vec![cuda().build().error_on_failure()],
            // Engines are cached, because a build takes minutes.
            Self::TensorRt => vec![
                ep::TensorRT::default()
                    .with_fp16(precision == Precision::Half)
                    .with_engine_cache(true)
                    .with_engine_cache_path(&cache)
                    .with_timing_cache(true)
                    .with_timing_cache_path(&cache)
                    .build()
                    .error_on_failure(),
                cuda().build().error_on_failure(),
            ],
            Self::OpenVino => {
                // By default, OpenVINO uses all cores for each run, and the vision threads would compete for them.
                let openvino = ep::OpenVINO::default().with_num_threads(threads).with_cache_dir(&cache);
                let openvino = match precision {
                    Precision::Full => openvino,
                    Precision::Half => openvino.with_precision("FP16"),
                };
                vec![openvino.build().error_on_failure()]
            }
        }
    }

    /// Whether it can run networks with 32-bit weights in half precision.
    pub(super) fn has_half_precision(self) -> bool {
        matches!(self, Self::TensorRt | Self::OpenVino)
    }

    /// The batch sizes used with this provider. TensorRT needs an engine for each, and on CPUs, batches that exceed the
    /// cache are not faster.
    pub fn batch_sizes(self) -> &'static [usize] {
        match self {
            Self::Cpu => &[1, 2, 3, 4, 5, 6, 7, 8],
            Self::OpenVino => &[1, 4, 8],
            Self::Cuda | Self::TensorRt => &[1, 4, 16, 64],
        }
    }

    pub(super) fn remedy(self, library: &Path) -> String {
        let beside = |file: &str| library.with_file_name(file).exists();
        let (file, kind) = match self {
            Self::Cpu => {
                return format!("the runtime's library is broken: run `{}`", paths::runtime_installer());
            }
            Self::Cuda => ("libonnxruntime_providers_cuda.so", "cuda"),
            Self::TensorRt => ("libonnxruntime_providers_tensorrt.so", "cuda"),
            Self::OpenVino => ("libonnxruntime_providers_openvino.so", "openvino"),
        };
        if !beside(file) {
            return format!(
                "the library {file} is missing beside {}: {}",
                library.display(),
                paths::accelerator_remedy(kind)
            );
        }
        match self {
            Self::Cuda => "install NVIDIA's driver, CUDA 13 (libcudart.so.13, libcublas.so.13) and cuDNN 9 (libcudnn.so.9)".to_owned(),
            Self::TensorRt => "install NVIDIA's driver, CUDA 13, cuDNN 9 and TensorRT 10 (libnvinfer.so.10)".to_owned(),
            _ => "install the libraries that OpenVINO needs (libopenvino.so comes with the wheel)".to_owned(),
        }
    }
}

/// CUDA with cuDNN's heuristics, because its default, a measurement of all kernels, takes most of a second for each new
/// frame size. Without TF32, whose rounding to ten bits moves probabilities by several hundredths.
fn cuda() -> ep::CUDA {
    ep::CUDA::default().with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic).with_tf32(false)
}

/// The folder in which engines are cached between runs.
pub(super) fn default_cache_dir() -> PathBuf {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_else(env::temp_dir).join("emotiond")
}

/// A network of one node, `y = Relu(x)` with `x: float[1]`, to test whether a provider works.
pub(super) const PROBE: &[u8] = include_bytes!("probe.onnx");
