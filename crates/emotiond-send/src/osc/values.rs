//! Turns event lines into values of OSC addresses. `docs/osc.md` lists the addresses.

use super::{board::Board, slots::Slots};
use crate::{
    event::{Event, Kind},
    lines::{Audience, Face, Marker, Shares},
    settings::slug,
    slugs::Slugs,
    visible::Visible,
};
use std::collections::HashMap;

/// The first part of all addresses.
const ROOT: &str = "/emotiond";
/// The address of markers, in both directions.
pub const MARKER: &str = "/emotiond/marker";

/// All values.
pub struct Values {
    kinds: Vec<Kind>,
    slugs: Slugs,
    sources: HashMap<String, Source>,
    /// The values to send.
    pub board: Board,
}

/// The faces of a source, and their places.
#[derive(Default)]
struct Source {
    visible: Visible,
    slots: Slots,
}

impl Values {
    /// No values yet; lines of other kinds are ignored.
    pub fn new(kinds: Vec<Kind>) -> Self {
        Self { kinds, slugs: Slugs::default(), sources: HashMap::new(), board: Board::default() }
    }

    /// Takes a line. Returns the marker that it contains: markers are sent once.
    pub fn take(&mut self, event: &Event) -> Option<Marker> {
        if !self.kinds.contains(&event.kind) {
            return None;
        }
        let base = |source: &str, slugs: &mut Slugs| format!("{ROOT}/{}", slugs.of(source));
        match (event.kind, event.source.as_deref()) {
            (Kind::Face, Some(source)) => {
                let face = serde_json::from_str(&event.json).ok()?;
                let base = base(source, &mut self.slugs);
                self.sources.entry(source.to_owned()).or_default().see(&base, face, &mut self.board);
            }
            (Kind::Audience, Some(source)) => {
                let audience = serde_json::from_str(&event.json).ok()?;
                let base = base(source, &mut self.slugs);
                self.take_audience(&base, audience);
            }
            (Kind::Marker, _) => return serde_json::from_str(&event.json).ok(),
            _ => {}
        }
        None
    }

    fn take_audience(&mut self, base: &str, audience: Audience) {
        let Audience { faces, emotions, facing, .. } = audience;
        // Lines of faces tell their number more exactly.
        if !self.kinds.contains(&Kind::Face) {
            match faces.and_then(|faces| faces.now) {
                Some(now) => self.board.set(format!("{base}/faces"), now as f32),
                None => self.board.forget(&format!("{base}/faces")),
            }
        }
        // What is private now is not repeated.
        self.board.forget_unless(emotions.is_some(), &format!("{base}/audience/"));
        self.board.set_shares(&format!("{base}/audience"), emotions.unwrap_or_default());
        if let Some(facing) = facing {
            self.board.set(format!("{base}/audience/facing"), facing);
        }
    }
}

impl Source {
    fn see(&mut self, base: &str, face: Face, board: &mut Board) {
        let track = face.track;
        self.visible.see(face);
        board.set(format!("{base}/faces"), self.visible.faces().len() as f32);
        for place in self.slots.free(|track| self.visible.get(track).is_some()) {
            board.forget(&format!("{base}/face/{place}/"));
            board.set(format!("{base}/face/{place}/present"), 0.0);
        }
        let Some(face) = self.visible.get(track) else { return };
        let Some(place) = self.slots.place(track) else { return };
        set_face(&format!("{base}/face/{place}"), face, board);
    }
}

