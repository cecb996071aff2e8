//! Errors of a training run.

use crate::{
    arch::ArchError, checkpoint::CheckpointError, from_onnx::FromOnnxError, frozen::TooMany,
    pretrained::PretrainedError, trainer::Diverged,
};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    files::is_refused,
};
use std::path::PathBuf;
use thiserror::Error;

/// Why a run cannot start or continue.
#[derive(Debug, Error)]
pub enum FitError {
    /// The recipe's network cannot be built.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A model's weights cannot be loaded.
    #[error(transparent)]
    FromOnnx(#[from] FromOnnxError),
    /// The pretrained weights cannot be used.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// The recipe freezes more than there is.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The loss became NaN or infinite.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// The folder contains another run.
    #[error("{} already contains a run: continue it with --resume, or choose another --out", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder contains no run, or one whose first epoch is not complete.
    #[error("{} contains no complete epoch of a run: train one first, without --finish", folder.display())]
    NoEpoch {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder's run was started with another recipe.
    #[error(
        "the run in {} was started with another recipe ({difference}): resume with that recipe, or choose another --out",
        folder.display()
    )]
    OtherRecipe {
        /// The folder.
        folder: PathBuf,
        /// The first lines that differ.
        difference: String,
    },
}

impl ExitsWith for FitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Occupied { .. } => Exit::Usage,
            Self::NoEpoch { .. } => Exit::NoInput,
            Self::Pretrained(error) => error.exit(),
            Self::Checkpoint(CheckpointError::Write { .. }) => Exit::Output,
            Self::Checkpoint(CheckpointError::Read { source, .. })
            | Self::FromOnnx(FromOnnxError::Read { source, .. }) => {
                if is_refused(source) {
                    Exit::Data
                } else {
                    Exit::NoInput
                }
            }
            Self::Checkpoint(CheckpointError::Damaged { .. })
            | Self::FromOnnx(FromOnnxError::NotOnnx { .. }) => Exit::Data,
            Self::Checkpoint(CheckpointError::OtherNetwork { .. })
            | Self::FromOnnx(FromOnnxError::OtherNetwork { .. })
            | Self::Arch(_)
            | Self::TooMany(_)
            | Self::Diverged(_)
            | Self::OtherRecipe { .. } => Exit::Config,
        }
    }
}
