//! Which detector runs, decided once; each vision thread then builds its own.

use super::{
    DetectSettings, Detector, DetectorConfig, centerface::CenterFace, free_dimensions::free_dimensions,
    seetaface::SeetaFace, yunet::YuNet,
};
use emotiond_core::{
    face::Framing,
    paths,
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeError, with_progress},
};
use serde::{Deserialize, Serialize};
use std::{fs, path::PathBuf};

const YUNET_FILE: &str = "face_detection_yunet_2023mar.onnx";
const CENTERFACE_FILE: &str = "centerface.onnx";

/// The detector that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DetectorChoice {
    /// The first of yunet, centerface and seetaface that is installed.
    #[default]
    Auto,
    /// YuNet: fast, finds small and turned faces.
    Yunet,
    /// CenterFace: as many faces as YuNet at several times the cost.
    Centerface,
    /// SeetaFace: built in, frontal faces.
    Seetaface,
}

/// A detector that has been settled on, and its network.
pub struct DetectorPlan {
    kind: Kind,
    /// Settings where a source has none of its own.
    pub settings: DetectSettings,
    /// How to lay a square around its boxes that is framed as the training data is.
    pub framing: Framing,
}

enum Kind {
    SeetaFace,
    YuNet(Network),
    CenterFace(Network),
}

struct Network {
    runtime: Runtime,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl DetectorPlan {
    /// Settles on the detector that `config` asks for and tries it once.
    ///
    /// # Errors
    /// When the one that is asked for by name is not installed or not usable.
    pub fn new(runtime: &Runtime, config: &DetectorConfig) -> Result<Self, RuntimeError> {
        let kind = match config.name {
            DetectorChoice::Seetaface => Kind::SeetaFace,
            DetectorChoice::Yunet => Kind::YuNet(Network::load(runtime, config.file.clone(), YUNET_FILE)?),
            DetectorChoice::Centerface => {
                Kind::CenterFace(Network::load(runtime, config.file.clone(), CENTERFACE_FILE)?)
            }
            DetectorChoice::Auto => best_installed(runtime)?,
        };
        let settings = kind.settings(config);
        let framing = kind.measured_framing();
        let plan = Self { kind, settings, framing };
        with_progress(&format!("preparing {} for {}", plan.name(), runtime.provider()), || plan.try_once())?;
        tracing::info!(detector = plan.name(), "faces are searched with {}", plan.name());
        Ok(plan)
    }

    /// What `config` asks for, and the detector's own where it says nothing.
    pub fn settings_for(&self, config: &DetectorConfig) -> DetectSettings {
        self.kind.settings(config)
    }

    /// Searches an empty picture: a file may hold a network, and another one than the detector's.
    fn try_once(&self) -> Result<(), RuntimeError> {
        let picture = PictureView::new(64, 64, Color::Gray, &[0; 64 * 64]);
        let outcome = self.build()?.detect(&picture, &self.settings, &mut Vec::new());
        match &self.kind {
            Kind::YuNet(network) | Kind::CenterFace(network) => outcome.map_err(|error| {
                RuntimeError::Model { path: network.path.clone(), reason: error.to_string() }
            }),
            Kind::SeetaFace => Ok(()),
        }
    }

    /// The detector's name, as in the configuration.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::SeetaFace => "seetaface",
            Kind::YuNet(_) => "yunet",
            Kind::CenterFace(_) => "centerface",
        }
    }

    /// A detector for one thread.
    ///
    /// # Errors
    /// When the network cannot be loaded.
    pub fn build(&self) -> Result<Box<dyn Detector>, RuntimeError> {
        Ok(match &self.kind {
            Kind::SeetaFace => Box::new(SeetaFace::new()),
            Kind::YuNet(network) => Box::new(YuNet::new(network.session()?)),
            Kind::CenterFace(network) => Box::new(CenterFace::new(network.session()?)),
        })
    }
}

impl Kind {
    fn settings(&self, config: &DetectorConfig) -> DetectSettings {
        DetectSettings {
            min_score: config.min_score.unwrap_or_else(|| self.default_min_score()),
            min_face_px: config.min_face_px,
            max_side_px: config.max_side_px,
            nms_iou: config.nms_iou,
        }
    }

    /// Least scores that keep false alarms rare; measured, see docs/performance.md.
    fn default_min_score(&self) -> f32 {
        match self {
            Self::SeetaFace => 0.5,
            Self::YuNet(_) => 0.7,
            Self::CenterFace(_) => 0.5,
        }
    }

    /// How pasted FER2013 faces are read best; measured, see docs/performance.md.
    fn measured_framing(&self) -> Framing {
        match self {
            Self::SeetaFace => Framing::default(),
            Self::YuNet(_) => Framing { margin: -0.125, down: 0.04 },
            Self::CenterFace(_) => Framing { margin: -0.05, down: 0.0 },
        }
    }
}

impl Network {
    /// Reads the file that is named, or the installed one.
    fn load(runtime: &Runtime, named: Option<PathBuf>, installed: &str) -> Result<Self, RuntimeError> {
        let path = named
            .or_else(|| paths::find_model(&[installed]))
            .unwrap_or_else(|| PathBuf::from("models").join(installed));
        let bytes =
            fs::read(&path).map_err(|error| RuntimeError::DetectorFile { path: path.clone(), error })?;
        let bytes = free_dimensions(&bytes)
            .map_err(|error| RuntimeError::Model { path: path.clone(), reason: error.to_string() })?;
        Ok(Self { runtime: runtime.clone(), path, bytes })
    }

    fn session(&self) -> Result<ort::session::Session, RuntimeError> {
        self.runtime.session(&self.bytes, &self.path)
    }
}

/// The first that is installed; says what a better one would bring.
fn best_installed(runtime: &Runtime) -> Result<Kind, RuntimeError> {
    if let Some(path) = paths::find_model(&[YUNET_FILE]) {
        return Ok(Kind::YuNet(Network::load(runtime, Some(path), YUNET_FILE)?));
    }
    if let Some(path) = paths::find_model(&[CENTERFACE_FILE]) {
        tracing::warn!(
            "yunet is not installed; centerface finds as many faces at several times the cost: `scripts/fetch-models` gets yunet"
        );
        return Ok(Kind::CenterFace(Network::load(runtime, Some(path), CENTERFACE_FILE)?));
    }
    tracing::warn!(
        "neither yunet nor centerface is installed; seetaface misses small and turned faces and is slower: `scripts/fetch-models` gets a better one"
    );
    Ok(Kind::SeetaFace)
}
