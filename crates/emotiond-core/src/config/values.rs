//! Functions for `#[serde(deserialize_with = ...)]` that read and check single values of a configuration.
#![expect(missing_docs, reason = "the names are self-explanatory")]

use serde::{Deserialize, Deserializer, de::Error};
use std::ops::RangeInclusive;

pub fn color_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let color = String::deserialize(deserializer)?;
    if ["gray", "rgb"].contains(&color.as_str()) {
        return Ok(Some(color));
    }
    Err(D::Error::custom(format!("`{color}` is not a colour of model inputs: write gray or rgb")))
}

pub fn levels_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let levels = String::deserialize(deserializer)?;
    if ["raw", "auto"].contains(&levels.as_str()) {
        return Ok(Some(levels));
    }
    Err(D::Error::custom(format!("`{levels}` is not a level correction: write raw or auto")))
}

fn within<'de, D: Deserializer<'de>>(deserializer: D, range: RangeInclusive<f64>) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if range.contains(&value) {
        return Ok(value);
    }
    Err(D::Error::custom(format!("{value} is not between {} and {}", range.start(), range.end())))
}

fn whole_within<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<f64>,
) -> Result<f64, D::Error> {
    let value = within(deserializer, range)?;
    if value.fract() == 0.0 {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} is not a whole number")))
    }
}

pub fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=1.0).map(|value| value as f32)
}

pub fn ratio_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    ratio(deserializer).map(Some)
}

pub fn margin_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    within(deserializer, -0.5..=2.0).map(|value| Some(value as f32))
}

pub fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=3600.0).map(|value| value as f32)
}

pub fn ratio_from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 1.0..=1000.0).map(|value| value as f32)
}

pub fn degrees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=90.0).map(|value| value as f32)
}

pub fn timeout_s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.1..=3600.0).map(|value| value as f32)
}

pub fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=60.0).map(|value| value as f32)
}

pub fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.1..=86_400.0).map(|value| value as f32)
}

pub fn count_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    count(deserializer).map(Some)
}

pub fn face_px_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    face_px(deserializer).map(Some)
}

pub fn side_px_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    side_px(deserializer).map(Some)
}

pub fn rate_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    within(deserializer, 0.01..=1000.0).map(|value| Some(value as f32))
}

pub fn reads_per_s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=1000.0).map(|value| value as f32)
}

pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1.0..=1000.0).map(|value| value as u32)
}

pub fn face_px<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 1.0..=10_000.0).map(|value| value as f32)
}

pub fn side_px<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    whole_within(deserializer, 64.0..=16_384.0).map(|value| value as u32)
}

pub fn megapixels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.001..=1000.0)
}

pub fn threads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    whole_within(deserializer, 1.0..=256.0).map(|value| value as usize)
}

pub fn threads_or_auto<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    whole_within(deserializer, 0.0..=256.0).map(|value| value as usize)
}
