//! Disables the telemetry of ONNX Runtime. Its official builds, from 1.29 on, keep a database in the user's cache
//! folder and send usage data to the vendor.

/// Disables telemetry with an environment variable, which ONNX Runtime reads when it is loaded. At that time, the
/// program may have other threads that read the environment, so changing it would be unsafe. Therefore this function
/// runs before `main` in every program that links this library.
#[ctor::ctor(unsafe)]
fn forbid_telemetry() {
    #[cfg(windows)]
    // SAFETY: on Windows, changing the environment is always safe.
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
    #[cfg(unix)]
    // SAFETY: both strings end in NUL. The system's loader calls this before the program can have started a thread.
    // It can only fail if memory is exhausted.
    unsafe {
        libc::setenv(c"ORT_DISABLE_TELEMETRY".as_ptr(), c"1".as_ptr(), 1);
    }
}
