//! A server that sends one picture per request. It is asked again and again; pictures that have not changed are passed
//! over.

use super::client::{Answer, Body, Client, Validators};
use crate::{
    frame::{Encoding, Frame},
    source::{Read, Source, SourceError, Stop, address::Address, mjpeg::MjpegReader},
};
use std::{
    io::{self, BufRead, BufReader, Read as _},
    thread,
    time::{Duration, Instant},
};

/// Longest picture in bytes.
const LARGEST: u64 = 64 << 20;
/// The pause between two pictures if the source has no `max_fps`.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a source that waits for its next request says that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// A picture may come a little early, by this part of the pause, if the one before it came late.
const EARLY: f64 = 0.2;

/// A server of single pictures.
pub(super) struct Snapshots {
    client: Client,
    address: Address,
    /// The answer to the latest request, if it has not been read yet.
    answer: Option<BufReader<Body>>,
    known: Validators,
    /// The latest picture.
    latest: Vec<u8>,
    pause: Duration,
    due: Instant,
    stop: Stop,
}

impl Snapshots {
    /// `answer` is the first one, and `known` describes it. `max_fps` limits the requests per second.
    pub fn new(
        client: Client,
        address: &Address,
        answer: BufReader<Body>,
        known: Validators,
        max_fps: Option<f32>,
        stop: &Stop,
    ) -> Self {
        let pause = max_fps.map_or(PAUSE, |rate| Duration::from_secs_f32(1.0 / rate));
        Self {
            client,
            address: address.clone(),
            answer: Some(answer),
            known,
            latest: Vec::new(),
            pause,
            due: Instant::now() + pause,
            stop: stop.clone(),
        }
    }

    /// Waits for the next request's time, or a second.
    fn wait(&self) {
        let until = self.due.min(Instant::now() + SIGN_OF_LIFE);
        while Instant::now() < until && !self.stop.is_set() {
            thread::sleep(POLL_INTERVAL.min(until.saturating_duration_since(Instant::now())));
        }
    }

    /// Asks for the next picture. A server may have closed the connection meanwhile, so a failure is not the last word.
    fn ask(&mut self) -> Result<(), SourceError> {
        let asked = Instant::now();
        self.due = (self.due + self.pause).max(asked);
        let answer = self.client.get(&self.known).or_else(|_| self.client.get(&self.known));
        match answer.map_err(|error| self.failed(&error.to_string()))? {
            Answer::Unchanged => self.answer = None,
            Answer::Content(headers, body) => {
                self.known = Validators::of(&headers);
                self.answer = Some(BufReader::new(body));
            }
        }
        self.due = self.due.max(Instant::now() + self.pause.mul_f64(1.0 - EARLY));
        Ok(())
    }

    fn failed(&self, reason: &str) -> SourceError {
        SourceError::Stream { uri: self.address.to_string(), reason: self.address.hide_in(reason) }
    }
}

impl Source for Snapshots {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        if self.answer.is_none() {
            self.wait();
            if self.stop.is_set() {
                return Ok(Read::Ended);
            }
            if Instant::now() < self.due {
                return Ok(Read::Unchanged);
            }
            self.ask()?;
        }
        let Some(answer) = self.answer.take() else { return Ok(Read::Unchanged) };
        let encoding = read_picture(answer, &mut frame.bytes);
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        frame.encoding = encoding.map_err(|error| self.failed(&error.to_string()))?;
        if frame.bytes == self.latest {
            return Ok(Read::Unchanged);
        }
        (frame.width, frame.height) = (0, 0);
        self.latest.clone_from(&frame.bytes);
        Ok(Read::Frame)
    }
}

/// Reads the picture in an answer. A JPEG picture ends with its end marker, whatever length the server has announced.
fn read_picture(mut answer: BufReader<Body>, out: &mut Vec<u8>) -> io::Result<Encoding> {
    let encoding = if answer.fill_buf()?.first() == Some(&0xFF) {
        MjpegReader::new(answer).read_picture(out)?;
        Encoding::Jpeg
    } else {
        answer.take(LARGEST).read_to_end(out)?;
        Encoding::PictureFile
    };
    if out.is_empty() { Err(io::Error::other("the answer contains no picture")) } else { Ok(encoding) }
}
