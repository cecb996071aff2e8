//! A source's share of the memory for pictures.

use super::POLL_INTERVAL;
use crate::{decode::FrameDecoder, frame::Frame, memory::Pool, stop::Stop};
use std::sync::Arc;

/// What a frame must get before it enters the pipeline, if it is large.
pub(in crate::pipeline) struct Share {
    pub pool: Arc<Pool>,
    pub decoder: FrameDecoder,
    /// Whether the picture is decoded for somebody who watches, too.
    pub is_watched: bool,
}

impl Share {
    /// Gives the frame of a live source room, if there is some now.
    pub fn find_room(&self, frame: &mut Frame) -> bool {
        let bytes = self.decoder.needed_bytes(frame, 1, self.is_watched);
        if self.pool.is_large(bytes) {
            frame.room = self.pool.try_take(bytes);
            return frame.room.is_some();
        }
        true
    }

    /// The same for other sources, which read `ahead` frames more; waits for room, which comes in the order of the frames:
    /// those behind cannot hold what this one waits for. Returns false if the program stops first.
    pub fn wait_for_room(&self, frame: &mut Frame, ahead: usize, stop: &Stop) -> bool {
        let bytes = self.decoder.needed_bytes(frame, ahead, self.is_watched);
        if self.pool.is_large(bytes) {
            frame.room = self.pool.take(bytes, POLL_INTERVAL, || stop.is_set());
            return frame.room.is_some();
        }
        true
    }
}
