//! A stream of JPEG pictures over HTTP: `multipart/x-mixed-replace`, or pictures one after the other. Boundaries and the
//! headers of parts are skipped, because cameras get them wrong.

use super::client::{Body, Deadline};
use crate::{
    frame::{Encoding, Frame},
    source::{Read, Source, SourceError, Stop, address::Address, mjpeg::MjpegReader},
};
use std::io::BufReader;

/// A stream that is open.
pub(super) struct JpegStream {
    address: Address,
    pictures: MjpegReader<BufReader<Body>>,
    deadline: Deadline,
    has_given: bool,
    stop: Stop,
}

impl JpegStream {
    pub fn new(address: &Address, body: BufReader<Body>, stop: &Stop) -> Self {
        let deadline = body.get_ref().deadline();
        let pictures = MjpegReader::new(body);
        Self { address: address.clone(), pictures, deadline, has_given: false, stop: stop.clone() }
    }
}

impl Source for JpegStream {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        self.deadline.postpone();
        let is_there = self.pictures.read_picture(&mut frame.bytes);
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        let failed = |reason: String| SourceError::Stream {
            uri: self.address.to_string(),
            reason: self.address.hide_in(&reason),
        };
        if !is_there.map_err(|error| failed(error.to_string()))? {
            let reason = "the server closed the connection before the first picture".to_owned();
            return if self.has_given { Ok(Read::Ended) } else { Err(failed(reason)) };
        }
        (frame.encoding, frame.width, frame.height) = (Encoding::Jpeg, 0, 0);
        self.has_given = true;
        Ok(Read::Frame)
    }
}
