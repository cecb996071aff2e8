//! Progress messages for work that may take minutes, such as building a TensorRT engine.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Interval of the progress messages; shorter work is not reported.
const QUIET_PERIOD: Duration = Duration::from_secs(10);

/// Runs `work`. If it takes longer than ten seconds, logs a line every ten seconds and the total time at the end.
pub fn with_progress<T>(what: &str, work: impl FnOnce() -> T) -> T {
    watched(QUIET_PERIOD, |text| tracing::info!("{what}: {text}"), work)
}

fn watched<T>(patience: Duration, tell: impl Fn(&str) + Sync, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let seconds = || start.elapsed().as_secs_f32();
    thread::scope(|scope| {
        let (working, is_done) = mpsc::channel::<()>();
        let report = || {
            let is_done = is_done;
            while is_done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                tell(&format!("{:.0} s so far", seconds()));
            }
        };
        // Where threads have run out, the work may still succeed without it.
        let _ = thread::Builder::new().spawn_scoped(scope, report);
        let result = work();
        drop(working);
        if start.elapsed() >= patience {
            tell(&format!("done after {:.0} s", seconds()));
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn only_what_takes_long_is_told_of() {
        let told = Mutex::new(Vec::new());
        let tell = |text: &str| told.lock().unwrap().push(text.to_owned());
        assert_eq!(watched(Duration::from_secs(60), tell, || 5), 5);
        assert!(told.lock().unwrap().is_empty());
        watched(Duration::from_millis(1), tell, || {
            while told.lock().unwrap().len() < 2 {
                thread::yield_now();
            }
        });
        let told = told.into_inner().unwrap();
        let (last, before) = told.split_last().unwrap();
        assert!(
            last.starts_with("done after") && before.iter().all(|text| text.ends_with("so far")),
            "{told:?}"
        );
    }
}
