//! A classifier thread: crops and classifies the faces that are read. Waiting frames share a batch.

use crate::{
    frame::Frame,
    message::{Body, Message},
    readability::readability,
};
use crossbeam_channel::{Receiver, Sender};
use emotiond_core::{
    classify::Classifier,
    face::{Framing, InputCutter, TiltedFace},
};

/// Maximum number of frames per batch, because events wait for the whole batch.
const MOST_FRAMES: usize = 16;

/// One of `threads` classifier threads.
pub(super) struct Classify {
    classifier: Classifier,
    cutter: InputCutter,
    threads: usize,
    group: Vec<Message>,
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
    pub fn run(mut self, frames: &Receiver<Message>, done: &Sender<Message>) {
        for first in frames {
            self.group.push(first);
            // This thread's share of the waiting frames; the rest is for the other threads.
            let share = (frames.len() / self.threads).min(MOST_FRAMES - 1);
            self.group.extend(frames.try_iter().take(share));
            let error = self.read_faces();
            for message in self.group.drain(..) {
                let message = match &error {
                    Some(error) if reads_faces(&message) => message.unreadable(error.clone()),
                    _ => message,
                };
                if done.send(message).is_err() {
                    return;
                }
            }
        }
    }

    /// Classifies the faces of the group in one batch. Returns the error, if any.
    fn read_faces(&mut self) -> Option<String> {
        self.inputs.clear();
        self.rows.clear();
        for frame in self.group.iter_mut().filter_map(picture) {
            let Frame { picture, faces, read, readability: told, shrink, .. } = frame;
            for face in read.iter().map(|&index| &faces[index]) {
                let bounds = face.bounds.scaled(1.0 / *shrink as f32);
                let roll_deg = face.pose.map_or(0.0, |pose| pose.roll);
                let tilted = TiltedFace { bounds, roll_deg };
                self.cutter.append_upright(&picture.view(), &tilted, &mut self.inputs);
                let side_px = face.bounds.w.max(face.bounds.h);
                told.push(readability(&self.cutter.crop(), side_px, face.pose));
            }
        }
        if let Err(error) = self.classifier.classify(&self.inputs, &mut self.rows) {
            return Some(error.to_string());
        }
        let classes = self.classifier.description().labels.len();
        let mut rows = &self.rows[..];
        for frame in self.group.iter_mut().filter_map(picture) {
            let (its_rows, rest) = rows.split_at(frame.read.len() * classes);
            frame.probabilities.extend_from_slice(its_rows);
            rows = rest;
        }
        None
    }
}

fn picture(message: &mut Message) -> Option<&mut Frame> {
    match &mut message.body {
        Body::Picture(frame) => Some(frame),
        Body::Unreadable(..) | Body::State(_) => None,
    }
}

fn reads_faces(message: &Message) -> bool {
    matches!(&message.body, Body::Picture(frame) if !frame.read.is_empty())
}
