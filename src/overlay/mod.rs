//! The overlay window: shows the analysed frames live, with the detected faces and their emotions.
//!
//! The window runs in a separate process, this program's hidden command `window`, which receives frames through a pipe.
//! Xlib ends the process when the display disappears, and graphics drivers may crash or hang; neither may affect the
//! daemon.
mod view;
mod window;
mod wire;

pub use view::View;
pub use window::run;

use crate::{
    analysed::PipelineInfo,
    child::first_complaint,
    config::{Config, OverlayMode},
    pipeline::{Newest, Pipeline, Waited},
    source::SourceUri,
    stop::Stop,
    system::{die_with_us, give_way, separate, wait_for_data, widen},
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use emotiond_core::exit::{Exit, ExitsWith};
use std::{
    env,
    io::{self, BufRead, BufReader},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use thiserror::Error;

/// What the window's process prints once the window is open.
const READY: &str = "ready";
/// How long to wait for the window to open.
const OPENING: Duration = Duration::from_secs(5);
/// How often to check whether the window was closed while there is no frame to show.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long to wait for the process to end after its pipe has broken.
const ENDING: Duration = Duration::from_secs(1);
/// Niceness of the window's process: the analysis has priority.
const NICER: i32 = 19;
/// The window's size in pixels, unless a camera's size is configured.
const SIZE: (u32, u32) = (1280, 720);

/// Why there is no window.
#[derive(Debug, Error)]
pub enum OverlayError {
    /// Neither DISPLAY nor WAYLAND_DISPLAY is set.
    #[error(
        "the overlay needs a display, but neither DISPLAY nor WAYLAND_DISPLAY is set: start emotiond in a graphical session, or use --overlay off"
    )]
    NoDisplay,
    /// The window cannot be opened.
    #[error("the overlay window cannot be opened: {0}; check the display, or use --overlay off")]
    Window(String),
    /// The window's process cannot be started.
    #[error("the overlay process cannot be started: {0}")]
    Start(#[from] io::Error),
}

impl ExitsWith for OverlayError {
    fn exit(&self) -> Exit {
        Exit::Unavailable
    }
}

/// An open window. Dropping it closes it.
pub struct Overlay {
    child: Arc<Mutex<Child>>,
    closing: Arc<AtomicBool>,
    /// Dropped first, to end the feeder.
    to_show: Option<Sender<(PipelineInfo, Newest)>>,
    feeder: Option<JoinHandle<()>>,
}

impl Overlay {
    /// Opens the window as configured; `None` if no window is wanted or possible. Closing the window sets `stop`.
    ///
    /// # Errors
    /// When the mode is `on` and the window cannot be opened.
    pub fn open(config: &Config, stop: &Stop) -> Result<Option<Self>, OverlayError> {
        let is_brief = config.sources.iter().all(|source| source.uri.is_stills());
        match config.overlay {
            OverlayMode::Off => return Ok(None),
            OverlayMode::Auto if is_brief => return Ok(None),
            OverlayMode::Auto | OverlayMode::On => {}
        }
        match (config.overlay, Self::start(wanted_size(config), stop)) {
            (OverlayMode::Auto, Err(OverlayError::NoDisplay)) => {
                tracing::info!("there is no display, running without a window");
                Ok(None)
            }
            (OverlayMode::Auto, Err(error)) => {
                tracing::warn!("running without a window: {error}");
                Ok(None)
            }
            (_, outcome) => outcome.map(Some),
        }
    }

    fn start((width, height): (u32, u32), stop: &Stop) -> Result<Self, OverlayError> {
        if ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .all(|name| env::var_os(name).is_none_or(|value| value.is_empty()))
        {
            return Err(OverlayError::NoDisplay);
        }
        let mut command = Command::new(env::current_exe()?);
        command.args(["window", &width.to_string(), &height.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C must not reach the window: it stays open until the pipeline is drained.
        separate(&mut command);
        die_with_us(&mut command);
        let mut child = command.spawn()?;
        give_way(&child, NICER);
        let input = child.stdin.take().expect("stdin is piped");
        widen(&input);
        if let Err(reason) = wait_until_open(&mut child) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(OverlayError::Window(reason));
        }
        let child = Arc::new(Mutex::new(child));
        let closing = Arc::new(AtomicBool::new(false));
        let (to_show, stages) = unbounded();
        let feeder = Feeder { child: Arc::clone(&child), closing: Arc::clone(&closing), stop: stop.clone() };
        let feeder =
            thread::Builder::new().name("overlay".to_owned()).spawn(move || feeder.run(input, &stages))?;
        Ok(Self { child, closing, to_show: Some(to_show), feeder: Some(feeder) })
    }

    /// Shows the frames of this pipeline from now on.
    pub fn show(&self, pipeline: &mut Pipeline) {
        // Fails only if the window is gone.
        if let Some(to_show) = &self.to_show {
            let _ = to_show.send(pipeline.newest());
        }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.to_show = None;
        let _ = lock(&self.child).kill();
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
        let _ = lock(&self.child).wait();
    }
}

/// The thread that writes to the window's process, so that a hanging window blocks only this thread.
struct Feeder {
    child: Arc<Mutex<Child>>,
    closing: Arc<AtomicBool>,
    stop: Stop,
}

/// The window is gone.
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Feeder {
    fn run(self, mut input: ChildStdin, stages: &Receiver<(PipelineInfo, Newest)>) {
        let outcome = stages.iter().try_for_each(|(stage, newest)| self.feed(&mut input, stage, &newest));
        if outcome.is_err() && !self.closing.load(Ordering::Relaxed) {
            self.tell_the_end();
        }
    }

    /// Writes frames until the pipeline has ended.
    fn feed(&self, input: &mut ChildStdin, stage: PipelineInfo, newest: &Newest) -> Result<(), Gone> {
        wire::write_stage(input, stage)?;
        loop {
            let waited = newest.wait(POLL_INTERVAL);
            if self.ended().is_some() {
                return Err(Gone);
            }
            newest.take().try_for_each(|shown| wire::write_frame(input, &shown))?;
            if matches!(waited, Waited::Ended) {
                return Ok(());
            }
        }
    }

    fn ended(&self) -> Option<ExitStatus> {
        lock(&self.child).try_wait().ok().flatten()
    }

    /// Stops the program if the user closed the window; logs a warning if the window ended otherwise.
    fn tell_the_end(&self) {
        let deadline = Instant::now() + ENDING;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        if self.ended().is_some_and(|status| status.success()) {
            tracing::info!("the window was closed, stopping");
            self.stop.set();
            return;
        }
        let log = lock(&self.child).stderr.take();
        let reason = log.map(first_complaint).filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or_else(|| format!("exit status {:?}", self.ended()));
        tracing::warn!("the window ended unexpectedly, continuing without it: {reason}");
    }
}

/// Locks the child. A holder makes only one system call at a time and cannot panic.
fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The configured size if the only source is a camera, otherwise the default.
fn wanted_size(config: &Config) -> (u32, u32) {
    match config.sources.as_slice() {
        [source] if matches!(source.uri, SourceUri::Camera(_)) => {
            source.width.zip(source.height).unwrap_or(SIZE)
        }
        _ => SIZE,
    }
}

/// Waits until the window is open or reports why it cannot be opened.
fn wait_until_open(child: &mut Child) -> Result<(), String> {
    let stdout = child.stdout.take().expect("stdout is piped");
    if !wait_for_data(&stdout, OPENING).map_err(|error| error.to_string())? {
        return Err(format!("the display did not respond within {} seconds", OPENING.as_secs()));
    }
    let mut said = String::new();
    let _ = BufReader::new(stdout).read_line(&mut said);
    match said.trim() {
        READY => Ok(()),
        "" => Err(child.stderr.take().map(first_complaint).unwrap_or_default()),
        reason => Err(reason.to_owned()),
    }
}
