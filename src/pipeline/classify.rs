//! A classifier thread: crops and classifies the faces. Waiting frames share a batch.

use crate::{frame::Frame, readability::readability};
use crossbeam_channel::{Receiver, Sender};
use emotiond_core::{
    classify::Classifier,
    face::{Framing, InputCutter},
};

/// Maximum number of frames per batch, because events wait for the whole batch.
const MOST_FRAMES: usize = 16;

/// One of `threads` classifier threads.
pub(super) struct Classify {
    classifier: Classifier,
    cutter: InputCutter,
    threads: usize,
    #[expect(clippy::vec_box, reason = "frames travel in their boxes")]
    group: Vec<Box<Frame>>,
    inputs: Vec<f32>,
    rows: Vec<f32>,
}

impl Classify {
    pub fn new(classifier: Classifier, framing: Framing, threads: usize) -> Self {
        Self {
            cutter: InputCutter::new(framing, classifier.description().input.clone()),
            classifier,
            threads,
            group: Vec::with_capacity(MOST_FRAMES),
            inputs: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Runs until the previous stage has ended.
    pub fn run(mut self, frames: &Receiver<Box<Frame>>, done: &Sender<Box<Frame>>) {
        for first in frames {
            self.group.push(first);
            // This thread's share of the waiting frames; the rest is for the other threads.
            let share = (frames.len() / self.threads).min(MOST_FRAMES - 1);
            self.group.extend(frames.try_iter().take(share));
            self.read_faces();
            for frame in self.group.drain(..) {
                if done.send(frame).is_err() {
                    return;
                }
            }
        }
    }

    fn read_faces(&mut self) {
        self.inputs.clear();
        self.rows.clear();
        for frame in &mut self.group {
            let Frame { picture, faces, readability: told, shrink, .. } = &mut **frame;
            for face in faces {
                let bounds = face.bounds.scaled(1.0 / *shrink as f32);
                let roll_deg = face.pose.map_or(0.0, |pose| pose.roll);
                self.cutter.append_upright(&picture.view(), &bounds, roll_deg, &mut self.inputs);
                let side_px = face.bounds.w.max(face.bounds.h);
                told.push(readability(&self.cutter.crop(), side_px, face.pose));
            }
        }
        let outcome = self.classifier.classify(&self.inputs, &mut self.rows);
        let classes = self.classifier.description().labels.len();
        let mut at = 0;
        for frame in &mut self.group {
            match &outcome {
                Ok(()) => {
                    let len = frame.faces.len() * classes;
                    frame.probabilities.extend_from_slice(&self.rows[at..at + len]);
                    at += len;
                }
                Err(error) if !frame.faces.is_empty() => {
                    frame.faces.clear();
                    frame.error = Some(error.to_string());
                }
                Err(_) => {}
            }
        }
    }
}
