//! The official builds of ONNX Runtime, from 1.29 on, keep a database in the user's cache folder and send what they
//! note to their makers. What this program sees is nobody else's business.

/// Tells ONNX Runtime to note, keep and send nothing. It looks once, when it is loaded.
///
/// # Safety
/// To be called while the process has one thread: it changes the environment.
#[allow(unsafe_code)]
pub unsafe fn forbid_telemetry() {
    // SAFETY: the caller promises that no other thread reads the environment meanwhile.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") };
}
