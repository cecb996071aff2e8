//! Sends the frames and the states of a source into the pipeline.

use super::{Abandoned, Capture, session::ahead};
use crate::{
    frame::Frame,
    message::{Body, Message, Moment, SourceState, StateChange},
    pipeline::source_info::{Counters, SourceInfo},
};
use crossbeam_channel::TrySendError;
use jiff::SignedDuration;
use std::mem;

/// A larger step backwards in time means that the system clock was set back.
const CLOCK_SET_BACK: SignedDuration = SignedDuration::from_secs(10);

impl Capture {
    /// Passes a frame to the vision threads and returns the one to fill next.
    pub(super) fn hand_on(
        &mut self,
        mut frame: Box<Frame>,
        moment: Moment,
        info: &SourceInfo,
    ) -> Result<Box<Frame>, Abandoned> {
        self.number(&mut frame);
        if self.is_live(info) {
            let count = |counters: &Counters| [&counters.entered, &counters.skipped].map(Counters::get);
            let [entered, skipped] = count(&info.counters);
            let next = self.hand_newest(frame, moment, &info.counters)?;
            let now = count(&info.counters);
            if now != [entered, skipped] {
                self.pressure.note(now[0] > entered, &info.name);
            }
            return Ok(next);
        }
        if !self.queues.share.wait_for_room(&mut frame, ahead(&info.config.uri), &self.stop) {
            return Ok(frame);
        }
        self.enter_picture(&mut frame, &moment);
        self.send(Message::picture(self.index, moment, frame), &info.counters)?;
        self.empty_frame()
    }

    pub(super) fn number(&mut self, frame: &mut Frame) {
        // A frame of the previous pipeline may be turned otherwise.
        frame.turn = self.infos[self.index].config.turn();
        frame.number = self.carried.next_number;
        self.carried.next_number += 1;
    }

    fn enter_picture(&mut self, frame: &mut Frame, moment: &Moment) {
        frame.search = self.carried.schedule.search(frame, moment);
        frame.is_first = mem::take(&mut self.carried.has_come_up);
        self.enter(frame);
    }

    pub(super) fn enter(&mut self, frame: &mut Frame) {
        frame.entry = self.carried.next_entry;
        self.carried.next_entry += 1;
    }

    /// Never blocks: a frame that is still in the inbox is replaced, and the new frame takes over its ticket.
    pub(super) fn hand_newest(
        &mut self,
        mut frame: Box<Frame>,
        moment: Moment,
        counters: &Counters,
    ) -> Result<Box<Frame>, Abandoned> {
        let moment = self.keep_order(moment);
        if self.carried.schedule.is_too_soon(&moment) {
            return Ok(frame);
        }
        if !self.queues.share.find_room(&mut frame) {
            Counters::add(&counters.skipped);
            return Ok(frame);
        }
        if let Ok(waiting) = self.queues.waiting.try_recv() {
            Counters::add(&counters.skipped);
            let mut dropped = self.replace(waiting, frame, moment)?;
            dropped.give_back();
            return Ok(dropped);
        }
        let Ok(next) = self.queues.empty.try_recv() else {
            Counters::add(&counters.skipped);
            frame.give_back();
            return Ok(frame);
        };
        self.enter_picture(&mut frame, &moment);
        let mut message = Message::picture(self.index, moment, frame);
        message.ticket = self.next_ticket;
        match self.queues.inbox.try_send(message) {
            Ok(()) => {
                self.next_ticket += 1;
                Counters::add(&counters.entered);
                Ok(next)
            }
            Err(TrySendError::Full(_)) => unreachable!("only this thread fills the inbox"),
            Err(TrySendError::Disconnected(_)) => Err(Abandoned),
        }
    }

    /// Puts `frame` into the inbox in place of a frame that was `waiting`, and returns the latter. A change of state
    /// must not be lost; in that case, the new frame is dropped instead.
    pub(super) fn replace(
        &self,
        waiting: Message,
        mut frame: Box<Frame>,
        moment: Moment,
    ) -> Result<Box<Frame>, Abandoned> {
        let (message, dropped) = match waiting {
            Message { source, ticket, body: Body::Picture(old), lost, .. } => {
                (frame.search, frame.entry, frame.is_first) = (old.search, old.entry, old.is_first);
                (Message { source, ticket, moment, body: Body::Picture(frame), lost }, old)
            }
            other => (other, frame),
        };
        self.queues.inbox.try_send(message).map_err(|_| Abandoned)?;
        Ok(dropped)
    }

    /// Sends a message; waits until there is room in the inbox.
    pub(super) fn send(&mut self, mut message: Message, counters: &Counters) -> Result<(), Abandoned> {
        message.moment = self.keep_order(message.moment);
        message.ticket = self.next_ticket;
        self.next_ticket += 1;
        Counters::add(&counters.entered);
        self.queues.inbox.send(message).map_err(|_| Abandoned)
    }

    /// Ensures that the times of a source never decrease from line to line. A frame may have been captured just before
    /// a change of state that was sent first; it then gets the time of that change.
    pub(super) fn keep_order(&mut self, moment: Moment) -> Moment {
        let behind = self.carried.latest.duration_since(moment.time);
        let is_behind = behind.is_positive() && behind < CLOCK_SET_BACK;
        self.carried.latest = if is_behind { self.carried.latest } else { moment.time };
        Moment { time: self.carried.latest, ..moment }
    }

    /// Sends a change of state, in order with the frames; waits until there is room.
    pub(super) fn tell(
        &mut self,
        info: &SourceInfo,
        state: SourceState,
        reason: String,
        moment: Moment,
    ) -> Result<(), Abandoned> {
        self.tell_change(info, StateChange::new(state, reason), moment)
    }

    pub(super) fn tell_change(
        &mut self,
        info: &SourceInfo,
        change: StateChange,
        moment: Moment,
    ) -> Result<(), Abandoned> {
        (self.carried.told, self.carried.told_planned) = (change.state, change.is_planned);
        self.send(Message::state(self.index, moment, change), &info.counters)
    }
}
