//! For `emotiond check`: whether the machine is fast enough for its live sources.

use crate::{config::Config, detect::DetectorPlan, frame::Frame};
use emotiond_core::{
    exit::{Exit, Failure},
    runtime::Runtime,
};
use std::time::{Duration, Instant};

/// A longer round of all sources is too long.
const LONGEST_ROUND: Duration = Duration::from_secs(1);

/// A picture of a source, and how long it took to decode it.
pub(super) struct Look {
    pub frame: Frame,
    pub decoding: Duration,
}

/// How long the vision threads take for one picture of each source. That long, at most, each source waits for its turn, if
/// ffmpeg or other programs do not use the processor meanwhile.
///
/// # Errors
/// When the detector cannot be used.
pub(super) fn of(config: &Config, looks: &mut [Look]) -> Result<String, Failure> {
    let runtime = Runtime::load(&config.runtime)?;
    let plan = DetectorPlan::new(&runtime, &config.detector)?;
    let mut detector = plan.build()?;
    let settings = plan.settings_for(&config.detector);
    let mut work = Duration::ZERO;
    for Look { frame, decoding } in looks.iter_mut() {
        // The first run of a size is slower.
        let mut run = || {
            let start = Instant::now();
            let found = detector.detect(&frame.picture.view(), &settings, &mut frame.detections);
            found.map(|()| start.elapsed()).map_err(|error| Failure::new(Exit::Unavailable, error))
        };
        work += *decoding + run()?.min(run()?);
    }
    let round = work / config.limits.plan().threads as u32;
    let (count, ms) = (looks.len(), round.as_secs_f64() * 1e3);
    let told = format!("one picture of each of the {count} live sources takes {ms:.0} ms");
    Ok(if round > LONGEST_ROUND {
        format!(
            "{told}: the machine is too small; read fewer or smaller sources, or lower max_side_px under [detector]"
        )
    } else {
        told
    })
}
