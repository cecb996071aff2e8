//! The end of a program that cannot go on: memory or threads have run out in a place that knows no error.

use crate::system::write_from_handler;
use signal_hook::{consts::SIGABRT, low_level};

/// The exit code of an internal error.
const SOFTWARE: i32 = 70;
const TOLD: &[u8] = b"emotiond: it cannot go on, most likely because memory or threads have run out: raise the limits \
(`ulimit -a`, or MemoryMax= and TasksMax= of the service), read fewer sources, or lower `max_megapixels` under [limits]\n";

/// From now on, an abort ends the program with a line and the exit code of an internal error. The standard library aborts
/// when an allocation fails, C++ when nobody catches an exception.
#[expect(unsafe_code)]
pub fn tell_aborts() {
    let tell = || {
        write_from_handler(TOLD);
        low_level::exit(SOFTWARE);
    };
    // SAFETY: the handler makes two system calls, allocates nothing and takes no lock.
    let _ = unsafe { low_level::register(SIGABRT, tell) };
}
