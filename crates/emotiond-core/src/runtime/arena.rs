//! One arena for what all networks allocate on the processor. By itself, each session has one, which doubles when it is
//! full.

use ort::{AsPointer, Error, environment::Environment, sys};
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
    let (mut settings, mut processor) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the pointers are valid for the calls, each object is released once after its last use, and the runtime keeps
    // copies of them.
    unsafe {
        Error::result_from_status((api.CreateArenaCfg)(
            0,
            AS_REQUESTED,
            DEFAULT,
            DEFAULT,
            &raw mut settings,
        ))?;
        let (arena, memory) = (sys::OrtAllocatorType::OrtArenaAllocator, sys::OrtMemType::OrtMemTypeDefault);
        let registered =
            Error::result_from_status((api.CreateCpuMemoryInfo)(arena, memory, &raw mut processor)).and_then(
                |()| {
                    let environment = environment.ptr().cast_mut();
                    let status = (api.CreateAndRegisterAllocator)(environment, processor, settings);
                    (api.ReleaseMemoryInfo)(processor);
                    Error::result_from_status(status)
                },
            );
        (api.ReleaseArenaCfg)(settings);
        registered
    }
}
