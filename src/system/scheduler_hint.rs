//! A hint to the scheduler that reduces the wake-up latency of a thread while other threads use all cores.

use rustix::process::getpriority_process;

/// Long enough to read a frame and to pass it on.
const SLICE_NS: u64 = 100_000;

/// Requests short time slices for this thread. Since Linux 6.12, a thread that wakes up waits for the end of the
/// running thread's slice, up to 3 ms, unless its own slice is shorter. A camera would then be read late, and at less
/// than its frame rate. Best effort: older kernels run threads that mostly sleep immediately.
#[expect(unsafe_code)]
pub fn ask_for_short_slices() {
    let Ok(nice) = getpriority_process(None) else { return };
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SLICE_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: 0 is the calling thread; the kernel reads `size` bytes of the attributes, which live until it returns.
    unsafe {
        // Another policy was set on purpose and is kept.
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER {
            libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::setpriority_process;

    #[test]
    fn a_thread_keeps_its_niceness() {
        let nice = std::thread::spawn(|| {
            setpriority_process(None, 7).unwrap();
            ask_for_short_slices();
            getpriority_process(None).unwrap()
        });
        assert_eq!(nice.join().unwrap(), 7);
    }
}
