//! The commands of `emotiond`.
mod background;
pub mod bench;
pub mod cameras;
pub mod check;
pub mod config;

mod reload;
pub mod report;
pub mod run;
pub mod schema;
pub mod send;
mod signals;
mod speed;
mod supervise;
pub mod welcome;

use crate::{
    catch_panic::log_panics,
    cli::RunArgs,
    config::{Config, LogConfig, OverlayMode},
    detect::DetectorChoice,
    source::{SourceConfig, SourceUri},
};
use emotiond_core::{
    exit::{Exit, Failure},
    stderr::LogLine,
};
use emotiond_send::settings::{DEFAULT_LISTEN, HttpConfig};
use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};
use tracing_subscriber::EnvFilter;

/// The source if none is named.
const FIRST_CAMERA: &str = "/dev/video0";

/// The configuration from a file, or the defaults.
fn read_config(path: Option<&Path>) -> Result<Config, Failure> {
    Ok(path.map(Config::read).transpose()?.unwrap_or_default())
}

/// The configuration with the command line's overrides, and the first camera if no source is named.
fn effective_config(arguments: &RunArgs) -> Result<Config, Failure> {
    overridden(read_config(arguments.config.as_deref())?, arguments)
}

/// The same for a configuration that was read already.
fn overridden(mut config: Config, arguments: &RunArgs) -> Result<Config, Failure> {
    if !arguments.sources.is_empty() {
        config.sources = arguments.sources.iter().cloned().map(SourceConfig::new).collect();
        config.check_names().map_err(|error| Failure::new(Exit::Usage, error))?;
    }
    if config.sources.is_empty() {
        config.sources.push(SourceConfig::new(SourceUri::Camera(PathBuf::from(FIRST_CAMERA))));
    }
    if let Some(name) = arguments.detector {
        config.detector.name = name;
    }
    if arguments.whole {
        config.detector.name = DetectorChoice::None;
    }
    if let Some(file) = &arguments.model {
        config.model.file = Some(file.clone());
    }
    config.runtime.ep = arguments.ep.unwrap_or(config.runtime.ep);
    config.emit = arguments.emit.unwrap_or(config.emit);
    config.overlay = arguments.overlay.unwrap_or(config.overlay);
    (config.stream, config.blur) = (arguments.stream, arguments.blur);
    if arguments.stream && config.http.is_none() {
        config.http = Some(HttpConfig { listen: DEFAULT_LISTEN, token_file: None });
    }
    keep_faces_private(&mut config, arguments)?;
    Ok(config)
}

/// If only the audience as a whole may be told, nothing shows pictures with single faces.
fn keep_faces_private(config: &mut Config, arguments: &RunArgs) -> Result<(), Failure> {
    if config.privacy.tells_faces() {
        return Ok(());
    }
    let shows = match (&arguments.annotate, arguments.stream, config.overlay) {
        (Some(_), ..) => "--annotate stores",
        (_, true, _) => "--stream shows",
        (_, _, OverlayMode::On) => "the overlay shows",
        (_, _, OverlayMode::Auto | OverlayMode::Off) => {
            config.overlay = OverlayMode::Off;
            return Ok(());
        }
    };
    let error = anyhow::anyhow!(
        "{shows} pictures of single people, which `mode = \"aggregate\"` under [privacy] forbids: leave it out, or \
         change the mode"
    );
    Err(Failure::new(Exit::Config, error))
}

/// Starts logging to stderr. `RUST_LOG` overrides the configuration.
fn start_logs(config: &LogConfig) -> Result<(), Failure> {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| config.level.clone());
    let filter = EnvFilter::try_new(&level)
        .map_err(|error| Failure::new(Exit::Config, anyhow::anyhow!("invalid log level {level:?}: {error}")))?
        // The runtime's own log describes its graph; its failures are returned as errors anyway.
        .add_directive("ort=off".parse().expect("the directive is valid"));
    let is_terminal = io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || LogLine { is_terminal })
        // It would report write errors with `eprintln!`, which panics if stderr is closed.
        .log_internal_errors(false)
        .with_ansi(is_terminal);
    // In tests, one process may start logging twice; the first subscriber stays.
    let _ = if config.json { logs.json().try_init() } else { logs.with_target(false).try_init() };
    log_panics();
    Ok(())
}
