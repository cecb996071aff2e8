//! Writes event files for TensorBoard: scalars, and histograms of weights and gradients.
//!
//! A file is a sequence of TFRecord records (length, its checksum, the data, its checksum; the checksums are masked
//! CRC-32C). Each record is an `Event` of TensorFlow's `event.proto`; only the fields that are used are declared.

use prost::Message;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use thiserror::Error;

/// Number of bins of a histogram; they have equal width between the smallest and the largest value.
const BINS: usize = 64;

/// Why events cannot be written.
#[derive(Debug, Error)]
#[error("cannot write TensorBoard's events to {path}: {source}", path = path.display())]
pub struct EventError {
    path: PathBuf,
    source: io::Error,
}

/// Writes one event file.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Creates a new file in `folder`, and the folder if it does not exist. A resumed run creates another file, because
    /// TensorBoard reads all files of a folder as one run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(folder: &Path) -> Result<Self, EventError> {
        let wrong = |source| EventError { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(wrong)?;
        let now = seconds_since_1970();
        let path = folder.join(format!("events.out.tfevents.{now:017.6}.{}.emotiond", std::process::id()));
        let file = BufWriter::new(File::create_new(&path).map_err(wrong)?);
        let mut writer = Self { path, file };
        writer.event(&Event { file_version: Some("brain.Event:2".to_owned()), ..Event::now(0) })?;
        writer.flush()?;
        Ok(writer)
    }

    /// Adds a scalar with `tag` at `step`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scalar(&mut self, step: usize, tag: &str, value: f64) -> Result<(), EventError> {
        let value = Value { tag: tag.to_owned(), simple_value: Some(value as f32), ..Value::default() };
        self.event(&Event { summary: Some(Summary { values: vec![value] }), ..Event::now(step) })
    }

    /// Adds a histogram of `values` with `tag` at `step`; values that are not finite are ignored.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn histogram(&mut self, step: usize, tag: &str, values: &[f32]) -> Result<(), EventError> {
        let histogram = Some(Histogram::of(values));
        let value = Value { tag: tag.to_owned(), histogram, ..Value::default() };
        self.event(&Event { summary: Some(Summary { values: vec![value] }), ..Event::now(step) })
    }

    /// Adds data for the dashboard `plugin` with `tag`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plugin(&mut self, tag: &str, plugin: &str, content: Vec<u8>) -> Result<(), EventError> {
        let plugin = PluginData { name: plugin.to_owned(), content };
        let metadata = Some(Metadata { plugin: Some(plugin) });
        let value = Value { tag: tag.to_owned(), metadata, ..Value::default() };
        self.event(&Event { summary: Some(Summary { values: vec![value] }), ..Event::now(0) })
    }

    /// Flushes the buffer, so that TensorBoard can show the latest records.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), EventError> {
        self.file.flush().map_err(|source| EventError { path: self.path.clone(), source })
    }

    fn event(&mut self, event: &Event) -> Result<(), EventError> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked_crc(&length), &data, &masked_crc(&data)];
        self.file.write_all(&parts.concat()).map_err(|source| EventError { path: self.path.clone(), source })
    }
}

/// TFRecord's masked checksum: CRC-32C, rotated, plus a constant.
fn masked_crc(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

impl Event {
    fn now(step: usize) -> Self {
        Self { wall_time: seconds_since_1970(), step: step as i64, file_version: None, summary: None }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "5")]
    histogram: Option<Histogram>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(double, tag = "1")]
    min: f64,
    #[prost(double, tag = "2")]
    max: f64,
    #[prost(double, tag = "3")]
    count: f64,
    #[prost(double, tag = "4")]
    sum: f64,
    #[prost(double, tag = "5")]
    sum_squares: f64,
    /// The upper end of each bin.
    #[prost(double, repeated, tag = "6")]
    limits: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    counts: Vec<f64>,
}

impl Histogram {
    fn of(values: &[f32]) -> Self {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value));
        let (min, max) = finite()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if min > max {
            return Self::default();
        }
        // If all values are equal, the bins are centred on that value.
        let width = if max > min { (max - min) / BINS as f64 } else { f64::EPSILON.max(min.abs() * 1e-6) };
        let mut counts = vec![0.0; BINS];
        for value in finite() {
            counts[(((value - min) / width) as usize).min(BINS - 1)] += 1.0;
        }
        Self {
            min,
            max,
            count: counts.iter().sum(),
            sum: finite().sum(),
            sum_squares: finite().map(|value| value * value).sum(),
            limits: (1..=BINS).map(|bin| min + width * bin as f64).collect(),
            counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C (RFC 3720), masked as TensorFlow's `crc32c.h` says.
    #[test]
    fn the_checksum_is_tfrecords() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let masked = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(masked_crc(b"123456789"), masked.to_le_bytes());
    }

    #[test]
    fn a_histogram_counts_every_finite_value() {
        let histogram = Histogram::of(&[-1.0, 0.0, 0.5, 3.0, f32::NAN, f32::INFINITY]);
        assert_eq!((histogram.min, histogram.max, histogram.count, histogram.sum), (-1.0, 3.0, 4.0, 2.5));
        assert_eq!(histogram.counts.iter().sum::<f64>(), 4.0);
        assert!((histogram.limits[BINS - 1] - 3.0).abs() < 1e-9);
        assert_eq!(Histogram::of(&[2.0; 9]).counts.iter().sum::<f64>(), 9.0);
        assert_eq!(Histogram::of(&[]).count, 0.0);
    }
}
