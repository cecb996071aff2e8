//! Supervises the pipeline: reloads the configuration on request and reports the state to the service manager.

use super::{
    background::{Background, Progress},
    reload::{Known, Next, prepare},
    signals::{Watched, end_now},
};
use crate::{
    annotate::{Plan, Recorders},
    cli::RunArgs,
    config::Config,
    outputs::{self, Asked, Outputs},
    overlay::Overlay,
    pipeline::{Control, Outcome, Pipeline, Ran},
    service::Notifier,
    sink::Descriptor,
    source,
    stop::Stop,
    stream::Stream,
    system::own,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, never, select};
use emotiond_core::exit::{Exit, Failure};
use emotiond_send::wire::Request;
use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often slow work is asked for its progress.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What shows pictures.
struct Shown {
    overlay: Option<Overlay>,
    stream: Option<Stream>,
}

impl Shown {
    /// Shows the frames of this pipeline from now on.
    fn show(&self, pipeline: &mut Pipeline) {
        if let Some(overlay) = &self.overlay {
            overlay.show(pipeline);
        }
        if let Some(stream) = &self.stream {
            stream.show(pipeline);
        }
    }
}

/// A pipeline that runs in its own thread.
struct Running {
    config: Config,
    control: Control,
    stop: Stop,
    outcomes: Receiver<Result<Ran, Failure>>,
    recorders: Option<Recorders>,
}

/// Runs `config` until its sources end or `stop` is set; a message in `reload` makes it read the configuration again. The
/// pipeline that runs is put into `watched`.
///
/// # Errors
/// When the first configuration cannot be loaded, or a thread cannot be started or panics.
pub(super) fn supervise(
    arguments: &RunArgs,
    config: Config,
    stop: &Stop,
    reload: &Receiver<()>,
    watched: &Watched,
) -> Result<Vec<Outcome>, Failure> {
    let since = Instant::now();
    let mut notifier = Notifier::new();
    let (plan, mut pipeline) = load_all(arguments, &config, stop, &mut notifier)?;
    let overlay = Overlay::open(&config, stop)?;
    let shown = Shown { overlay, stream: config.stream.then(Stream::start).transpose()? };
    shown.show(&mut pipeline);
    let mut outputs =
        outputs::renew(None, &config, (&pipeline.control(), shown.stream.as_ref()), since, stop)?;
    let mut running = Running::start(pipeline, config, plan.as_ref(), stop)?;
    watched.store(Some(Arc::new(running.control.clone())));
    notifier.ready();
    let (nobody, nothing) = (never(), never());
    let mut reloading: Option<Background<Next>> = None;
    loop {
        let requests = outputs.as_ref().map_or(&nobody, Outputs::requests);
        select! {
            recv(running.outcomes) -> ran => {
                let ran = ran.map_err(|_| panicked())?;
                notifier.stopping();
                // The pipeline stopped itself, because the reader of its events is gone.
                if running.stop.is_set() {
                    stop.set();
                }
                if let Some(outputs) = outputs {
                    outputs.finish(stop);
                }
                let outcomes = ran?.outcomes();
                running.recorders.map_or(Ok(()), |recorders| recorders.finish(&outcomes))?;
                if let Some(reloading) = reloading {
                    // Libraries are not unloaded under a thread that uses them.
                    let _ = wait_for(&reloading, stop, || {});
                }
                return Ok(outcomes);
            }
            recv(requests) -> asked => match asked {
                Ok(asked) => running.fulfil(&asked, shown.stream.as_ref()),
                // The thread of the outputs has panicked, so that this channel is always ready.
                Err(_) => thread::sleep(POLL_INTERVAL),
            },
            recv(if reloading.is_none() { reload } else { &nothing }) -> _ => if !stop.is_set() {
                notifier.reloading();
                reloading = Some(running.prepare(arguments, &shown, stop)?);
            },
            default(if reloading.is_none() { notifier.interval() } else { POLL_INTERVAL }) => {}
        }
        notifier.tick(&running.control.status());
        let Some(work) = &reloading else { continue };
        match work.wait(Duration::ZERO) {
            Progress::GoesOn => notifier.loading(),
            Progress::Done(next) => {
                reloading = None;
                running = running.adopt(next, &shown, &mut notifier, stop)?;
                watched.store(Some(Arc::new(running.control.clone())));
                let told = (&running.control, shown.stream.as_ref());
                outputs = outputs::renew(outputs, &running.config, told, since, stop)?;
                notifier.ready();
            }
        }
    }
}

