//! `emotiond send` by hand: sends a recording or a pipe, and ends when everything is delivered.

use super::{SendError, Signals, outputs::Outputs, pace::Pace, runtime};
use crate::{
    event::{Counts, Event},
    gauges::{Gauges, Unusable},
    http,
    hub::{Feed, Hub},
    input::{Input, Read},
    mqtt::{Manner, Patience},
    own_status::OwnStatus,
    settings::{HttpConfig, Settings},
};
use std::{path::PathBuf, process, sync::atomic::Ordering, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};
use uuid::Uuid;

/// Time until the process ends after a signal, ...
const END: Duration = Duration::from_secs(5);
/// ... and the part of it in which a pipe is still read: its writer may have got the same signal.
const LAST_LINES: Duration = Duration::from_secs(2);
/// Bad lines that are reported individually.
const NAMED_ERRORS: u64 = 5;

/// What to send.
pub struct ByHand {
    /// Where to.
    pub settings: Settings,
    /// The recording; `-` for stdin.
    pub events: PathBuf,
    /// Whether lines are sent at the speed at which they were recorded.
    pub real_time: bool,
}

/// What was read.
#[derive(Default)]
struct Tally {
    events: u64,
    bad: u64,
    first_error: Option<String>,
}

/// Sends a recording or what comes through a pipe, and returns when everything is delivered or after a signal.
///
/// # Errors
/// When the input cannot be read or contains no event, or a broker can never be used.
pub fn by_hand(job: &ByHand) -> Result<(), SendError> {
    let input = Input::open(&job.events).map_err(|error| SendError::Input(job.events.clone(), error))?;
    runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let run = Uuid::new_v4().to_string();
        let (hub, mut feed) = Hub::new(&job.settings.device.id(), &run, None);
        let (patience, last_lines) = match input.is_file {
            true => (Patience::Always, Duration::ZERO),
            false => (Patience::Connected, LAST_LINES),
        };
        let manner = Manner { patience, gives_up: true, client_suffix: format!("_{}", &run[..8]) };
        let mut outputs = Outputs::start(&job.settings, &hub, &mut feed, &manner);
        let (ending, gauges) = (outputs.ending(), outputs.gauges.clone());
        let (stop, stops) = watch::channel(false);
        let (all_read, until_read) = watch::channel(false);
        // A recording is served until a signal, a pipe until it ends.
        let until = if input.is_file { stops.clone() } else { until_read };
        let reading = async {
            let tally = read(input, feed, job.real_time, stops, last_lines).await;
            all_read.send_replace(true);
            Ok(tally)
        };
        let serving = serve(job.settings.http.as_ref(), hub, gauges.clone(), until);
        let work = async { tokio::try_join!(reading, outputs.finished(), serving) };
        tokio::pin!(work);
        let mut has_signal = false;
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = signals.next() => {
                    if has_signal {
                        process::exit(0);
                    }
                    has_signal = true;
                    stop.send_replace(true);
                    ending.end_within(END);
                }
            }
        };
        let (tally, (), ()) = outcome.map_err(|unusable| SendError::Unusable(unusable.0))?;
        tally.conclude(job, has_signal)?;
        for output in gauges.all() {
            let (sent, dropped) =
                (output.sent.load(Ordering::Relaxed), output.dropped.load(Ordering::Relaxed));
            tracing::info!(output = output.name, "{sent} events sent, {dropped} dropped");
        }
        Ok(())
    })
}

/// Serves what was read over HTTP, if configured, until `until` is true.
async fn serve(
    config: Option<&HttpConfig>,
    hub: Hub,
    gauges: Gauges,
    mut until: watch::Receiver<bool>,
) -> Result<(), Unusable> {
    let Some(config) = config else { return Ok(()) };
    tokio::select! {
        Err(error) = http::serve(config, hub, gauges) => Err(Unusable(error.to_string())),
        _ = until.wait_for(|until| *until) => Ok(()),
    }
}

/// Hands on the lines of `input` until they end, or until a signal and `last_lines` have passed.
async fn read(
    input: Input,
    feed: Feed,
    real_time: bool,
    mut stop: watch::Receiver<bool>,
    last_lines: Duration,
) -> Tally {
    let (mut tally, mut status) = (Tally::default(), OwnStatus::new());
    let stopped = async {
        let _ = stop.wait_for(|stop| *stop).await;
        sleep(last_lines).await;
    };
    tokio::select! {
        () = hand_on(input, &feed, real_time, &mut tally, &mut status) => {}
        () = stopped => {}
    }
    feed.set_status(status.status());
    tally
}

async fn hand_on(input: Input, feed: &Feed, real_time: bool, tally: &mut Tally, status: &mut OwnStatus) {
    let (mut lines, mut pace, mut counts) = (input.lines(), Pace::default(), Counts::default());
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let read = tokio::select! {
            read = lines.recv() => read,
            _ = tick.tick() => {
                feed.set_status(status.status());
                continue;
            }
        };
        let line = match read {
            None => return,
            Some(Read::Line(number, line)) => Ok((number, line)),
            Some(Read::Bad(number, reason)) => Err((number, reason)),
            Some(Read::Broken(error)) => {
                tally.first_error.get_or_insert(error.to_string());
                return tracing::warn!("the input ends unexpectedly: {error}");
            }
        };
        let event = line.and_then(|(number, line)| {
            let count = |kind| {
                counts.add(kind);
                counts
            };
            Event::parse(&line, count).map_err(|error| (number, error.to_string()))
        });
        match event {
            Ok(event) => {
                if real_time {
                    pace.wait(&event.json).await;
                }
                tally.events += 1;
                if status.learn(&event) {
                    feed.set_status(status.status());
                }
                feed.tell(event).await;
            }
            Err((number, reason)) => tally.leave_out(number, &reason),
        }
    }
}

impl Tally {
    fn leave_out(&mut self, line: u64, reason: &str) {
        self.bad += 1;
        if self.bad <= NAMED_ERRORS {
            tracing::warn!("line {line} skipped: {reason}");
        }
        self.first_error.get_or_insert(format!("line {line}: {reason}"));
    }

    fn conclude(self, job: &ByHand, was_stopped: bool) -> Result<(), SendError> {
        if self.bad > NAMED_ERRORS {
            tracing::warn!("{} lines skipped in total: they are not events", self.bad);
        }
        if self.events == 0 && !was_stopped {
            let reason = self.first_error.unwrap_or_else(|| "it is empty".to_owned());
            return Err(SendError::NoEvents(job.events.clone(), reason));
        }
        Ok(())
    }
}
