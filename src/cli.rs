//! The command line.

use crate::{config::OverlayMode, detect::DetectorChoice, emit::EmitPolicy, source::SourceUri};
use clap::{Args, Parser, Subcommand};
use emotiond_core::runtime::ProviderChoice;
use std::path::PathBuf;

/// Frames in, emotion events out: reads cameras, videos and pictures, finds the faces in them and writes what they
/// show as JSON Lines to stdout.
#[derive(Debug, Parser)]
#[command(name = "emotiond", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the sources until they end or a signal comes; events to stdout, logs to stderr
    Run(RunArgs),
    /// Load everything once and say what is wrong and how to mend it
    Check(RunArgs),
    /// List the cameras with their formats
    Cameras,
    /// Print the JSON Schema of the events
    Schema,
    /// Print the effective configuration as TOML
    Config(ConfigArgs),
    /// The overlay's window, for `run` alone
    #[command(hide = true)]
    Window(WindowArgs),
    /// Measure this machine: each stage, frames per second for 1, 4 and 16 faces, the efficiency of the pipeline
    Bench(BenchArgs),
    /// Tell the story of a recording: a page, a picture or a table of the events that `run` wrote
    Report(ReportArgs),
}

/// What `run` and `check` take.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// camera:0, /dev/video0, a video, an rtsp:// or http:// address, a picture, a folder, or - for stdin; may be
    /// given again
    #[arg(long = "source", value_name = "SRC")]
    pub sources: Vec<SourceUri>,
    /// The face detector
    #[arg(long, value_name = "NAME")]
    pub detector: Option<DetectorChoice>,
    /// The emotion model
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The execution provider: cpu, cuda, tensorrt, openvino or auto
    #[arg(long, value_name = "NAME")]
    pub ep: Option<ProviderChoice>,
    /// When a face becomes an event: change, interval=SECONDS or every-frame
    #[arg(long, value_name = "POLICY")]
    pub emit: Option<EmitPolicy>,
    /// A window that shows what is seen: auto, on or off
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    pub overlay: Option<OverlayMode>,
    /// Also write annotated copies: a picture, an mp4, or a folder for a folder or several sources
    #[arg(long, value_name = "OUT")]
    pub annotate: Option<PathBuf>,
}

/// What `window` takes.
#[derive(Args, Debug)]
pub struct WindowArgs {
    /// Pixels a row
    pub width: u32,
    /// Rows
    pub height: u32,
}

/// What `config` takes.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What `bench` takes.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The face detector
    #[arg(long, value_name = "NAME")]
    pub detector: Option<DetectorChoice>,
    /// The emotion model
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The execution provider
    #[arg(long, value_name = "NAME")]
    pub ep: Option<ProviderChoice>,
    /// Seconds of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub seconds: f64,
    /// Instead: how the cost grows with faces, sources, pixels and time
    #[arg(long)]
    pub growth: bool,
    /// Instead: this camera, video, folder or picture
    #[arg(long, value_name = "SRC", conflicts_with = "growth")]
    pub source: Option<SourceUri>,
}

/// What `report` takes.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// The events, as `run` wrote them to stdout; may be gzipped; - for stdin
    #[arg(value_name = "EVENTS.jsonl")]
    pub events: PathBuf,
    /// What to write; its ending says as what: .html (a page), .png (a picture) or .csv (a table)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}
