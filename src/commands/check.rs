//! `emotiond check`.

use super::{
    FIRST_CAMERA, effective_config, read_config,
    speed::{self, Look},
    start_logs,
};
use crate::{
    annotate::Plan,
    cli::{RunArgs, shown_argument},
    config::{Config, LimitsConfig, OverlayMode},
    decode::FrameDecoder,
    detect::DetectorPlan,
    frame::Frame,
    hours, outputs,
    overlay::Overlay,
    source::{self, OpenSource as _, Read, SourceConfig, SourceUri, is_plugged_in},
    stop::Stop,
    system::is_named_pipe,
};
use crossbeam_channel::{RecvTimeoutError, bounded};
use emotiond_core::{
    classify::Classifier,
    exit::{Exit, Failure},
    runtime::Runtime,
    stderr::one_line,
    stdout::print,
};
use emotiond_send::address::without_password;
use jiff::Zoned;
use std::{
    env,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long to wait for a source's first frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks each part and prints one line per part.
///
/// # Errors
/// Returns the first failure after all parts have been checked.
pub fn run(arguments: &RunArgs) -> Result<(), Failure> {
    let mut config = effective_config(arguments)?;
    // The printed lines already report every failure.
    config.log.level = "error".to_owned();
    start_logs(&config.log)?;
    let mut first_failure = check_networks(&config)?;
    // If no source was named, a machine without a camera passes the check.
    if names_no_source(arguments)? && !is_plugged_in(Path::new(FIRST_CAMERA)) {
        print(&format!(
            "-     source: no camera at {FIRST_CAMERA}; connect one, or name a source with --source\n"
        ))?;
        config.sources.clear();
    }
    report("memory", Ok(config.limits.plan().to_string()))?;
    let mut looks = Vec::new();
    for source in &config.sources {
        let outcome = check_source(source, &config.limits).map(|(found, look)| {
            looks.extend(look.filter(|_| source.uri.is_live()));
            found
        });
        report(&format!("source {}", source.name()), outcome.as_ref().map(String::clone))?;
        first_failure = first_failure.or(outcome.err());
    }
    if !looks.is_empty() && first_failure.is_none() {
        let outcome = speed::of(&config, &mut looks);
        report("speed", outcome.as_ref().map(String::clone))?;
        first_failure = outcome.err();
    }
    if !config.outputs.is_empty() || config.http.is_some() {
        let outcome = check_outputs(&config);
        report("outputs", outcome.as_ref().map(String::clone))?;
        first_failure = first_failure.or(outcome.err());
    }
    if let Some(out) = &arguments.annotate {
        let outcome = Plan::new(&config, out).map(|_| out.display().to_string()).map_err(Failure::from);
        report("annotate", outcome.as_ref().map(String::clone))?;
        first_failure = first_failure.or(outcome.err());
    }
    if config.overlay == OverlayMode::On {
        let outcome = Overlay::open(&config, &Stop::default()).map_err(Failure::from);
        report("overlay", outcome.as_ref().map(|_| "window opened".to_owned()))?;
        first_failure = first_failure.or(outcome.err());
    }
    match first_failure {
        Some(failure) => Err(failure),
        None => print(&format!("start it with: {}\n", start_command(config.sources.is_empty()))),
    }
}

/// The command that runs what was checked, without the secrets of addresses and programs.
fn start_command(needs_source: bool) -> String {
    let mut words = vec!["emotiond".to_owned(), "run".to_owned()];
    words.extend(env::args_os().skip(2).map(|word| shown_argument(&word.to_string_lossy())));
    if needs_source {
        words.extend(["--source", "PICTURE_OR_VIDEO"].map(str::to_owned));
    }
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}

/// Whether neither the command line nor the configuration names a source, so that `run` uses the first camera.
fn names_no_source(arguments: &RunArgs) -> Result<bool, Failure> {
    Ok(arguments.sources.is_empty() && read_config(arguments.config.as_deref())?.sources.is_empty())
}

/// Checks runtime, detector and model; returns the first failure.
pub(super) fn check_networks(config: &Config) -> Result<Option<Failure>, Failure> {
    let runtime = Runtime::load(&config.runtime).map_err(Failure::from);
    report(
        "runtime",
        runtime.as_ref().map(|runtime| format!("{} on {}", runtime.library().display(), runtime.provider())),
    )?;
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(failure) => return Ok(Some(failure)),
    };
    let detector = DetectorPlan::new(&runtime, &config.detector).map_err(Failure::from);
    report("detector", detector.as_ref().map(|detector| detector.name().to_owned()))?;
    let model = Classifier::load(&runtime, &config.model).map_err(Failure::from);
    report(
        "model",
        model
            .as_ref()
            .map(|model| format!("{}: {}", model.path().display(), model.description().labels.join(" "))),
    )?;
    Ok(detector.err().or(model.err()))
}

