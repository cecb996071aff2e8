//! Handles signals, and ends the program in time after one, whatever hangs: a driver, a helper program, a library, a file system.

use crate::{
    pipeline::Control,
    stop::Stop,
    system::{Asked, Signals, takes_log},
};
use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, bounded};
use emotiond_core::{
    exit::{Exit, Failure},
    stderr::say,
};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long the program goes on after a signal while nothing leaves the pipeline and no child works.
const STANDSTILL: Duration = Duration::from_millis(1600);
/// How long to wait for the last event lines then.
const LAST_LINES: Duration = Duration::from_millis(200);
/// How long it goes on at most. Units and containers wait for ten seconds.
const LONGEST: Duration = Duration::from_secs(8);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The pipeline whose progress counts.
pub(super) type Watched = Arc<ArcSwapOption<Control>>;

/// Handles signals from now on. The first SIGINT or SIGTERM sets `stop`, and ends the program if it does not end by itself;
/// a second one ends it at once. For each SIGHUP, a message is received.
///
/// # Errors
/// When the system refuses it, or the thread cannot be started.
pub(super) fn listen(stop: &Stop, watched: Watched) -> Result<Receiver<()>, Failure> {
    let refused = |error| Failure::new(Exit::Software, error);
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 0, stop.flag())
            .and_then(|_| flag::register(signal, stop.flag()))
            .map_err(refused)?;
    }
    let mut signals = Signals::new().map_err(refused)?;
    let (to_reload, reload) = bounded(1);
    let stop = stop.clone();
    let body = move || {
        while signals.wait() == Asked::Reload {
            // If one waits already, the configuration is going to be read.
            let _ = to_reload.try_send(());
        }
        stop.set();
        end_in_time(&watched);
    };
    thread::Builder::new().name("signals".to_owned()).spawn(body).map_err(Failure::no_thread)?;
    Ok(reload)
}

fn end_in_time(watched: &Watched) -> ! {
    wait_for_standstill(watched);
    if let Some(control) = watched.load_full() {
        control.abandon(LAST_LINES);
    }
    // A log that nobody reads must not hold it up.
    if takes_log() {
        say("emotiond: something hangs; the program ends without it");
    }
    end_now()
}

fn wait_for_standstill(watched: &Watched) {
    // A recording is completed by ffmpeg, which is slow where the processor is busy.
    let left = || (watched.load().as_deref().map(|control| control.status().left), children_ticks());
    let (began, mut moved, mut before) = (Instant::now(), Instant::now(), left());
    while moved.elapsed() < STANDSTILL && began.elapsed() < LONGEST {
        thread::sleep(POLL_INTERVAL);
        let now = left();
        if now != before {
            (moved, before) = (Instant::now(), now);
        }
    }
}

/// Processor time of the children, in ticks.
fn children_ticks() -> u64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let ticks = |child: &str| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        // The name, in parentheses, may contain anything; two of the numbers after it are the times.
        let times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
        Some(times.filter_map(|time| time.parse::<u64>().ok()).sum::<u64>())
    };
    children.map(|list| list.split_whitespace().filter_map(ticks).sum::<u64>()).sum()
}

/// Ends the program as a signal asked for, without the libraries' clean-up, which would run under their other threads.
pub(super) fn end_now() -> ! {
    signal_hook::low_level::exit(0)
}
