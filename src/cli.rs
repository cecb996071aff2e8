//! The command line.

use crate::{
    config::OverlayMode,
    detect::DetectorChoice,
    emit::EmitPolicy,
    source::{COMMAND_PREFIX, SourceUri, hide_addresses},
};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use emotiond_core::{manual::ManualArgs, runtime::ProviderChoice};
use emotiond_send::{
    address::{Address, AddressError},
    event::Kind,
    settings::{check_device_id, check_prefix},
};
use std::{net::SocketAddr, path::PathBuf};

/// Detects faces in cameras, videos and pictures, classifies their emotions and writes events as JSON Lines to stdout.
#[derive(Debug, Parser)]
#[command(name = "emotiond", version, about)]
pub struct Cli {
    /// The command to run; without one, a person at a terminal is told what to try.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse the sources until they end or a signal arrives; events go to stdout, logs to stderr
    Run(RunArgs),
    /// Check models, sources and outputs; report each problem and how to fix it
    Check(RunArgs),
    /// List the cameras and their formats
    Cameras,
    /// Print the JSON Schema of the events
    Schema,
    /// Print the effective configuration as TOML
    Config(ConfigArgs),
    /// Show the overlay window; started by `run` only
    #[command(hide = true)]
    Window(WindowArgs),
    /// Benchmark this machine: time of each stage, frames per second for 1 to 64 faces, efficiency of the pipeline
    Bench(BenchArgs),
    /// Summarise recorded events as HTML, PNG or CSV
    Report(ReportArgs),
    /// Send events from stdin or a recording to MQTT brokers, over OSC or LSL, and serve them over HTTP
    Send(SendArgs),
    /// Write man pages and completions; for `scripts/package`
    #[command(hide = true)]
    Manual(ManualArgs),
}

/// Names of files need not be UTF-8.
fn source_parser() -> impl TypedValueParser<Value = SourceUri> {
    OsStringValueParser::new().try_map(SourceUri::from_argument)
}

/// Arguments of `run` and `check`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// camera:0, /dev/video0, a video, an address such as rtsp:// or http://, a picture, a folder of pictures, exec: and a
    /// program that writes a stream, or - for stdin; may be repeated
    #[arg(long = "source", value_name = "SRC", value_parser = source_parser())]
    pub sources: Vec<SourceUri>,
    /// Face detector
    #[arg(long, value_name = "NAME")]
    pub detector: Option<DetectorChoice>,
    /// Take each picture as one face, without detection; the same as --detector none
    #[arg(long, conflicts_with = "detector")]
    pub whole: bool,
    /// Emotion model (ONNX)
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Execution provider: cpu, cuda, tensorrt, openvino or auto
    #[arg(long, value_name = "NAME")]
    pub ep: Option<ProviderChoice>,
    /// When to write face events: change, interval=SECONDS or every-frame
    #[arg(long, value_name = "POLICY")]
    pub emit: Option<EmitPolicy>,
    /// Show the analysed frames in a window: auto, on or off
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    pub overlay: Option<OverlayMode>,
    /// Also write annotated copies to this file (a picture or .mp4) or folder (for a folder or several sources)
    #[arg(long, value_name = "OUT")]
    pub annotate: Option<PathBuf>,
    /// Also serve annotated pictures at /stream/SOURCE.mjpg of the HTTP server; if the configuration has none, it
    /// listens on 127.0.0.1:8378
    #[arg(long)]
    pub stream: bool,
    /// Make faces unrecognisable in the window, in annotated copies and in streamed pictures
    #[arg(long)]
    pub blur: bool,
}

/// Arguments of `window`.
#[derive(Args, Debug)]
pub struct WindowArgs {
    /// Width in pixels
    pub width: u32,
    /// Height in pixels
    pub height: u32,
}

