//! Selects the detector once; each vision thread then builds its own instance.

use super::{
    DetectSettings, Detector, DetectorConfig, FaceFinder, TileRule, centerface::CenterFace,
    free_dimensions::free_dimensions, seetaface::SeetaFace, whole::WholePicture, yunet::YuNet,
};
use emotiond_core::{
    face::Framing,
    paths,
    picture::{Color, PictureView},
    runtime::{Provider, Runtime, RuntimeError, read_model, with_progress},
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const YUNET_FILE: &str = "face_detection_yunet_2023mar.onnx";
const CENTERFACE_FILE: &str = "centerface.onnx";

/// The configured detector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DetectorChoice {
    /// The first of yunet, centerface and seetaface that is installed.
    #[default]
    Auto,
    /// YuNet: fast, detects small and turned faces.
    Yunet,
    /// CenterFace: detects as many faces as YuNet at several times the cost.
    Centerface,
    /// SeetaFace: built in, detects frontal faces.
    Seetaface,
    /// No detector: every picture is a face already.
    None,
}

/// The selected detector and its network.
pub struct DetectorPlan {
    kind: Kind,
    /// Settings that sources may override.
    pub settings: DetectSettings,
    /// How to crop its boxes so that the crops match the training data.
    pub framing: Framing,
}

enum Kind {
    Whole,
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
    /// Selects the configured detector and tests it on one picture.
    ///
    /// # Errors
    /// When the detector is not installed or not usable.
    pub fn new(runtime: &Runtime, config: &DetectorConfig) -> Result<Self, RuntimeError> {
        let kind = match config.name {
            DetectorChoice::None => Kind::Whole,
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
        tracing::info!(detector = plan.name(), "face detector: {}", plan.name());
        Ok(plan)
    }

    /// The settings in `config`, completed by the detector's defaults.
    pub fn settings_for(&self, config: &DetectorConfig) -> DetectSettings {
        self.kind.settings(config)
    }

    /// Runs the detector on an empty picture, because the file may contain another network.
    fn try_once(&self) -> Result<(), RuntimeError> {
        let picture = PictureView::new(64, 64, Color::Gray, &[0; 64 * 64]);
        let outcome = self.build()?.detect(&picture, &self.settings, &mut Vec::new());
        match &self.kind {
            Kind::YuNet(network) | Kind::CenterFace(network) => outcome.map_err(|error| {
                RuntimeError::Model { path: network.path.clone(), reason: error.to_string() }
            }),
            Kind::SeetaFace | Kind::Whole => Ok(()),
        }
    }

    /// Whether pictures may be searched in regions. SeetaFace enlarges small pictures, and accelerators prepare for each size
    /// of a picture.
    pub fn searches_regions(&self) -> bool {
        match &self.kind {
            Kind::Whole | Kind::SeetaFace => false,
            Kind::YuNet(network) | Kind::CenterFace(network) => network.runtime.provider() == Provider::Cpu,
        }
    }

    /// The detector's name, as in the configuration.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Whole => "none",
            Kind::SeetaFace => "seetaface",
            Kind::YuNet(_) => "yunet",
            Kind::CenterFace(_) => "centerface",
        }
    }

    /// Builds a detector for one thread.
    ///
    /// # Errors
    /// When the network cannot be loaded.
    pub fn build(&self) -> Result<FaceFinder, RuntimeError> {
        let detector: Box<dyn Detector> = match &self.kind {
            Kind::Whole => Box::new(WholePicture),
            Kind::SeetaFace => Box::new(SeetaFace::new()),
            Kind::YuNet(network) => Box::new(YuNet::new(network.session()?)),
            Kind::CenterFace(network) => Box::new(CenterFace::new(network.session()?)),
        };
        Ok(FaceFinder::new(detector))
    }
}

impl Kind {
    fn settings(&self, config: &DetectorConfig) -> DetectSettings {
        DetectSettings {
            min_score: config.min_score.unwrap_or_else(|| self.default_min_score()),
            min_face_px: config.min_face_px,
            max_side_px: config.max_side_px,
            nms_iou: config.nms_iou,
            tiled_below_px: (config.tiles == TileRule::Auto).then(|| self.clear_face_px()).flatten(),
        }
    }

    /// Minimum scores that keep false detections rare; measured, see docs/performance.md.
    fn default_min_score(&self) -> f32 {
        match self {
            Self::Whole => 0.0,
            Self::SeetaFace => 0.5,
            Self::YuNet(_) => 0.6,
            Self::CenterFace(_) => 0.5,
        }
    }

    /// The longer side of the smallest face that is found about as well as larger ones, in pixels of the detector's input;
    /// measured, see docs/performance.md.
    fn clear_face_px(&self) -> Option<f32> {
        match self {
            Self::Whole => None,
            Self::SeetaFace => Some(40.0),
            Self::YuNet(_) | Self::CenterFace(_) => Some(24.0),
        }
    }

    /// The framing with the best accuracy on pasted FER2013 faces; measured, see docs/performance.md.
    fn measured_framing(&self) -> Framing {
        match self {
            Self::Whole | Self::SeetaFace => Framing::default(),
            Self::YuNet(_) => Framing { margin: -0.125, down: 0.04 },
            Self::CenterFace(_) => Framing { margin: -0.05, down: 0.0 },
        }
    }
}

impl Network {
    /// Reads the configured file, or the installed one.
    fn load(runtime: &Runtime, named: Option<PathBuf>, installed: &str) -> Result<Self, RuntimeError> {
        let path = named
            .or_else(|| paths::find_model(&[installed]))
            .unwrap_or_else(|| PathBuf::from("models").join(installed));
        let bytes =
            read_model(&path).map_err(|error| RuntimeError::DetectorFile { path: path.clone(), error })?;
        let bytes = free_dimensions(&bytes)
            .map_err(|error| RuntimeError::Model { path: path.clone(), reason: error.to_string() })?;
        Ok(Self { runtime: runtime.clone(), path, bytes })
    }

    fn session(&self) -> Result<ort::session::Session, RuntimeError> {
        self.runtime.session(&self.bytes, &self.path)
    }
}

/// The best installed detector; logs how to get a better one.
fn best_installed(runtime: &Runtime) -> Result<Kind, RuntimeError> {
    if let Some(path) = paths::find_model(&[YUNET_FILE]) {
        return Ok(Kind::YuNet(Network::load(runtime, Some(path), YUNET_FILE)?));
    }
    if let Some(path) = paths::find_model(&[CENTERFACE_FILE]) {
        tracing::warn!(
            "yunet is not installed; centerface detects as many faces at several times the cost: {}",
            paths::detector_remedy()
        );
        return Ok(Kind::CenterFace(Network::load(runtime, Some(path), CENTERFACE_FILE)?));
    }
    tracing::warn!(
        "neither yunet nor centerface is installed; seetaface misses small and turned faces and is slower: {}",
        paths::detector_remedy()
    );
    Ok(Kind::SeetaFace)
}
