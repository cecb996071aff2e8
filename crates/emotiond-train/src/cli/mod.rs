//! The commands of `emotiond-train`.

mod compare;
pub mod data;
pub mod eval;
mod events;
pub mod fit;
mod progress;
pub mod report;
pub mod search;
pub mod summary;
mod table;

use crate::device;
use burn::tensor::Device;
use emotiond_core::{
    exit::{Exit, Failure},
    runtime::RuntimeConfig,
    stderr::say,
    stdout::print,
};

/// The device called `name`. For a GPU, a line on stderr says why the first steps take long.
fn open_device(name: &str) -> Result<Device, Failure> {
    let device = device::by_name(name).map_err(|error| Failure::new(Exit::Unavailable, error))?;
    if name != "cpu" {
        say(format_args!(
            "the first steps on {name} take minutes, while burn measures its kernels; later runs reuse the result"
        ));
    }
    Ok(device)
}

/// ONNX Runtime on all cores. The daemon classifies on one, because it has other work at the same time.
fn on_all_cores() -> RuntimeConfig {
    RuntimeConfig { intra_threads: rayon::current_num_threads(), ..RuntimeConfig::default() }
}
