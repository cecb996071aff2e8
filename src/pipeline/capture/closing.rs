//! Closes a source that is paused or outside its active hours, and waits until it is to be read again.

use super::{Abandoned, Capture, End, Session};
use crate::{
    message::{SourceState, StateChange},
    pipeline::source_info::SourceInfo,
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a closed source looks whether it is to be read again.
const CLOSED_POLL: Duration = Duration::from_millis(20);
/// How long the reader of a source may take to close it.
const CLOSING: Duration = Duration::from_secs(2);

impl Capture {
    /// Closes a source that is not to be read now, and waits until its device is free.
    pub(super) fn close(&mut self, session: Session, info: &SourceInfo) {
        session.stop.set();
        for _ in 0..session.lent {
            self.replace_frame(info);
        }
        if !session.reader.close(CLOSING) {
            tracing::warn!(source = info.name, "the device is still in use: its driver does not return");
        }
    }

    /// Waits while the source is not to be read, and tells why.
    pub(super) fn wait_while_closed(&mut self, info: &SourceInfo) -> Result<(), Abandoned> {
        // The previous pipeline may have told it.
        let state = info.state();
        let mut told = if state.is_planned && self.carried.told == SourceState::Down {
            state.reason
        } else {
            String::new()
        };
        while !self.stop.is_set() {
            let Some(reason) = self.gate.closed(info) else { break };
            if reason != told {
                reason.clone_into(&mut told);
                let change = StateChange { state: SourceState::Down, reason: told.clone(), is_planned: true };
                self.tell_change(info, change, self.clock.now())?;
            }
            thread::sleep(CLOSED_POLL);
        }
        Ok(())
    }

    /// While a file is not to be read, it stays open, so that it goes on where it was. Every other source is closed.
    pub(super) fn notice_gate(&mut self, session: &mut Session, info: &SourceInfo) -> Result<(), End> {
        if self.gate.closed(info).is_none() {
            return Ok(());
        }
        if self.is_live(info) {
            return Err(End::Closed);
        }
        self.wait_while_closed(info)?;
        session.heard = Instant::now();
        Ok(())
    }
}