/// Checks the settings of the outputs and the files that they name; opens no connection.
fn check_outputs(config: &Config) -> Result<String, Failure> {
    outputs::check(config)?;
    outputs::check_files(config)?;
    let uris = config.outputs.iter().map(|output| without_password(&output.uri));
    let server = config.http.iter().map(|http| format!("http://{}", http.listen));
    Ok(uris.chain(server).collect::<Vec<_>>().join(", "))
}

/// Opens the source and reads a frame in a separate thread, because reading a stalled camera may block forever.
fn check_source(config: &SourceConfig, limits: &LimitsConfig) -> Result<(String, Option<Look>), Failure> {
    source::check_presence(&config.uri)?;
    if let Some(next) = config.active.closed_until(&Zoned::now()) {
        let found = format!("closed until {}, because active = {}", hours::told(&next), config.active);
        return Ok((found, None));
    }
    let is_pipe = matches!(&config.uri, SourceUri::Video(path) if is_named_pipe(path));
    if is_pipe || config.uri == SourceUri::Stdin {
        let found = "a pipe is not checked, because a frame read here would be missing from the run";
        return Ok((found.to_owned(), None));
    }
    let (to_us, answer) = bounded(1);
    let (config, max_megapixels) = (config.clone(), limits.plan().max_megapixels);
    let name = config.name();
    let read = move || {
        // Nobody waits for it after the time-out.
        let _ = to_us.send(read_frame(&config, max_megapixels));
    };
    thread::Builder::new().spawn(read).map_err(Failure::no_thread)?;
    match answer.recv_timeout(FRAME_TIMEOUT) {
        Ok(outcome) => outcome
            .map(|look| (format!("{}x{}", look.frame.picture.width, look.frame.picture.height), Some(look))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            let seconds = FRAME_TIMEOUT.as_secs();
            Err(Failure::new(
                Exit::Unavailable,
                anyhow::anyhow!(
                    "no frame from {name} in {seconds} seconds: disconnect it and connect it again"
                ),
            ))
        }
    }
}

fn read_frame(config: &SourceConfig, max_megapixels: f64) -> Result<Look, Failure> {
    let mut source = config.open(None, max_megapixels, &Stop::default())?;
    let decoder = FrameDecoder::new(max_megapixels);
    let mut last = String::from("it is empty");
    // The first pictures of a folder, or of a camera that warms up, may be damaged.
    for _ in 0..10 {
        let mut frame = Frame { turn: config.turn(), ..Frame::default() };
        let read = source.read(&mut frame)?;
        let start = Instant::now();
        let decoded = match read {
            Read::Frame => decoder.decode(&mut frame).map_err(|error| error.to_string()),
            Read::Unreadable(reason) => Err(reason),
            Read::Unchanged => continue,
            Read::Ended => break,
        };
        match decoded {
            Ok(()) => return Ok(Look { frame, decoding: start.elapsed() }),
            Err(error) => last = error,
        }
    }
    Err(Failure::new(Exit::Data, anyhow::anyhow!("no frame of {} can be read: {last}", config.name())))
}

fn report(part: &str, outcome: Result<String, &Failure>) -> Result<(), Failure> {
    match outcome {
        Ok(found) => print(&format!("{}\n", one_line(&format!("ok    {part}: {found}"), None))),
        Err(failure) => {
            print(&format!("{}\n", one_line(&format!("FAIL  {part}: {:#}", failure.error), None)))
        }
    }
}
