//! The faces in view of a source, as its lines tell.

use crate::lines::{Face, Phase};
use std::collections::BTreeMap;

/// Faces that are remembered; a recording may contain tracks that never end.
const MOST: usize = 1024;

/// The latest line of each face in view, by its track.
#[derive(Default)]
pub struct Visible(BTreeMap<u64, Face>);

impl Visible {
    /// Takes the next line of the source.
    pub fn see(&mut self, face: Face) {
        if face.file.is_some() {
            // Pictures are independent: the faces of the one before have no end.
            self.0.retain(|_, other| other.frame == face.frame);
        }
        if face.phase == Phase::End {
            self.0.remove(&face.track);
            return;
        }
        self.0.insert(face.track, face);
        if self.0.len() > MOST {
            self.0.pop_first();
        }
    }

    /// The faces, in the order of their tracks.
    pub fn faces(&self) -> impl ExactSizeIterator<Item = &Face> {
        self.0.values()
    }

    /// The latest line of a track in view.
    pub fn get(&self, track: u64) -> Option<&Face> {
        self.0.get(&track)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The line of a face of 100 by 200 pixels in a picture of 1000 by 800, which is `happy` by this share.
    pub fn face(frame: u64, phase: &str, track: u64, happy: f32, more: &str) -> String {
        let sad = 1.0 - happy;
        format!(
            r#"{{"v":1,"type":"face","source":"door","time":"2026-11-26T10:00:00.{frame:03}Z","frame":{frame},"phase":"{phase}","track":{track},"box":{{"x":250,"y":400,"w":100,"h":200}},"picture":{{"w":1000,"h":800}},"probabilities":{{"happy":{happy},"sad":{sad}}}{more}}}"#
        )
    }

    fn seen(visible: &mut Visible, line: &str) -> Vec<u64> {
        visible.see(serde_json::from_str(line).unwrap());
        visible.faces().map(|face| face.track).collect()
    }

    #[test]
    fn faces_stay_until_their_end() {
        let visible = &mut Visible::default();
        assert_eq!(seen(visible, &face(1, "new", 7, 0.5, "")), [7]);
        assert_eq!(seen(visible, &face(1, "new", 3, 0.5, "")), [3, 7]);
        assert_eq!(seen(visible, &face(2, "end", 7, 0.5, "")), [3]);
        assert_eq!(seen(visible, &face(2, "end", 7, 0.5, "")), [3]);
    }

    #[test]
    fn the_faces_of_a_picture_leave_with_the_next_one() {
        let visible = &mut Visible::default();
        let picture = r#","file":"a.jpg""#;
        seen(visible, &face(1, "new", 1, 0.5, picture));
        assert_eq!(seen(visible, &face(1, "new", 2, 0.5, picture)), [1, 2]);
        assert_eq!(seen(visible, &face(2, "new", 3, 0.5, picture)), [3]);
    }

    #[test]
    fn tracks_without_an_end_are_bounded() {
        let visible = &mut Visible::default();
        for track in 0..2 * MOST as u64 {
            seen(visible, &face(1, "new", track, 0.5, ""));
        }
        assert_eq!(visible.faces().len(), MOST);
    }
}
