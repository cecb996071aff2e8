//! Code that may panic on what it is given: its panic becomes an error for the frame at hand and a line in the log.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// The code has panicked; what it was working on is not to be trusted.
#[derive(Debug, PartialEq)]
pub struct Panicked;

/// Runs `code`.
///
/// # Errors
/// When it panics.
pub fn catch_panic<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = IS_CAUGHT.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(code));
    IS_CAUGHT.set(outer);
    outcome.map_err(|_| Panicked)
}

/// From now on, panics are lines of the log. One that is caught becomes an error that is told anyway.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        if IS_CAUGHT.get() {
            tracing::debug!("{panic}");
        } else {
            tracing::error!("{panic}");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_the_next_call_works() {
        assert_eq!(catch_panic(|| -> u8 { panic!("on purpose") }), Err(Panicked));
        assert_eq!(catch_panic(|| 7), Ok(7));
        assert!(!IS_CAUGHT.get());
    }
}
