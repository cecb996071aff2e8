//! The official builds of ONNX Runtime, from 1.29 on, keep a database in the user's cache folder and send what they
//! note to their makers. What this program sees is nobody else's business.

/// Tells ONNX Runtime to note, keep and send nothing. It looks once, when it is loaded; by then a program may have
/// other threads, whose reading of the environment a change of it would break. So this runs before `main`, in every
/// program that links this library.
#[ctor::ctor(unsafe)]
fn forbid_telemetry() {
    // SAFETY: both texts end in NUL. The system's loader calls this before the program can have started a thread.
    // Where it fails, for want of memory, nothing else would work either.
    unsafe { libc::setenv(c"ORT_DISABLE_TELEMETRY".as_ptr(), c"1".as_ptr(), 1) };
}
