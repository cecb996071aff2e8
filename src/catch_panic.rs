//! Turns panics in libraries into errors, and logs all other panics.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// The code panicked; the data it was changing may be inconsistent.
#[derive(Debug, PartialEq)]
pub struct Panicked;

/// Runs `code` and catches a panic.
///
/// # Errors
/// When `code` panics.
pub fn catch_panic<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = IS_CAUGHT.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(code));
    IS_CAUGHT.set(outer);
    outcome.map_err(|_| Panicked)
}

/// Logs panics from now on; caught ones only at level debug, because they become errors that are reported.
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
