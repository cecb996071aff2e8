//! The threads of the kernels.

/// Makes the calling thread, which trains, one of the pool that the kernels' loops run on. Called from outside the pool,
/// each of these many short loops would put the thread to sleep and wake it. No other thread may use the pool
/// afterwards: it would wait while this one does not compute. Call it before the first loop; later it has no effect.
pub fn join_pool() {
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}