/// Arguments of `config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Face detector
    #[arg(long, value_name = "NAME")]
    pub detector: Option<DetectorChoice>,
    /// Emotion model (ONNX)
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Execution provider: cpu, cuda, tensorrt, openvino or auto
    #[arg(long, value_name = "NAME")]
    pub ep: Option<ProviderChoice>,
    /// Duration of each measurement in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub seconds: f64,
    /// Measure instead how the cost grows with faces, sources, pixels and time
    #[arg(long)]
    pub growth: bool,
    /// Measure instead with this camera, video, folder or picture
    #[arg(long, value_name = "SRC", conflicts_with = "growth", value_parser = source_parser())]
    pub source: Option<SourceUri>,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Events that `run` wrote to stdout, optionally gzipped; - for stdin
    #[arg(value_name = "EVENTS.jsonl", required_unless_present = "compare")]
    pub events: Option<PathBuf>,
    /// Compare two recordings on one time axis
    #[arg(long, num_args = 2, value_names = ["A.jsonl", "B.jsonl"], conflicts_with = "events")]
    pub compare: Vec<PathBuf>,
    /// With --compare: align them at the first marker of this kind (start, cue, end) or with this label; default: at
    /// their first events
    #[arg(long, value_name = "MARKER", requires = "compare", conflicts_with = "events")]
    pub align: Option<String>,
    /// Output file; its extension selects the format: .html, .png or .csv
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `send`.
#[derive(Args, Debug)]
pub struct SendArgs {
    /// Events that `run` wrote to stdout, optionally gzipped; - for stdin
    #[arg(value_name = "EVENTS.jsonl", default_value = "-")]
    pub events: PathBuf,
    /// A broker, mqtt://USER@HOST:PORT or mqtts:// with encryption; osc://HOST:PORT; or lsl:. May be repeated
    #[arg(long, value_name = "URI", value_parser = output)]
    pub to: Vec<String>,
    /// Configuration file (TOML) with the sections device, output and http; --to replaces the latter two
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Name of this device in topics and lines; by default the host's name
    #[arg(long, value_name = "ID", value_parser = device)]
    pub device: Option<String>,
    /// File whose first line is the user's password
    #[arg(long, value_name = "FILE", requires = "to")]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the broker's, in place of the system's
    #[arg(long, value_name = "FILE", requires = "to")]
    pub ca: Option<PathBuf>,
    /// Certificate of this client (PEM)
    #[arg(long, value_name = "FILE", requires = "to", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Private key of --cert (PEM)
    #[arg(long, value_name = "FILE", requires = "to", requires = "cert")]
    pub key: Option<PathBuf>,
    /// First part of all topics; by default emotiond
    #[arg(long, value_name = "PREFIX", requires = "to", value_parser = prefix)]
    pub prefix: Option<String>,
    /// Kinds of events: source, audience, face, marker; by default all but face for a broker, audience, face and marker
    /// for OSC, face and marker for LSL
    #[arg(id = "kinds", long = "events", value_name = "KINDS", requires = "to", value_delimiter = ',', value_parser = kind)]
    pub kinds: Option<Vec<Kind>>,
    /// Let Home Assistant discover the device
    #[arg(long, requires = "to")]
    pub home_assistant: bool,
    /// Folder for events that wait for the broker
    #[arg(long, value_name = "DIR", requires = "to")]
    pub spool_dir: Option<PathBuf>,
    /// Megabytes of events that wait for the broker on disk; by default 64
    #[arg(long, value_name = "MB", requires = "to")]
    pub spool_mb: Option<u32>,
    /// Serve the events over HTTP on this address and port
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// File whose first line is the token that HTTP clients must send
    #[arg(long, value_name = "FILE", requires = "http")]
    pub token_file: Option<PathBuf>,
    /// Send a recording at the speed at which it was recorded
    #[arg(long)]
    pub real_time: bool,
    /// Take settings and lines from the daemon; started by `run` only
    #[arg(long, hide = true, conflicts_with_all = ["to", "config", "device", "http", "real_time"])]
    pub child: bool,
    /// Log level of the daemon
    #[arg(long, hide = true, requires = "child")]
    pub log_level: Option<String>,
    /// Log as the daemon does, as JSON lines
    #[arg(long, hide = true, requires = "child")]
    pub log_json: bool,
}

/// Checks the address of an output; the error does not contain it.
fn output(text: &str) -> Result<String, AddressError> {
    text.parse::<Address>().map(|_| text.to_owned())
}

fn device(text: &str) -> Result<String, &'static str> {
    check_device_id(text).map(|()| text.to_owned())
}

fn prefix(text: &str) -> Result<String, &'static str> {
    check_prefix(text).map(|()| text.to_owned())
}

fn kind(text: &str) -> Result<Kind, &'static str> {
    let named = |kind: &Kind| kind.name() == text;
    Kind::ALL.into_iter().find(named).ok_or("write source, audience, face or marker")
}

/// The message of a wrong command line in which an address stands, without the address's secrets; `None` if there is no
/// address in it.
pub fn without_secrets(error: &clap::Error, arguments: impl Iterator<Item = String>) -> Option<String> {
    let mut message = error.to_string();
    let mut found = false;
    for argument in arguments {
        let (_, value) = option_and_value(&argument);
        if let Some(shown) = shown_value(value).filter(|_| message.contains(value)) {
            message = message.replace(value, &shown);
            found = true;
        }
    }
    found.then(|| message.trim_end().to_owned())
}

/// An argument of a right command line as it may be shown.
pub fn shown_argument(argument: &str) -> String {
    let (option, value) = option_and_value(argument);
    shown_value(value).map_or_else(|| argument.to_owned(), |shown| format!("{option}{shown}"))
}

/// The two parts of `--option=value`; an argument that is not of this form is a value.
fn option_and_value(argument: &str) -> (&str, &str) {
    let equals = argument.find('=').filter(|_| argument.starts_with("--"));
    argument.split_at(equals.map_or(0, |equals| equals + 1))
}

/// An address or a command without its secrets; `None` if the value is neither.
fn shown_value(value: &str) -> Option<String> {
    if !value.contains("://") && !value.starts_with(COMMAND_PREFIX) {
        return None;
    }
    Some(match value.parse::<SourceUri>() {
        Ok(uri) => uri.to_string(),
        Err(_) if value.starts_with(COMMAND_PREFIX) => COMMAND_PREFIX.to_owned(),
        Err(_) => hide_addresses(&format!("{}://", value.split("://").next().unwrap_or_default())),
    })
}
