//! A reader of a pipe that does not block when the program is asked to stop.

use super::Stop;
use crate::system::{AsPipe, wait_for_data};
use std::{
    io::{self, Read},
    time::Duration,
};

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A reader that reports the end of the file once the program is asked to stop.
pub(super) struct PolledReader<R> {
    inner: R,
    stop: Stop,
}

impl<R: Read + AsPipe> PolledReader<R> {
    pub fn new(inner: R, stop: &Stop) -> Self {
        Self { inner, stop: stop.clone() }
    }
}

impl<R: Read + AsPipe> Read for PolledReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.stop.is_set() {
            if wait_for_data(&self.inner, POLL_INTERVAL)? {
                return self.inner.read(buffer);
            }
        }
        Ok(0)
    }
}
