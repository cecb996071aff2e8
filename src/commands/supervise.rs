//! Supervises the pipeline: reloads the configuration on request and reports the state to the service manager.

use super::{
    effective_config,
    reload::{Change, change},
};
use crate::{
    annotate::{Plan, Recorders},
    cli::RunArgs,
    config::Config,
    outputs::{self, Asked, Outputs},
    overlay::Overlay,
    pipeline::{Control, Outcome, Pipeline},
    service::Notifier,
    sink::Descriptor,
    source::{self, SourceUri},
    stop::Stop,
    stream::Stream,
};
use crossbeam_channel::{Receiver, bounded, never, select};
use emotiond_core::exit::{Exit, Failure};
use emotiond_send::wire::Request;
use std::{
    io,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often the supervisor checks for requests.
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
    outcomes: Receiver<Result<Vec<Outcome>, Failure>>,
    recorders: Option<Recorders>,
}

/// Runs `config` until its sources end or `stop` is set; setting `reload` makes it read the configuration again.
///
/// # Errors
/// When the first configuration cannot be loaded, or a thread cannot be started or panics.
pub(super) fn supervise(
    arguments: &RunArgs,
    config: Config,
    stop: &Stop,
    reload: &Arc<AtomicBool>,
) -> Result<Vec<Outcome>, Failure> {
    let since = Instant::now();
    let mut notifier = Notifier::new();
    let plan = arguments.annotate.as_deref().map(|out| Plan::new(&config, out)).transpose()?;
    let mut pipeline = load(&config)?;
    let overlay = Overlay::open(&config, stop)?;
    let shown = Shown { overlay, stream: config.stream.then(Stream::start).transpose()? };
    shown.show(&mut pipeline);
    let mut outputs =
        outputs::renew(None, &config, (&pipeline.control(), shown.stream.as_ref()), since, stop)?;
    let mut running = Running::start(pipeline, config, plan.as_ref(), stop)?;
    notifier.ready();
    let nobody = never();
    loop {
        let requests = outputs.as_ref().map_or(&nobody, Outputs::requests);
        select! {
            recv(running.outcomes) -> outcomes => {
                let outcomes = outcomes.map_err(|_| panicked())?;
                notifier.stopping();
                // The pipeline stopped itself, because the reader of its events is gone.
                if running.stop.is_set() {
                    stop.set();
                }
                if let Some(outputs) = outputs {
                    outputs.finish(stop);
                }
                let outcomes = outcomes?;
                running.recorders.map_or(Ok(()), |recorders| recorders.finish(&outcomes))?;
                return Ok(outcomes);
            }
            recv(requests) -> asked => match asked {
                Ok(asked) => running.fulfil(&asked, shown.stream.as_ref()),
                // The thread of the outputs has panicked, so that this channel is always ready.
                Err(_) => thread::sleep(POLL_INTERVAL),
            },
            default(POLL_INTERVAL) => {}
        }
        notifier.tick(&running.control.status());
        if reload.swap(false, Ordering::Relaxed) && !stop.is_set() {
            notifier.reloading();
            running = running.reload(arguments, &shown, stop)?;
            outputs = outputs::renew(
                outputs,
                &running.config,
                (&running.control, shown.stream.as_ref()),
                since,
                stop,
            )?;
            notifier.ready();
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
        let stdout = io::stdout().as_fd().try_clone_to_owned().map(Descriptor::new);
        let stdout = stdout.map_err(|error| Failure::new(Exit::Output, error))?;
        let (done, outcomes) = bounded(1);
        let its_stop = stop.clone();
        let body = move || {
            // The receiver is gone only if the program has already failed.
            let _ = done.send(pipeline.run(stdout, &its_stop));
        };
        thread::Builder::new()
            .name("pipeline".to_owned())
            .spawn(body)
            .map_err(|error| Failure::new(Exit::Software, error))?;
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

    /// Applies the configuration file as it is now. If it is invalid, the old configuration stays in effect.
    fn reload(self, arguments: &RunArgs, shown: &Shown, stop: &Stop) -> Result<Self, Failure> {
        match self.prepare(arguments, shown) {
            Ok((config, None)) => {
                self.control.adopt(&config);
                tracing::info!("the new configuration is in effect");
                Ok(Self { config, ..self })
            }
            Ok((config, Some(mut pipeline))) => {
                tracing::info!("restarting the pipeline with the new configuration");
                self.stop.set();
                self.outcomes.recv().map_err(|_| panicked())??;
                shown.show(&mut pipeline);
                Self::start(pipeline, config, None, stop)
            }
            Err(failure) => {
                tracing::error!("new configuration rejected, keeping the old one: {:#}", failure.error);
                Ok(self)
            }
        }
    }

    /// The new configuration, and a pipeline loaded with it if the running one cannot adopt it.
    fn prepare(&self, arguments: &RunArgs, shown: &Shown) -> Result<(Config, Option<Pipeline>), Failure> {
        let refuse = |reason: &str| Failure::new(Exit::Config, anyhow::anyhow!(reason.to_owned()));
        if arguments.config.is_none() {
            return Err(refuse("there is no configuration file: emotiond was started without --config"));
        }
        let config = effective_config(arguments)?;
        outputs::check(&config)?;
        if shown.overlay.is_some() && !config.privacy.tells_faces() {
            return Err(refuse("a window shows single faces: restart emotiond to close it"));
        }
        if change(&self.config, &config) == Change::Settings {
            return Ok((config, None));
        }
        if self.config.sources.iter().any(|source| source.uri == SourceUri::Stdin) {
            return Err(refuse(
                "the change needs a new pipeline, and stdin cannot be read again from its start",
            ));
        }
        if self.recorders.is_some() {
            return Err(refuse(
                "the change needs a new pipeline, which would overwrite the files that --annotate has written",
            ));
        }
        let mut pipeline = load(&config)?;
        pipeline.continue_after(&self.control);
        Ok((config, Some(pipeline)))
    }
}

fn load(config: &Config) -> Result<Pipeline, Failure> {
    let absent = config.sources.iter().filter_map(|source| source::check_presence(&source.uri).err());
    let mut absent: Vec<_> = absent.collect();
    if absent.len() == config.sources.len() {
        return Err(absent.swap_remove(0).into());
    }
    Pipeline::load(config.clone())
}

fn panicked() -> Failure {
    Failure::new(Exit::Software, anyhow::anyhow!("the pipeline's thread has panicked"))
}
