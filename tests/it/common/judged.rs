//! Evaluates detectors with boxes annotated by hand.

use emotiond::{
    decode::FrameDecoder,
    detect::{Detection, DetectorPlan},
    frame::{Encoding, Frame},
};
use emotiond_core::geometry::BoundingBox;
use std::fs;
use test_support::{Truth, detection_set};

/// A picture's detections, sorted by descending score, and its annotated boxes.
pub type Searched = (Vec<Detection>, Vec<Truth>);

/// The result of a detector on a set of pictures.
pub struct Score {
    pub faces: usize,
    pub found: usize,
    pub false_alarms: usize,
}

impl Score {
    /// The fraction of faces found.
    pub fn recall(&self) -> f64 {
        self.found as f64 / self.faces as f64
    }
}

/// Runs the detector on all pictures of a set.
pub fn search(plan: &DetectorPlan, set: &str) -> Vec<Searched> {
    search_changed(plan, set, |pixel| pixel)
}

/// Runs the detector on all pictures of a set after each of their values was changed.
pub fn search_changed(plan: &DetectorPlan, set: &str, change: fn(u8) -> u8) -> Vec<Searched> {
    let (mut detector, decoder) = (plan.build().unwrap(), FrameDecoder::new(64.0));
    let pictures = detection_set(set).into_iter().map(|(file, truths)| {
        let mut frame =
            Frame { encoding: Encoding::PictureFile, bytes: fs::read(&file).unwrap(), ..Frame::default() };
        decoder.decode(&mut frame).unwrap();
        for value in &mut frame.picture.pixels {
            *value = change(*value);
        }
        let mut found = Vec::new();
        detector.detect(&frame.picture.view(), &plan.settings, &mut found).unwrap();
        (found, truths)
    });
    pictures.collect()
}

/// Evaluates the detections with at least `min_score`.
pub fn judge(searched: &[Searched], min_score: f32) -> Score {
    let mut score = Score { faces: 0, found: 0, false_alarms: 0 };
    for (found, truths) in searched {
        let found: Vec<Detection> = found.iter().copied().filter(|face| face.score >= min_score).collect();
        let hits = truths.len() - missed(&found, truths.clone()).len();
        score.faces += truths.len();
        score.found += hits;
        score.false_alarms += found.len() - hits;
    }
    score
}

/// Matches each detection, by descending score, with an unmatched face that it overlaps by 0.4 or more. Returns the faces
/// that are left.
pub fn missed(found: &[Detection], mut truths: Vec<Truth>) -> Vec<Truth> {
    let overlap = |truth: &Truth, face: &Detection| {
        BoundingBox::new(truth[0], truth[1], truth[2] - truth[0], truth[3] - truth[1]).iou(&face.bounds)
    };
    for face in found {
        let best = truths.iter().enumerate().max_by(|a, b| overlap(a.1, face).total_cmp(&overlap(b.1, face)));
        if let Some((index, truth)) = best
            && overlap(truth, face) >= 0.4
        {
            truths.swap_remove(index);
        }
    }
    truths
}
