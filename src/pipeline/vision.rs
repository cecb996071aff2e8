//! Vision threads: decode a frame and search it for faces. All serve all sources, a fair share each.

use super::{
    STOP_PATIENCE,
    glance::{self, Memory},
    settings::{Look, Shared},
};
use crate::{
    config::LimitsConfig,
    decode::FrameDecoder,
    detect::{DetectError, DetectSettings, Detector, DetectorPlan},
    exit::{Exit, Failure},
    frame::{Content, Frame, Search},
    guard::guarded,
    runtime::RuntimeError,
    source::Stop,
};
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a thread waits before it looks whether the program is to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// A face that is known is continued by detections whose score is at least this part of what begins one.
const CONTINUES: f32 = 0.5;

/// One vision thread.
pub(super) struct Vision {
    plan: Arc<DetectorPlan>,
    look: Look,
    inboxes: Vec<Receiver<Box<Frame>>>,
    memories: Arc<[Memory]>,
    done: Sender<Box<Frame>>,
    decoder: FrameDecoder,
    stop: Stop,
}

impl Vision {
    pub fn new(
        plan: &Arc<DetectorPlan>,
        settings: &Shared,
        inboxes: &[Receiver<Box<Frame>>],
        memories: &Arc<[Memory]>,
        done: &Sender<Box<Frame>>,
        limits: &LimitsConfig,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let decoder =
            FrameDecoder::new(limits.max_megapixels).map_err(|fault| Failure::new(Exit::Software, fault))?;
        Ok(Self {
            plan: Arc::clone(plan),
            look: Look::new(Arc::clone(settings)),
            inboxes: inboxes.to_vec(),
            memories: Arc::clone(memories),
            done: done.clone(),
            decoder,
            stop: stop.clone(),
        })
    }

    /// Works until all sources have ended. The detector is made here, since it cannot change threads.
    pub fn run(mut self) -> Result<(), RuntimeError> {
        let mut detector = self.plan.build()?;
        let inboxes = self.inboxes.clone();
        let mut select = Select::new();
        for inbox in &inboxes {
            select.recv(inbox);
        }
        let mut open = inboxes.len();
        let mut stopped = None;
        while open > 0 {
            // Among several that are ready, it takes one at random: that is the fair share.
            let Ok(ready) = select.ready_timeout(PATIENCE) else {
                // A capture thread still tells its source's end, unless it is stuck in a driver.
                if self.stop.is_set() && stopped.get_or_insert_with(Instant::now).elapsed() > STOP_PATIENCE {
                    break;
                }
                continue;
            };
            match inboxes[ready].try_recv() {
                Ok(mut frame) => {
                    if guarded(|| self.see(&mut frame, &mut *detector)).is_err() {
                        // A frame that is not handed on would hold up its source for ever.
                        frame.fault = Some("its analysis failed, which is a fault of ours".to_owned());
                        detector = self.plan.build()?;
                    }
                    if self.done.send(frame).is_err() {
                        break;
                    }
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    select.remove(ready);
                    open -= 1;
                }
            }
        }
        Ok(())
    }

    fn see(&mut self, frame: &mut Frame, detector: &mut dyn Detector) {
        if frame.content != Content::Picture || frame.fault.is_some() {
            return;
        }
        if let Err(fault) = self.decoder.decode(frame) {
            frame.fault = Some(fault.to_string());
            return;
        }
        if frame.search == Search::Skip {
            return;
        }
        let mut settings = self.look.load().sources[frame.source].detect;
        if frame.file.is_none() {
            settings.min_score *= CONTINUES;
        }
        let found = match self.glance(frame, &settings, detector) {
            Ok(false) => detector.detect(&frame.picture.view(), &settings, &mut frame.detections),
            Ok(true) => Ok(()),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = found {
            frame.fault = Some(fault.to_string());
        }
    }

    /// Searches the picture at a reduced size where that is due and the faces allow it. Returns whether that was
    /// enough: it was not when it found fewer than were in sight.
    fn glance(
        &self,
        frame: &mut Frame,
        settings: &DetectSettings,
        detector: &mut dyn Detector,
    ) -> Result<bool, DetectError> {
        if frame.search != Search::Glance {
            return Ok(false);
        }
        let Some(before) = self.memories[frame.source].before(frame.ticket) else { return Ok(false) };
        let longest_px = frame.picture.width.max(frame.picture.height);
        let Some(side_px) = glance::side(longest_px, settings.max_side_px, before.smallest_px) else {
            return Ok(false);
        };
        let small = DetectSettings { max_side_px: side_px, ..*settings };
        detector.detect(&frame.picture.view(), &small, &mut frame.detections)?;
        if frame.detections.len() < before.count as usize {
            return Ok(false);
        }
        frame.blind_below_px = glance::LEAST_FACE_PX * longest_px as f32 / side_px as f32;
        Ok(true)
    }
}