/// Loads what the first pipeline needs.
fn load_all(
    arguments: &RunArgs,
    config: &Config,
    stop: &Stop,
    notifier: &mut Notifier,
) -> Result<(Option<Plan>, Pipeline), Failure> {
    let (config, out) = (config.clone(), arguments.annotate.clone());
    let work = Background::start("load", move || {
        let plan = out.map(|out| Plan::new(&config, &out)).transpose()?;
        Ok((plan, load(config)?))
    })?;
    wait_for(&work, stop, || {
        notifier.loading();
        notifier.is_alive();
    })
}

/// Waits for the work; a stop ends the program, because the work cannot be interrupted.
fn wait_for<T: Send + 'static>(
    work: &Background<T>,
    stop: &Stop,
    mut meanwhile: impl FnMut(),
) -> Result<T, Failure> {
    loop {
        match work.wait(POLL_INTERVAL) {
            Progress::Done(result) => return result,
            Progress::GoesOn if stop.is_set() => end_now(),
            Progress::GoesOn => meanwhile(),
        }
    }
}

impl Running {
    fn start(
        mut pipeline: Pipeline,
        config: Config,
        plan: Option<&Plan>,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let (control, stop) = (pipeline.control(), stop.part());
        let recorders = plan.map(|plan| Recorders::start(plan, &mut pipeline)).transpose()?;
        let stdout = own(&io::stdout()).map(Descriptor::new);
        let stdout = stdout.map_err(|error| Failure::new(Exit::Output, error))?;
        let (done, outcomes) = bounded(1);
        let its_stop = stop.clone();
        let body = move || {
            // The receiver is gone only if the program has already failed.
            let _ = done.send(pipeline.run_until(stdout, &its_stop));
        };
        thread::Builder::new().name("pipeline".to_owned()).spawn(body).map_err(Failure::no_thread)?;
        Ok(Self { config, control, stop, outcomes, recorders })
    }

    /// Does what the sender asks for.
    fn fulfil(&self, (time, request): &Asked, stream: Option<&Stream>) {
        let outcome = match request {
            Request::Pause { source } => self.control.pause(source, true),
            Request::Resume { source } => self.control.pause(source, false),
            Request::Marker(marker) => self.control.mark(*time, marker.clone()),
            Request::Watch { sources } => {
                if let Some(stream) = stream {
                    stream.watch(sources);
                }
                Ok(())
            }
        };
        if let Err(error) = outcome {
            tracing::warn!("a request of the sender cannot be fulfilled: {error}");
        }
    }

    /// Reads the configuration again and loads what it needs, in a thread of its own.
    fn prepare(&self, arguments: &RunArgs, shown: &Shown, stop: &Stop) -> Result<Background<Next>, Failure> {
        let known = Known {
            config: self.config.clone(),
            control: self.control.clone(),
            has_window: shown.overlay.is_some(),
            is_recorded: self.recorders.is_some(),
        };
        let (arguments, stop) = (arguments.clone(), stop.clone());
        Background::start("reload", move || prepare(&arguments, &known, &stop))
    }

    /// Goes on with a new configuration. If it cannot be used, the old one stays in effect.
    fn adopt(
        self,
        next: Result<Next, Failure>,
        shown: &Shown,
        notifier: &mut Notifier,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        match next {
            Ok(Next { config, pipeline: None }) => {
                self.control.adopt(&config);
                tracing::info!("the new configuration is in effect");
                Ok(Self { config, ..self })
            }
            Ok(Next { config, pipeline: Some(next) }) => {
                let (mut pipeline, succession) = *next;
                tracing::info!("restarting the pipeline with the new configuration");
                self.control.make_room(&succession);
                self.stop.set();
                pipeline.take_over(self.wait_until_empty(notifier)?, &succession);
                shown.show(&mut pipeline);
                Self::start(pipeline, config, None, stop)
            }
            Err(failure) => {
                tracing::error!("new configuration rejected, keeping the old one: {:#}", failure.error);
                Ok(self)
            }
        }
    }

    /// Waits until the last frames have left the pipeline.
    fn wait_until_empty(&self, notifier: &mut Notifier) -> Result<Ran, Failure> {
        loop {
            match self.outcomes.recv_timeout(POLL_INTERVAL) {
                Ok(ran) => return ran,
                Err(RecvTimeoutError::Timeout) => notifier.tick(&self.control.status()),
                Err(RecvTimeoutError::Disconnected) => return Err(panicked()),
            }
        }
    }
}

fn load(config: Config) -> Result<Pipeline, Failure> {
    let absent = config.sources.iter().filter_map(|source| source::check_presence(&source.uri).err());
    let mut absent: Vec<_> = absent.collect();
    if absent.len() == config.sources.len() {
        return Err(absent.swap_remove(0).into());
    }
    Pipeline::load(config)
}

fn panicked() -> Failure {
    Failure::new(Exit::Software, anyhow::anyhow!("the pipeline's thread has panicked"))
}
