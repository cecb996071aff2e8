//! The device on which a network is trained, chosen by name at run time.

use burn::tensor::Device;
use std::panic;
use thiserror::Error;

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
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let tried = panic::catch_unwind(|| {
        device().map(|device| {
            let sum = burn::tensor::Tensor::<1>::ones([8], &device).sum().into_scalar::<f32>();
            (device, sum)
        })
    });
    panic::set_hook(hook);
    match tried {
        Ok(Ok((device, 8.0))) => Ok(device),
        Ok(Ok((_, sum))) => Err(DeviceError::Unusable { name, reason: format!("eight ones sum to {sum}") }),
        Ok(Err(error)) => Err(error),
        Err(cause) => {
            let text = cause
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| cause.downcast_ref::<&str>().map(|&text| text.to_owned()))
                .unwrap_or_else(|| "it panicked".to_owned());
            Err(DeviceError::Unusable { name, reason: text.lines().next().unwrap_or_default().to_owned() })
        }
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
