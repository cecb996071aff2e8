//! The outputs: what sends events over networks. It is a child process, this program's command `send --child`, which
//! never sees a picture. The daemon gives it the event lines and a status a second through a pipe, and never waits for
//! it.
mod child;
mod feeder;
mod pauses;
mod requests;
mod settings;
mod status;

pub use requests::Asked;
pub use settings::{OutputsError, check, check_files, check_settings};

use crate::{
    config::Config,
    pipeline::Control,
    stop::Stop,
    stream::{Link, Stream},
    tap::Tap,
};
use arc_swap::ArcSwapOption;
use child::SharedChild;
use crossbeam_channel::{Receiver, bounded};
use emotiond_send::{settings::Settings, wire::Opening};
use feeder::Feeder;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How long the sender may take to send what it has, at the end.
const DRAINING: Duration = Duration::from_secs(5);
/// The same after a signal, which is answered within two seconds.
const DRAINING_AFTER_SIGNAL: Duration = Duration::from_millis(1200);
/// How often to check whether it is done, or a signal wants the end at once.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Requests of the sender that wait for the daemon.
const WAITING_REQUESTS: usize = 64;

/// The running outputs. Dropping them ends the sender at once.
pub struct Outputs {
    settings: Settings,
    tap: Arc<Tap>,
    /// The pipeline that the status tells of.
    watched: Arc<ArcSwapOption<Control>>,
    closing: Arc<AtomicBool>,
    child: SharedChild,
    requests: Receiver<Asked>,
    feeder: Option<JoinHandle<()>>,
}

impl Outputs {
    /// Starts the sender if the configuration names an output or a server. `since`: when the daemon was started; `pictures`:
    /// where they come from, if they are streamed.
    ///
    /// # Errors
    /// When a setting is wrong, or a thread cannot be started.
    pub fn start(
        config: &Config,
        since: Instant,
        pictures: Option<Link>,
    ) -> Result<Option<Self>, OutputsError> {
        let Some(settings) = settings::of(config) else { return Ok(None) };
        check_settings(&settings)?;
        let (tap, tapped) = Tap::new(settings::wants_faces(&settings));
        let watched = Arc::default();
        let closing = Arc::<AtomicBool>::default();
        let opening = Opening {
            settings: settings.clone(),
            run: Uuid::new_v4().to_string(),
            pictures: pictures.is_some(),
        };
        let child = SharedChild::new(&config.log, pictures);
        let (to_us, requests) = bounded(WAITING_REQUESTS);
        let feeder = Feeder {
            opening,
            tapped,
            since,
            watched: Arc::clone(&watched),
            closing: Arc::clone(&closing),
            child: child.clone(),
            requests: to_us,
        };
        let feeder = thread::Builder::new().name("outputs".to_owned()).spawn(move || feeder.run());
        let feeder = Some(feeder.map_err(OutputsError::Thread)?);
        Ok(Some(Self { settings, tap: Arc::new(tap), watched, closing, child, requests, feeder }))
    }

    /// Whether these are the outputs of `config`.
    pub fn are_those_of(&self, config: &Config) -> bool {
        settings::of(config).as_ref() == Some(&self.settings)
    }

    /// From now on, the lines and the status of this pipeline are sent.
    pub fn watch(&self, control: &Control) {
        self.watched.store(Some(Arc::new(control.clone())));
        control.set_tap(Some(Arc::clone(&self.tap)));
    }

    /// What the sender asks for.
    pub fn requests(&self) -> &Receiver<Asked> {
        &self.requests
    }

    /// Gives the sender the lines that wait, and a bounded time to send what it has; a signal ends the waiting.
    pub fn finish(mut self, stop: &Stop) {
        let was_stopped = stop.is_set();
        self.closing.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + if was_stopped { DRAINING_AFTER_SIGNAL } else { DRAINING };
        let Some(feeder) = &self.feeder else { return };
        while !feeder.is_finished() {
            if Instant::now() >= deadline || (stop.is_set() && !was_stopped) {
                tracing::warn!("the sender of the outputs did not end in time and was killed");
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.end();
    }

    fn end(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.child.give_up();
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends the outputs of the old configuration and starts those of the new one, if they differ.
///
/// # Errors
/// As in [`Outputs::start`].
pub fn renew(
    outputs: Option<Outputs>,
    config: &Config,
    (control, stream): (&Control, Option<&Stream>),
    since: Instant,
    stop: &Stop,
) -> Result<Option<Outputs>, OutputsError> {
    let outputs = match outputs {
        Some(outputs) if outputs.are_those_of(config) => Some(outputs),
        old => {
            control.set_tap(None);
            if let Some(old) = old {
                old.finish(stop);
            }
            Outputs::start(config, since, stream.map(Stream::link))?
        }
    };
    if let Some(outputs) = &outputs {
        outputs.watch(control);
    }
    Ok(outputs)
}
