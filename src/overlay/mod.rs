//! The overlay window: what was analysed, live, with all that was seen in it.
//!
//! The window is a process of its own, this program's hidden command `window`, fed through a pipe. Xlib ends the process
//! when the display goes away, and drivers may crash or hang: none of that may reach a daemon that runs for months.
mod view;
mod window;
mod wire;

pub use view::View;
pub use window::run;

use crate::{
    analysed::PipelineInfo,
    child::{die_with_us, first_complaint, give_way, widen},
    config::{Config, OverlayMode},
    pipeline::{Newest, Pipeline, Waited},
    source::SourceUri,
    stop::Stop,
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use emotiond_core::exit::{Exit, ExitsWith};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    env,
    io::{self, BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use thiserror::Error;

/// What the window's process says once the window is there.
const READY: &str = "ready";
/// A display that gives no window within this time will not give one.
const OPENING: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// How often it is looked whether the window was closed while there is nothing to show.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A process whose pipe is broken is about to end.
const ENDING: Duration = Duration::from_secs(1);
/// Where the analysis takes all processor time, the window gets next to none.
const NICER: i32 = 19;
/// The window's size where no camera's is known, in pixels.
const SIZE: (u32, u32) = (1280, 720);

/// Why there is no window.
#[derive(Debug, Error)]
pub enum OverlayError {
    /// No display is named.
    #[error(
        "the overlay needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set: start emotiond in a graphical session, or with --overlay off"
    )]
    NoDisplay,
    /// The display does not give one.
    #[error("the overlay's window cannot be opened: {0}; does the display work? --overlay off goes without")]
    Window(String),
    /// Its process cannot be started.
    #[error("the overlay's process cannot be started: {0}")]
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
    /// Gone first when the window is closed.
    to_show: Option<Sender<(PipelineInfo, Newest)>>,
    feeder: Option<JoinHandle<()>>,
}

impl Overlay {
    /// Opens the window that `config` asks for; `None` where there is to be none. Closing it sets `stop`.
    ///
    /// # Errors
    /// When it was asked for by name and cannot be had.
    pub fn open(config: &Config, stop: &Stop) -> Result<Option<Self>, OverlayError> {
        let is_brief = config.sources.iter().all(|source| source.uri.is_stills());
        match config.overlay {
            OverlayMode::Off => return Ok(None),
            OverlayMode::Auto if is_brief => return Ok(None),
            OverlayMode::Auto | OverlayMode::On => {}
        }
        match (config.overlay, Self::start(wanted_size(config), stop)) {
            (OverlayMode::Auto, Err(OverlayError::NoDisplay)) => {
                tracing::info!("there is no display: running without a window");
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
        // Ctrl-C is ours: the window stays until all is drained.
        command.process_group(0);
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

    /// Shows this pipeline's frames from now on.
    pub fn show(&self, pipeline: &mut Pipeline) {
        let stage = pipeline.stage();
        let (outlets, newest) = Newest::outlets(stage.sources.len());
        for (source, outlet) in outlets.into_iter().enumerate() {
            pipeline.show_in(source, outlet);
        }
        // Without a window, nobody takes the frames.
        let _ = self.to_show.as_ref().map(|to_show| to_show.send((stage, newest)));
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

/// The thread that writes to the window's process. A window that hangs holds up nobody else.
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

    /// Until the pipeline has ended.
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

    /// Somebody closed the window: that ends the program. Anything else does not.
    fn tell_the_end(&self) {
        let deadline = Instant::now() + ENDING;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        if self.ended().is_some_and(|status| status.success()) {
            tracing::info!("the window was closed: stopping");
            self.stop.set();
            return;
        }
        let log = lock(&self.child).stderr.take();
        let reason = log.map(first_complaint).filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or_else(|| format!("it ended with {:?}", self.ended()));
        tracing::warn!("the window is gone, going on without it: {reason}");
    }
}

/// The lock is held for one system call at a time, which cannot panic.
fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The size of the only camera, as far as it is configured.
fn wanted_size(config: &Config) -> (u32, u32) {
    match config.sources.as_slice() {
        [source] if matches!(source.uri, SourceUri::Camera(_)) => {
            source.width.zip(source.height).unwrap_or(SIZE)
        }
        _ => SIZE,
    }
}

/// Waits for the window, or for the reason why there is none.
fn wait_until_open(child: &mut Child) -> Result<(), String> {
    let stdout = child.stdout.take().expect("stdout is piped");
    match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&OPENING)) {
        Ok(0) => return Err(format!("the display has not answered for {} seconds", OPENING.tv_sec)),
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.to_string()),
    }
    let mut said = String::new();
    let _ = BufReader::new(stdout).read_line(&mut said);
    match said.trim() {
        READY => Ok(()),
        "" => Err(child.stderr.take().map(first_complaint).unwrap_or_default()),
        reason => Err(reason.to_owned()),
    }
}
