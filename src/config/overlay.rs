//! The `overlay` key.

use serde::{Deserialize, Serialize};

/// Whether a window shows the analysed frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OverlayMode {
    /// If there is a display and at least one source is a video or live.
    #[default]
    Auto,
    /// Always; without a display, the program does not start.
    On,
    /// Never.
    Off,
}
