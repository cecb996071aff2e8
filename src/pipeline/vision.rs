//! Vision threads: decode frames and detect faces. All threads serve all sources equally.

use super::{
    STOP_TIMEOUT,
    glance::{self, Glance, Memory},
    settings::{Look, Shared},
};
use crate::{
    catch_panic::catch_panic,
    config::LimitsConfig,
    decode::{DecodeError, FrameDecoder},
    detect::{DetectSettings, Detection, Detector, DetectorPlan},
    frame::{Content, Encoding, Frame, Search},
    stop::Stop,
};
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError};
use emotiond_core::runtime::RuntimeError;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often to check whether the program is asked to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The minimum score of detections that continue a track, as a fraction of the one that starts a track.
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
    ) -> Self {
        Self {
            plan: Arc::clone(plan),
            look: Look::new(Arc::clone(settings)),
            inboxes: inboxes.to_vec(),
            memories: Arc::clone(memories),
            done: done.clone(),
            decoder: FrameDecoder::new(limits.max_megapixels),
            stop: stop.clone(),
        }
    }

    /// Runs until all sources have ended. The detector is built here, because it cannot move between threads.
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
            // If several inboxes are ready, it selects one at random, which is fair to all sources.
            let Ok(ready) = select.ready_timeout(POLL_INTERVAL) else {
                // A capture thread still sends its source's end, unless it is blocked in a driver.
                if self.stop.is_set() && stopped.get_or_insert_with(Instant::now).elapsed() > STOP_TIMEOUT {
                    break;
                }
                continue;
            };
            match inboxes[ready].try_recv() {
                Ok(mut frame) => {
                    if catch_panic(|| self.see(&mut frame, &mut *detector)).is_err() {
                        // A frame that is not passed on would block its source forever.
                        frame.error = Some("the analysis panicked; this is a bug in emotiond".to_owned());
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
        if frame.content != Content::Picture || frame.error.is_some() {
            return;
        }
        let mut settings = self.look.load().sources[frame.source].detect;
        if frame.file.is_none() {
            settings.min_score *= CONTINUES;
        }
        if let Err(error) = self.search(frame, &settings, detector) {
            frame.error = Some(error.to_string());
        }
    }

    fn search(
        &self,
        frame: &mut Frame,
        settings: &DetectSettings,
        detector: &mut dyn Detector,
    ) -> anyhow::Result<()> {
        match self.plan_glance(frame, settings)? {
            None => self.decoder.decode(frame)?,
            Some(glance) if self.glance(frame, glance, settings, detector)? => return Ok(()),
            Some(_) => self.decode_whole(frame)?,
        }
        if frame.search != Search::Skip {
            detector.detect(&frame.picture.view(), settings, &mut frame.detections)?;
        }
        Ok(())
    }

    /// How to glance at the frame, if a glance is due and all faces in view are large enough.
    fn plan_glance(&self, frame: &Frame, settings: &DetectSettings) -> Result<Option<Glance>, DecodeError> {
        if frame.search != Search::Glance {
            return Ok(None);
        }
        let (width, height) = self.decoder.size(frame)?;
        let memory = &self.memories[frame.source];
        Ok(memory.glance(frame.ticket, width.max(height), settings.max_side_px))
    }

    /// Runs the detector on the downscaled picture. Returns false if it found fewer faces than were in view.
    fn glance(
        &self,
        frame: &mut Frame,
        glance: Glance,
        settings: &DetectSettings,
        detector: &mut dyn Detector,
    ) -> anyhow::Result<bool> {
        if frame.encoding == Encoding::Jpeg {
            frame.shrink = glance.shrink;
        }
        self.decoder.decode(frame)?;
        let shrink = frame.shrink as f32;
        let small = DetectSettings {
            max_side_px: glance.side_px,
            min_face_px: settings.min_face_px / shrink,
            ..*settings
        };
        detector.detect(&frame.picture.view(), &small, &mut frame.detections)?;
        if frame.detections.len() < glance.count as usize {
            return Ok(false);
        }
        for face in &mut frame.detections {
            *face = face.scaled(shrink);
        }
        let (width, height) = frame.size();
        frame.blind_below_px = glance::LEAST_FACE_PX * width.max(height) as f32 / glance.side_px as f32;
        let memory = &self.memories[frame.source];
        let fills = |face: &Detection| memory.fills_crop(face.bounds.w.max(face.bounds.h), frame.shrink);
        if !frame.detections.iter().all(fills) {
            self.decode_whole(frame)?;
        }
        Ok(true)
    }

    /// Decodes the frame again at full size, if it was decoded at a reduced one.
    fn decode_whole(&self, frame: &mut Frame) -> Result<(), DecodeError> {
        if frame.shrink == 1 {
            return Ok(());
        }
        frame.shrink = 1;
        self.decoder.decode(frame)
    }
}