fn set_face(base: &str, face: &Face, board: &mut Board) {
    let mut set = |name: &str, value: f32| board.set(format!("{base}/{name}"), value);
    set("present", 1.0);
    if let Some(size) = face.picture {
        let (width, height) = (size.w.max(1) as f32, size.h.max(1) as f32);
        set("x", face.r#box.x / width);
        set("y", face.r#box.y / height);
        set("w", face.r#box.w / width);
        set("h", face.r#box.h / height);
    }
    if let Some(pose) = face.pose {
        set("yaw", pose.yaw);
        set("pitch", pose.pitch);
    }
    if let Some(facing) = face.facing {
        set("facing", f32::from(u8::from(facing)));
    }
    board.set_shares(base, face.probabilities.clone());
}

impl Board {
    fn set_shares(&mut self, base: &str, shares: Shares) {
        for (emotion, share) in shares.0 {
            self.set(format!("{base}/{}", slug(&emotion)), share);
        }
    }

    fn forget_unless(&mut self, is_kept: bool, prefix: &str) {
        if !is_kept {
            self.forget(prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Counts, visible::tests::face};
    use std::time::Instant;

    fn event(json: &str) -> Event {
        Event::parse(json, |_| Counts::default()).unwrap()
    }

    fn sent(values: &mut Values, json: &str) -> Vec<(String, f32)> {
        assert!(values.take(&event(json)).is_none());
        values.board.take_due(Instant::now())
    }

    fn pairs(pairs: &[(&str, f32)]) -> Vec<(String, f32)> {
        pairs.iter().map(|(address, value)| ((*address).to_owned(), *value)).collect()
    }

    #[test]
    fn a_face_is_told_in_parts_of_the_picture_until_its_end() {
        let values = &mut Values::new(vec![Kind::Face]);
        let pose = r#","pose":{"yaw":-10.0,"pitch":2.5,"roll":1.0},"facing":true"#;
        assert_eq!(
            sent(values, &face(1, "new", 5, 0.75, pose)),
            pairs(&[
                ("/emotiond/door/face/1/facing", 1.0),
                ("/emotiond/door/face/1/h", 0.25),
                ("/emotiond/door/face/1/happy", 0.75),
                ("/emotiond/door/face/1/pitch", 2.5),
                ("/emotiond/door/face/1/present", 1.0),
                ("/emotiond/door/face/1/sad", 0.25),
                ("/emotiond/door/face/1/w", 0.1),
                ("/emotiond/door/face/1/x", 0.25),
                ("/emotiond/door/face/1/y", 0.5),
                ("/emotiond/door/face/1/yaw", -10.0),
                ("/emotiond/door/faces", 1.0),
            ])
        );
        let second = sent(values, &face(1, "new", 6, 1.0, ""));
        assert!(second.contains(&("/emotiond/door/face/2/happy".into(), 1.0)), "{second:?}");
        assert_eq!(
            sent(values, &face(2, "end", 5, 0.75, pose)),
            pairs(&[("/emotiond/door/face/1/present", 0.0), ("/emotiond/door/faces", 1.0)])
        );
        assert_eq!(
            sent(values, &face(2, "update", 6, 0.5, "")),
            pairs(&[("/emotiond/door/face/2/happy", 0.5), ("/emotiond/door/face/2/sad", 0.5)])
        );
    }

    #[test]
    fn an_audience_is_told_until_it_is_private() {
        let values = &mut Values::new(vec![Kind::Audience]);
        let line = |figures: &str| {
            format!(r#"{{"type":"audience","source":"door","time":"2026-11-26T10:00:00Z",{figures}}}"#)
        };
        let figures = r#""faces":{"now":3},"emotions":{"happy":0.5,"sad":0.5},"facing":0.25"#;
        assert_eq!(
            sent(values, &line(figures)),
            pairs(&[
                ("/emotiond/door/audience/facing", 0.25),
                ("/emotiond/door/audience/happy", 0.5),
                ("/emotiond/door/audience/sad", 0.5),
                ("/emotiond/door/faces", 3.0),
            ])
        );
        assert_eq!(sent(values, &line(r#""faces":null,"emotions":null"#)), []);
        let later = Instant::now() + std::time::Duration::from_secs(9);
        assert_eq!(values.board.take_due(later), [], "private figures are not repeated");
    }

    #[test]
    fn markers_are_handed_on() {
        let mut values = Values::new(vec![Kind::Marker]);
        let line = r#"{"type":"marker","time":"2026-11-26T10:00:00Z","kind":"cue","label":"Act 2"}"#;
        assert_eq!(values.take(&event(line)).map(|marker| marker.label).as_deref(), Some("Act 2"));
        assert!(Values::new(vec![Kind::Face]).take(&event(line)).is_none());
    }
}
