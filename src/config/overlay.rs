//! Whether a window shows what is analysed.

use serde::{Deserialize, Serialize};

/// Whether there is a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OverlayMode {
    /// Where there is a display, and something to look at for longer than a moment.
    #[default]
    Auto,
    /// Always; without a display, the program does not start.
    On,
    /// Never.
    Off,
}
