//! The emit policy: when face events are written.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// When face events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum EmitPolicy {
    /// For a new face, a changed emotion, a face that turns towards the camera or away, and a lost face.
    #[default]
    Change,
    /// As `Change`, and for each face again after this many seconds.
    Interval(f64),
    /// For each face in each frame.
    EveryFrame,
}

impl EmitPolicy {
    /// Whether to write an update for a known face, `since_s` seconds after its last event. `changed`: its emotion or
    /// whether it looks towards the camera has changed since.
    pub fn wants_update(&self, since_s: f64, changed: bool) -> bool {
        match self {
            Self::Change => changed,
            // Frame times are rounded to milliseconds; half a millisecond must not delay the event by a frame.
            Self::Interval(seconds) => changed || since_s >= seconds - 0.000_5,
            Self::EveryFrame => true,
        }
    }
}

impl fmt::Display for EmitPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change => f.write_str("change"),
            Self::Interval(seconds) => write!(f, "interval={seconds}"),
            Self::EveryFrame => f.write_str("every-frame"),
        }
    }
}

impl FromStr for EmitPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.strip_prefix("interval=").and_then(|number| number.parse().ok());
        match (text, seconds) {
            ("change", _) => Ok(Self::Change),
            ("every-frame", _) => Ok(Self::EveryFrame),
            (_, Some(seconds)) if f64::is_finite(seconds) && seconds > 0.0 => Ok(Self::Interval(seconds)),
            _ => Err(format!("`{text}` is not an emit policy: use change, interval=SECONDS or every-frame")),
        }
    }
}

impl TryFrom<String> for EmitPolicy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<EmitPolicy> for String {
    fn from(policy: EmitPolicy) -> Self {
        policy.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_read_back() {
        for policy in [EmitPolicy::Change, EmitPolicy::Interval(0.5), EmitPolicy::EveryFrame] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for wrong in ["", "interval", "interval=", "interval=0", "interval=-1", "interval=NaN", "always"] {
            assert!(wrong.parse::<EmitPolicy>().is_err(), "{wrong}");
        }
    }
}
