//! The classifier's thread: faces of all frames that wait share a batch.

use crate::{classify::Classifier, frame::Frame};
use crossbeam_channel::{Receiver, Sender};

/// Frames that are taken together at most: the last one's event waits for the first one's faces.
const MOST_FRAMES: usize = 16;

/// Works until the thread before has ended.
pub(super) fn run(mut classifier: Classifier, frames: &Receiver<Box<Frame>>, done: &Sender<Box<Frame>>) {
    let mut group: Vec<Box<Frame>> = Vec::with_capacity(MOST_FRAMES);
    let mut inputs = Vec::new();
    let mut rows = Vec::new();
    for first in frames {
        group.push(first);
        group.extend(frames.try_iter().take(MOST_FRAMES - 1));
        inputs.clear();
        rows.clear();
        group.iter().for_each(|frame| inputs.extend_from_slice(&frame.inputs));
        let outcome = classifier.classify(&inputs, &mut rows);
        let classes = classifier.description().labels.len();
        let mut at = 0;
        for mut frame in group.drain(..) {
            match &outcome {
                Ok(()) => {
                    let len = frame.faces.len() * classes;
                    frame.probabilities.extend_from_slice(&rows[at..at + len]);
                    at += len;
                }
                Err(fault) if !frame.faces.is_empty() => {
                    frame.faces.clear();
                    frame.fault = Some(fault.to_string());
                }
                Err(_) => {}
            }
            if done.send(frame).is_err() {
                return;
            }
        }
    }
}
