//! Vision threads: decode frames and detect faces. All threads serve all sources equally.

use super::{
    Context, STOP_TIMEOUT,
    full_searches::{FullSearches, Part},
    glance::{self, Glance, InSight, Memory},
    settings::{Look, SourceSettings},
    source_info::SourceInfo,
    stillness::{self, Scene, StillRule, Stillness, Turn},
    turns::Turns,
};
use crate::{
    areas::Areas,
    catch_panic::catch_panic,
    decode::{DecodeError, FrameDecoder, Thumbnail},
    detect::{self, DetectError, DetectSettings, Detection, DetectorPlan, FaceFinder},
    frame::{Encoding, Frame, Search},
    message::{Body, Message},
    stop::Stop,
};
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError};
use emotiond_core::runtime::RuntimeError;
use std::{sync::Arc, time::Instant};

/// The minimum score of detections that continue a track, as a fraction of the one that starts a track.
const CONTINUES: f32 = 0.5;

/// A frame is searched around the faces of the latest full search if that is no more than so many seconds ago: somebody new
/// is found by the next one.
const KNOWN_S: f64 = 0.2;

/// One vision thread.
pub(super) struct Vision {
    plan: Arc<DetectorPlan>,
    look: Look,
    inboxes: Vec<Receiver<Message>>,
    memories: Arc<[Memory]>,
    stillness: Arc<[Arc<Stillness>]>,
    /// Whether somebody watches each source.
    watched: Arc<[bool]>,
    infos: Arc<[SourceInfo]>,
    turns: Arc<Turns>,
    done: Sender<Message>,
    decoder: FrameDecoder,
    thumbnail: Thumbnail,
    stop: Stop,
}

/// What is known about a frame's source.
struct Place<'a> {
    memory: &'a Memory,
    full_searches: &'a FullSearches,
    areas: &'a Areas,
    /// What was in view `glance::LAG` frames earlier.
    before: Option<InSight>,
}

/// How a frame is searched around the faces of the latest full search.
struct Latest {
    part: Part,
    /// When the frame was captured.
    time_s: f64,
    /// Minimum score of faces that must be found again.
    sure_score: f32,
}

impl Place<'_> {
    /// Removes the detections in masked areas.
    fn ignore_masked(&self, frame: &mut Frame) {
        let Frame { picture, detections, .. } = frame;
        let (width, height) = (picture.width as f32, picture.height as f32);
        detections.retain(|face| {
            let (x, y) = face.bounds.center();
            !self.areas.ignores([x / width, y / height])
        });
    }
}

impl Vision {
    pub fn new(
        context: &Context,
        plan: &Arc<DetectorPlan>,
        decoder: FrameDecoder,
        inboxes: &[Receiver<Message>],
        turns: &Arc<Turns>,
        done: &Sender<Message>,
    ) -> Self {
        Self {
            plan: Arc::clone(plan),
            look: Look::new(Arc::clone(&context.settings)),
            inboxes: inboxes.to_vec(),
            memories: Arc::clone(&context.memories),
            stillness: Arc::clone(&context.stillness),
            watched: Arc::clone(&context.watched),
            infos: Arc::clone(&context.infos),
            turns: Arc::clone(turns),
            done: done.clone(),
            decoder,
            thumbnail: Thumbnail::default(),
            stop: context.stop.clone(),
        }
    }

