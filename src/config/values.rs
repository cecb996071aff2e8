//! What single values may be: each function reads one and says what is wrong with it.

use serde::{Deserialize, Deserializer, de::Error};
use std::ops::RangeInclusive;
use tracing_subscriber::EnvFilter;

pub(super) fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let level = String::deserialize(deserializer)?;
    match EnvFilter::try_new(&level) {
        Ok(_) => Ok(level),
        Err(fault) => Err(D::Error::custom(format!(
            "`{level}` is no log level ({fault}): take error, warn, info, debug, trace or a filter of them"
        ))),
    }
}

pub(super) fn color_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let color = String::deserialize(deserializer)?;
    if ["gray", "rgb"].contains(&color.as_str()) {
        return Ok(Some(color));
    }
    Err(D::Error::custom(format!("`{color}` is no colour that a model takes: write gray or rgb")))
}

pub(super) fn levels_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let levels = String::deserialize(deserializer)?;
    if ["raw", "auto"].contains(&levels.as_str()) {
        return Ok(Some(levels));
    }
    Err(D::Error::custom(format!("`{levels}` is no treatment of a crop's levels: write raw or auto")))
}

fn within<'de, D: Deserializer<'de>>(deserializer: D, range: RangeInclusive<f64>) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if range.contains(&value) {
        return Ok(value);
    }
    Err(D::Error::custom(format!("{value} is not from {} to {}", range.start(), range.end())))
}

fn whole_within<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<f64>,
) -> Result<f64, D::Error> {
    let value = within(deserializer, range)?;
    if value.fract() == 0.0 {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} is no whole number")))
    }
}

pub(super) fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=1.0).map(|value| value as f32)
}

pub(super) fn ratio_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    ratio(deserializer).map(Some)
}

pub(super) fn margin_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    within(deserializer, -0.5..=2.0).map(|value| Some(value as f32))
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=3600.0).map(|value| value as f32)
}

pub(super) fn ratio_from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 1.0..=1000.0).map(|value| value as f32)
}

pub(super) fn degrees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=90.0).map(|value| value as f32)
}

pub(super) fn patience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.1..=3600.0).map(|value| value as f32)
}

pub(super) fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=60.0).map(|value| value as f32)
}

pub(super) fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.1..=86_400.0).map(|value| value as f32)
}

pub(super) fn count_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    count(deserializer).map(Some)
}

pub(super) fn face_px_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    face_px(deserializer).map(Some)
}

pub(super) fn side_px_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    side_px(deserializer).map(Some)
}

pub(super) fn rate_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    within(deserializer, 0.01..=1000.0).map(|value| Some(value as f32))
}

pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1.0..=1000.0).map(|value| value as u32)
}

pub(super) fn face_px<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 1.0..=10_000.0).map(|value| value as f32)
}

pub(super) fn side_px<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    whole_within(deserializer, 64.0..=16_384.0).map(|value| value as u32)
}

pub(super) fn megapixels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.001..=1000.0)
}

pub(super) fn threads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    whole_within(deserializer, 1.0..=256.0).map(|value| value as usize)
}

pub(super) fn threads_or_auto<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    whole_within(deserializer, 0.0..=256.0).map(|value| value as usize)
}
