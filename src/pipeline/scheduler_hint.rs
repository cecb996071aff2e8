//! How soon a thread that waited runs again when others keep all cores busy.

use rustix::process::getpriority_process;

/// Long enough to read a frame and to hand it on.
const SLICE_NS: u64 = 100_000;

/// Asks for short slices of processor time for this thread: since Linux 6.12 the scheduler lets a thread that wakes wait
/// for the slice of the running one, up to 3 ms, unless its own is shorter. A camera would be read late, and less often
/// than it sends. Best effort: older kernels have another rule, under which threads that mostly sleep run at once.
#[expect(unsafe_code)]
pub(super) fn ask_for_short_slices() {
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
        // Whoever gave us another policy had a reason.
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