    /// Runs until all sources have ended. The detector is built here, because it cannot move between threads.
    pub fn run(mut self) -> Result<(), RuntimeError> {
        let mut finder = self.plan.build()?;
        let inboxes = self.inboxes.clone();
        let mut select = Select::new();
        for inbox in &inboxes {
            select.recv(inbox);
        }
        let bells = self.stop.bells();
        for bell in &bells {
            select.recv(bell);
        }
        let mut open = inboxes.len();
        let mut last_moment = None;
        while open > 0 {
            // A capture thread still sends its source's end, unless it is blocked in a driver.
            let ready = match last_moment {
                None => select.ready(),
                Some(moment) => match select.ready_deadline(moment) {
                    Ok(ready) => ready,
                    Err(_) => break,
                },
            };
            if ready >= inboxes.len() {
                select.remove(ready);
                if self.is_stopped() {
                    last_moment.get_or_insert_with(|| Instant::now() + STOP_TIMEOUT);
                }
                continue;
            }
            let next = self.turns.next(&inboxes).unwrap_or(ready);
            match inboxes[next].try_recv() {
                Ok(mut message) => {
                    // A frame that is not passed on would block its source forever.
                    let message = match catch_panic(|| self.see(&mut message, &mut finder)) {
                        Ok(Ok(())) => message,
                        Ok(Err(error)) => message.unreadable(error.to_string()),
                        Err(_) => {
                            finder = self.plan.build()?;
                            message.unreadable("the analysis panicked; this is a bug in emotiond".to_owned())
                        }
                    };
                    if self.done.send(message).is_err() {
                        break;
                    }
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    select.remove(next);
                    open -= 1;
                }
            }
        }
        Ok(())
    }

    /// Whether the program stops. If the pipeline only makes room for another, no picture may be lost.
    fn is_stopped(&self) -> bool {
        let makes_room = self.infos.iter().any(|info| info.fate.get().is_some());
        if makes_room { self.stop.whole().is_set() } else { self.stop.is_set() }
    }

    /// Decodes the picture, if there is one, and detects its faces.
    fn see(&mut self, message: &mut Message, finder: &mut FaceFinder) -> anyhow::Result<()> {
        let (source, time_s) = (message.source, message.time_s());
        let (memories, stillness, infos) =
            (Arc::clone(&self.memories), Arc::clone(&self.stillness), Arc::clone(&self.infos));
        let (frame, turn) = match &mut message.body {
            Body::Picture(frame) => {
                let turn = stillness[source].turn(frame.entry);
                (frame, turn)
            }
            Body::Unreadable(frame, _) => {
                drop(stillness[source].turn(frame.entry));
                return Ok(());
            }
            Body::State(_) => return Ok(()),
        };
        let SourceSettings { mut detect, still, regions, .. } = self.look.load().sources[source];
        let sure_score = detect.min_score;
        if frame.file.is_none() {
            detect.min_score *= CONTINUES;
        }
        let place = Place {
            memory: &memories[source],
            full_searches: &stillness[source].full_searches,
            areas: &infos[source].areas,
            before: memories[source].before(frame.entry),
        };
        self.compare(frame, time_s, &turn, &place, &still)?;
        let part = turn.end(frame);
        let pending = match part {
            Part::Full(number) => Some(place.full_searches.pending(number)),
            _ => None,
        };
        let latest = Latest { part, time_s, sure_score };
        let latest = (regions && !frame.is_first).then_some(&latest);
        self.search(frame, &place, latest, &detect, finder)?;
        if let Some(pending) = pending {
            pending.keep(frame.full_size, time_s, &frame.detections);
        }
        if self.watched[source] {
            self.decoder.decode_shown(frame);
        }
        Ok(())
    }

    /// Decides how the frame is searched if its picture has not changed.
    fn compare(
        &mut self,
        frame: &mut Frame,
        time_s: f64,
        turn: &Turn,
        place: &Place,
        rule: &StillRule,
    ) -> Result<(), DecodeError> {
        if rule.search_every_s == 0.0 || frame.file.is_some() {
            return Ok(());
        }
        let is_seen = frame.search != Search::Skip
            && stillness::is_worth_a_look(frame.entry, place.before)
            && self.decoder.thumbnail(frame, &mut self.thumbnail)?;
        let scene = Scene { before: place.before, mask: &place.areas.mask };
        turn.judge(frame, time_s, is_seen.then_some(&mut self.thumbnail), &scene, rule);
        Ok(())
    }

