//! The command line.

use crate::{
    config::OverlayMode,
    detect::DetectorChoice,
    emit::EmitPolicy,
    source::{SourceUri, hide_addresses},
};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use emotiond_core::runtime::ProviderChoice;
use std::path::PathBuf;

/// Detects faces in cameras, videos and pictures, classifies their emotions and writes events as JSON Lines to stdout.
#[derive(Debug, Parser)]
#[command(name = "emotiond", version, about)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
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
}

/// Names of files need not be UTF-8.
fn source_parser() -> impl TypedValueParser<Value = SourceUri> {
    OsStringValueParser::new().try_map(SourceUri::from_argument)
}

/// Arguments of `run` and `check`.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// camera:0, /dev/video0, a video, an address such as rtsp:// or http://, a picture, a folder of pictures, or - for
    /// stdin; may be repeated
    #[arg(long = "source", value_name = "SRC", value_parser = source_parser())]
    pub sources: Vec<SourceUri>,
    /// Face detector
    #[arg(long, value_name = "NAME")]
    pub detector: Option<DetectorChoice>,
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

/// The message of a wrong command line in which an address stands, without the address's secrets; `None` if there is no
/// address in it.
pub fn without_secrets(error: &clap::Error, arguments: impl Iterator<Item = String>) -> Option<String> {
    let mut message = error.to_string();
    let mut found = false;
    for argument in arguments {
        let value = argument.split_once('=').filter(|_| argument.starts_with("--")).map(|(_, value)| value);
        let value = value.unwrap_or(&argument);
        if value.contains("://") && message.contains(value) {
            let shown = match value.parse::<SourceUri>() {
                Ok(uri) => uri.to_string(),
                Err(_) => hide_addresses(&format!("{}://", value.split("://").next().unwrap_or_default())),
            };
            message = message.replace(value, &shown);
            found = true;
        }
    }
    found.then(|| message.trim_end().to_owned())
}
