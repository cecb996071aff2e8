//! A reader of a pipe that does not block when the program is asked to stop.

use super::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{self, Read},
    os::fd::AsFd,
};

const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A reader that reports the end of the file once the program is asked to stop.
pub(super) struct PolledReader<R> {
    inner: R,
    stop: Stop,
}

impl<R: Read + AsFd> PolledReader<R> {
    pub fn new(inner: R, stop: &Stop) -> Self {
        Self { inner, stop: stop.clone() }
    }
}

impl<R: Read + AsFd> Read for PolledReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.stop.is_set() {
            let ready = poll(&mut [PollFd::new(&self.inner, PollFlags::IN)], Some(&POLL_INTERVAL));
            match ready {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.inner.read(buffer),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}
