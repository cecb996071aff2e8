//! Exit codes, after BSD's sysexits, and the failure that carries one to `main`.

/// Why the program ends, as a code for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 2,
    /// No frame of the input could be read.
    Data = 65,
    /// A file or folder is not there or may not be read.
    NoInput = 66,
    /// A camera, model, runtime, execution provider or helper program is unavailable or unusable.
    Unavailable = 69,
    /// A fault of ours.
    Software = 70,
    /// Events, annotated pictures or the report cannot be written.
    Output = 74,
    /// The configuration is wrong.
    Config = 78,
}

/// An error on its way to the user, with the code to exit with.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What is wrong and how to mend it.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure from any error.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }
}

impl From<crate::decode::DecodeError> for Failure {
    fn from(error: crate::decode::DecodeError) -> Self {
        Self::new(Exit::Software, error)
    }
}

impl From<crate::detect::DetectError> for Failure {
    fn from(error: crate::detect::DetectError) -> Self {
        Self::new(Exit::Software, error)
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<crate::runtime::RuntimeError> for Failure {
    fn from(error: crate::runtime::RuntimeError) -> Self {
        let exit = match &error {
            crate::runtime::RuntimeError::Precision(_) => Exit::Config,
            _ => Exit::Unavailable,
        };
        Self::new(exit, error)
    }
}

impl From<crate::classify::ClassifyError> for Failure {
    fn from(error: crate::classify::ClassifyError) -> Self {
        Self::new(Exit::Unavailable, error)
    }
}

impl From<crate::overlay::OverlayError> for Failure {
    fn from(error: crate::overlay::OverlayError) -> Self {
        Self::new(Exit::Unavailable, error)
    }
}

impl From<crate::annotate::AnnotateError> for Failure {
    fn from(error: crate::annotate::AnnotateError) -> Self {
        Self::new(error.exit(), error)
    }
}

impl From<crate::source::SourceError> for Failure {
    fn from(error: crate::source::SourceError) -> Self {
        Self::new(error.exit(), error)
    }
}
