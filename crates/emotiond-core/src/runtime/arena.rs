//! One arena for what all networks allocate on the processor. By itself, each session has one, which doubles when it is
//! full.

use ort::{
    AsPointer, Error,
    environment::Environment,
    memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType},
};
use std::ptr;

/// Extends the arena by what is needed, not by doubling it (`kSameAsRequested`).
const AS_REQUESTED: i32 = 1;
/// The runtime's own value.
const DEFAULT: i32 = -1;

/// Registers the arena; sessions must ask for it.
///
/// # Errors
/// When the runtime refuses it; each session then needs an arena of its own.
#[expect(unsafe_code)]
pub(super) fn register(environment: &Environment) -> Result<(), Error> {
    let api = ort::api();
    let processor = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let mut settings = ptr::null_mut();
    // SAFETY: the pointers are valid for the calls, the settings are released once after their last use, and the runtime
    // keeps copies of what it is given.
    unsafe {
        let created = (api.CreateArenaCfg)(0, AS_REQUESTED, DEFAULT, DEFAULT, &raw mut settings);
        Error::result_from_status(created)?;
        let environment = environment.ptr().cast_mut();
        let registered = (api.CreateAndRegisterAllocator)(environment, processor.ptr(), settings);
        (api.ReleaseArenaCfg)(settings);
        Error::result_from_status(registered)
    }
}
