//! The device on which a network is trained, chosen by name at run time.

use burn::tensor::{Device, Tensor};
use std::{
    panic,
    sync::{Arc, OnceLock},
};
use thiserror::Error;

/// Characters of a cause that are told.
const LONGEST_CAUSE: usize = 160;

/// Why a device cannot be used.
#[derive(Debug, Error, PartialEq)]
pub enum DeviceError {
    /// No device has this name.
    #[error("there is no device {0:?}: use cpu, cuda, vulkan or wgpu")]
    Unknown(String),
    /// The program was built without support for this device.
    #[error(
        "this emotiond-train was built without {name}: build it with `--features {feature}`, or use --device cpu"
    )]
    NotBuilt {
        /// The device.
        name: &'static str,
        /// The Cargo feature to enable.
        feature: &'static str,
    },
    /// The device does not work on this machine.
    #[error("{name} cannot be used on this machine ({reason}): install its driver, or use --device cpu")]
    Unusable {
        /// The device.
        name: &'static str,
        /// The error of the first computation on the device.
        reason: String,
    },
}

/// The device called `name`, ready for training: `cpu`, `cuda`, `vulkan` or `wgpu`.
///
/// # Errors
/// When no device has this name, the program was built without it, or it does not work on this machine.
pub fn by_name(name: &str) -> Result<Device, DeviceError> {
    let device = match name {
        "cpu" => Device::flex(),
        "cuda" => usable("cuda", cuda)?,
        "vulkan" => usable("vulkan", vulkan)?,
        "wgpu" => usable("wgpu", wgpu)?,
        _ => return Err(DeviceError::Unknown(name.to_owned())),
    };
    Ok(device.autodiff())
}

/// Creates the device and runs one computation on it, because GPU libraries report errors (or panic) only then.
fn usable(name: &'static str, device: fn() -> Result<Device, DeviceError>) -> Result<Device, DeviceError> {
    // The library panics on threads of its own. The first panic has the cause, the one on this thread may only say
    // that another thread has gone.
    let first: Arc<OnceLock<String>> = Arc::default();
    let seen = first.clone();
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let _ = seen.set(panic.payload_as_str().unwrap_or("it panicked").to_owned());
    }));
    let tried = panic::catch_unwind(|| {
        device().map(|device| {
            let sum = Tensor::<1>::ones([8], &device).sum().try_into_scalar::<f32>();
            (device, sum)
        })
    });
    panic::set_hook(hook);
    let unusable = |text: &str| DeviceError::Unusable { name, reason: cause(text) };
    match tried {
        Ok(Ok((device, Ok(8.0)))) => Ok(device),
        Ok(Ok((_, Ok(sum)))) => Err(unusable(&format!("eight ones sum to {sum}"))),
        Ok(Ok((_, Err(error)))) => Err(unusable(first.get().unwrap_or(&error.to_string()))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(unusable(first.get().map_or("it panicked", String::as_str))),
    }
}

/// The innermost cause in an error of burn or its libraries: the last line before the backtrace. Some list dozens of
/// file names, so a long one is cut.
fn cause(text: &str) -> String {
    let told = text.lines().map(str::trim).take_while(|line| !line.starts_with("Backtrace"));
    let cause = told.filter(|line| !line.is_empty()).last().unwrap_or("no cause was given");
    match cause.char_indices().nth(LONGEST_CAUSE) {
        Some((end, _)) => format!("{}...", &cause[..end]),
        None => cause.to_owned(),
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device, DeviceError> {
    Ok(Device::cuda(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { name: "cuda", feature: "cuda" })
}

#[cfg(feature = "vulkan")]
fn vulkan() -> Result<Device, DeviceError> {
    Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { name: "vulkan", feature: "vulkan" })
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device, DeviceError> {
    Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { name: "wgpu", feature: "wgpu" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_trains() {
        assert!(by_name("cpu").unwrap().is_autodiff());
    }

    #[test]
    fn the_cause_is_the_last_line_before_the_backtrace() {
        let error = "An error happened\nCaused by:\n  no driver\nBacktrace:\n   0: main";
        assert_eq!(cause(error), "no driver");
        assert_eq!(cause("no adapter"), "no adapter");
        assert_eq!(cause(""), "no cause was given");
        assert_eq!(cause(&"é".repeat(200)), "é".repeat(160) + "...");
    }

    #[test]
    fn what_cannot_be_had_says_what_to_do() {
        assert!(by_name("tpu").unwrap_err().to_string().contains("cpu, cuda, vulkan or wgpu"));
        for name in ["cuda", "vulkan", "wgpu"] {
            // On a machine without that GPU, the error names the alternative.
            if let Err(error) = by_name(name) {
                assert!(error.to_string().contains("--device cpu"), "{error}");
            }
        }
    }
}