    /// Decodes the frame and runs the detector as the frame's `search` tells.
    fn search(
        &self,
        frame: &mut Frame,
        place: &Place,
        latest: Option<&Latest>,
        settings: &DetectSettings,
        finder: &mut FaceFinder,
    ) -> anyhow::Result<()> {
        if !frame.is_decoded {
            return Ok(());
        }
        let mut latest = latest.filter(|_| frame.search == Search::Glance);
        match self.plan_glance(frame, place, settings)? {
            None => self.decoder.decode(frame)?,
            Some(glance) if frame.search == Search::Still => {
                self.shrink(frame, glance);
                self.decoder.decode(frame)?;
            }
            Some(glance) if self.glance(frame, place, glance, settings, finder)? => return Ok(()),
            Some(_) => {
                latest = None;
                self.decode_whole(frame)?;
            }
        }
        if matches!(frame.search, Search::Skip | Search::Still) {
            return Ok(());
        }
        if let Some(latest) = latest {
            frame.only_known = Self::search_regions(frame, place, latest, settings, finder)?;
        }
        if !frame.only_known {
            finder.detect(&frame.picture.view(), settings, &mut frame.detections)?;
        }
        place.ignore_masked(frame);
        Ok(())
    }

    /// Runs the detector around the faces of the latest full search. Returns false if there are none, if one of them is not
    /// found again, if fewer faces are found than were in view, or if it takes as long as a full search.
    fn search_regions(
        frame: &mut Frame,
        place: &Place,
        latest: &Latest,
        settings: &DetectSettings,
        finder: &mut FaceFinder,
    ) -> Result<bool, DetectError> {
        let (Part::After(number), Some(seen)) = (latest.part, place.before) else { return Ok(false) };
        if !detect::may_pay(seen.count, seen.smallest_px, frame.full_size, settings) {
            return Ok(false);
        }
        let outcome = place.full_searches.wait(number);
        let is_recent = (0.0..=KNOWN_S).contains(&(latest.time_s - outcome.time_s));
        // The full search may have missed a face that comes and goes.
        let least = (seen.count as usize).max(1);
        if !is_recent || outcome.size != frame.full_size || outcome.faces.len() < least {
            return Ok(false);
        }
        finder.know(&outcome.faces);
        drop(outcome);
        let Frame { picture, detections, .. } = frame;
        let are_found = finder.detect_known(&picture.view(), latest.sure_score, settings, detections)?;
        Ok(are_found && detections.len() >= least)
    }

    /// How to glance at the frame, if all faces in view are large enough.
    fn plan_glance(
        &self,
        frame: &Frame,
        place: &Place,
        settings: &DetectSettings,
    ) -> Result<Option<Glance>, DecodeError> {
        let Some(before) = place.before else { return Ok(None) };
        if !matches!(frame.search, Search::Glance | Search::Still) {
            return Ok(None);
        }
        let (width, height) = self.decoder.size(frame)?;
        Ok(place.memory.glance(before, width.max(height), settings.max_side_px))
    }

    /// Has a JPEG picture decoded at a reduced size.
    fn shrink(&self, frame: &mut Frame, glance: Glance) {
        if frame.encoding == Encoding::Jpeg {
            frame.shrink = glance.shrink;
        }
    }

    /// Runs the detector on the downscaled picture. Returns false if it found fewer faces than were in view.
    fn glance(
        &self,
        frame: &mut Frame,
        place: &Place,
        glance: Glance,
        settings: &DetectSettings,
        finder: &mut FaceFinder,
    ) -> anyhow::Result<bool> {
        self.shrink(frame, glance);
        self.decoder.decode(frame)?;
        let shrink = frame.shrink as f32;
        let small = DetectSettings {
            max_side_px: glance.side_px,
            min_face_px: settings.min_face_px / shrink,
            tiled_below_px: None,
            ..*settings
        };
        finder.detect(&frame.picture.view(), &small, &mut frame.detections)?;
        place.ignore_masked(frame);
        if frame.detections.len() < glance.count as usize {
            return Ok(false);
        }
        for face in &mut frame.detections {
            *face = face.scaled(shrink);
        }
        let (width, height) = frame.full_size;
        frame.blind_below_px = glance::LEAST_FACE_PX * width.max(height) as f32 / glance.side_px as f32;
        let fills =
            |face: &Detection| place.memory.fills_crop(face.bounds.w.max(face.bounds.h), frame.shrink);
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
