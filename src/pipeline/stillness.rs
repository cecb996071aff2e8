//! Still pictures: a frame in which nothing has changed since the last search is not searched.
//!
//! Vision threads work on the frames of a source at the same time, but each frame is compared with the latest searched
//! one before it. So they take turns, frame by frame, and a file gives the same results on every run.

use super::{
    change::ChangeMeter,
    full_searches::{FullSearches, Part},
    glance::{InSight, LAG},
    in_turn::{self, InTurn},
    masked::Masked,
};
use crate::{
    areas::Polygon,
    decode::Thumbnail,
    frame::{Frame, Search},
};
use std::mem;

/// While a picture keeps changing, only every n-th frame is compared.
const BUSY_EVERY: u64 = 4;
/// After a longer pause in seconds, a frame is searched: the source may have been away.
const PAUSE_S: f64 = 1.0;
/// Times are rounded to milliseconds.
const ROUNDING_S: f64 = 0.000_5;

/// When still pictures are searched and read all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StillRule {
    /// Seconds between two full searches; 0: every frame is searched as if it had changed.
    pub search_every_s: f64,
    /// Seconds between two frames in which the faces of a still picture are read.
    pub read_every_s: f64,
}

/// What a frame shows, as far as it is known.
pub(super) struct Scene<'a> {
    /// What was in view `LAG` frames earlier.
    pub before: Option<InSight>,
    /// What happens in these areas is no change.
    pub mask: &'a [Polygon],
}

/// What is known about a source's picture.
pub(super) struct Stillness {
    state: InTurn<State>,
    /// What full searches have found.
    pub full_searches: FullSearches,
}

struct State {
    /// The picture that was last searched because it had changed, or because it was time.
    searched: Thumbnail,
    meter: ChangeMeter,
    masked: Masked,
    /// The frame, by its entry number, in which the latest change was found.
    changed_in: u64,
    /// When the latest frame was captured, when one was last searched at full size, and when the faces of a still picture
    /// were last read.
    time_s: f64,
    full_s: f64,
    read_s: f64,
    /// Number of full searches.
    full_searches: u64,
}

impl Default for Stillness {
    fn default() -> Self {
        let state = State {
            searched: Thumbnail::default(),
            meter: ChangeMeter::default(),
            masked: Masked::default(),
            changed_in: 0,
            time_s: f64::NEG_INFINITY,
            full_s: f64::NEG_INFINITY,
            read_s: f64::NEG_INFINITY,
            full_searches: 0,
        };
        Self { state: InTurn::new(state), full_searches: FullSearches::default() }
    }
}

impl Stillness {
    /// Gives the next turn to the frame with this entry number; to be called while no frame is on its way.
    pub fn go_on_from(&self, entry: u64) {
        self.state.go_on_from(entry);
    }

    /// The turn of the frame with this entry number. Every frame of the source must have one.
    pub fn turn(&self, entry: u64) -> Turn<'_> {
        Turn { full_searches: &self.full_searches, state: self.state.turn(entry) }
    }
}

/// Whether a frame is worth comparing: while the picture was changing `LAG` frames ago, only some are.
pub(super) fn is_worth_a_look(entry: u64, before: Option<InSight>) -> bool {
    !before.is_some_and(|seen| seen.is_busy) || entry.is_multiple_of(BUSY_EVERY)
}

/// A frame's turn; dropping it lets the next frame have its own.
pub(super) struct Turn<'a> {
    full_searches: &'a FullSearches,
    state: in_turn::Turn<'a, State>,
}

impl Turn<'_> {
    /// Decides how `frame`, captured at `time_s`, is searched, and whether it is decoded. `thumbnail` shows it, unless it
    /// was not looked at.
    pub fn judge(
        &self,
        frame: &mut Frame,
        time_s: f64,
        thumbnail: Option<&mut Thumbnail>,
        scene: &Scene,
        rule: &StillRule,
    ) {
        self.state.wait().judge(frame, time_s, thumbnail, scene, rule);
    }

    /// Ends the turn. Returns the frame's part in full searches.
    pub fn end(self, frame: &Frame) -> Part {
        let mut state = self.state.wait();
        match frame.search {
            Search::Full => {
                state.full_searches += 1;
                self.full_searches.begin(state.full_searches);
                Part::Full(state.full_searches)
            }
            Search::Glance if state.full_searches > 0 => Part::After(state.full_searches),
            _ => Part::Neither,
        }
    }
}

impl State {
    fn judge(
        &mut self,
        frame: &mut Frame,
        time_s: f64,
        thumbnail: Option<&mut Thumbnail>,
        scene: &Scene,
        rule: &StillRule,
    ) {
        let paused_s = time_s - mem::replace(&mut self.time_s, time_s);
        let has_paused = frame.is_first || !(0.0..=PAUSE_S).contains(&paused_s);
        let entry = frame.entry;
        let is_looked_at = thumbnail.is_some();
        let has_changed = thumbnail.is_some_and(|thumbnail| {
            let masked = self.masked.pixels(scene.mask, frame.turn, thumbnail);
            let differs = has_paused || self.meter.differs(&self.searched, thumbnail, masked);
            let is_due = time_s - self.full_s >= rule.search_every_s - ROUNDING_S;
            if differs || is_due {
                mem::swap(&mut self.searched, thumbnail);
            }
            differs
        });
        if has_changed || has_paused {
            self.changed_in = entry;
        }
        // What was in view `LAG` frames earlier must be what was found in this picture.
        let is_still = is_looked_at && entry >= self.changed_in + LAG as u64;
        let in_view = scene.before.filter(|seen| is_still && seen.is_settled);
        frame.is_busy = entry < self.changed_in + LAG as u64;
        if let Some(seen) = in_view {
            if time_s - self.full_s < rule.search_every_s - ROUNDING_S {
                frame.search = Search::Still;
                frame.is_decoded = seen.count > 0 && time_s - self.read_s >= rule.read_every_s - ROUNDING_S;
            } else {
                frame.search = Search::Full;
            }
        }
        if frame.search == Search::Full {
            self.full_s = time_s;
        }
        if frame.is_decoded {
            self.read_s = time_s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: StillRule = StillRule { search_every_s: 2.0, read_every_s: 0.1 };
    const LAG_FRAMES: u64 = LAG as u64;

    /// A thumbnail with a bright square at `place`.
    fn picture(place: usize) -> Thumbnail {
        let mut thumbnail = Thumbnail { width: 40, height: 30, luma: vec![100; 40 * 30] };
        (0..4).for_each(|y| thumbnail.luma[(y + 5) * 40 + place..][..4].fill(180));
        thumbnail
    }

    fn settled(count: u32) -> Option<InSight> {
        Some(InSight { count, smallest_px: 100.0, is_settled: true, is_busy: false })
    }

    fn judge(
        still: &Stillness,
        frame: &mut Frame,
        time_s: f64,
        thumbnail: &mut Thumbnail,
        before: Option<InSight>,
    ) {
        still.turn(frame.entry).judge(frame, time_s, Some(thumbnail), &Scene { before, mask: &[] }, &RULE);
    }

    /// How frame `entry` of 30 a second is searched if it shows a square at `place`, and whether it is decoded.
    fn judged(still: &Stillness, entry: u64, place: usize, before: Option<InSight>) -> (Search, bool) {
        let mut frame = Frame { entry, search: Search::Glance, ..Frame::default() };
        let mut thumbnail = picture(place);
        judge(still, &mut frame, entry as f64 / 30.0, &mut thumbnail, before);
        (frame.search, frame.is_decoded)
    }

    /// The same for frames whose outcome does not matter.
    fn watch(still: &Stillness, entries: std::ops::Range<u64>, before: Option<InSight>) {
        for entry in entries {
            judged(still, entry, 3, before);
        }
    }

    #[test]
    fn a_picture_is_still_once_what_was_found_in_it_is_known_and_is_searched_every_so_often() {
        let still = Stillness::default();
        let search = |entry| judged(&still, entry, 3, settled(0)).0;
        assert!((0..LAG_FRAMES).all(|entry| search(entry) == Search::Glance));
        // There was no full search before.
        assert_eq!(search(LAG_FRAMES), Search::Full);
        let searches: Vec<Search> = (LAG_FRAMES + 1..200).map(search).collect();
        let full: Vec<usize> = (0..searches.len()).filter(|&at| searches[at] == Search::Full).collect();
        assert_eq!(full, [59, 119, 179]);
        assert!(searches.iter().all(|search| matches!(search, Search::Full | Search::Still)));
    }

    #[test]
    fn a_change_is_searched_until_what_was_found_in_it_is_known() {
        let still = Stillness::default();
        watch(&still, 0..40, settled(0));
        for entry in 40..40 + LAG_FRAMES {
            assert_eq!(judged(&still, entry, 9, settled(0)).0, Search::Glance);
        }
        assert_eq!(judged(&still, 40 + LAG_FRAMES, 9, settled(0)).0, Search::Still);
        let unsettled = settled(1).map(|seen| InSight { is_settled: false, ..seen });
        for (entry, before) in (41 + LAG_FRAMES..).zip([unsettled, None]) {
            assert_eq!(judged(&still, entry, 9, before).0, Search::Glance);
        }
    }

    #[test]
    fn faces_in_a_still_picture_are_read_at_their_rate() {
        let still = Stillness::default();
        watch(&still, 0..30, settled(1));
        let decoded = (30..60).filter(|&entry| judged(&still, entry, 3, settled(1)).1).count();
        assert_eq!(decoded, 10);
        assert!(!(60..75).any(|entry| judged(&still, entry, 3, settled(0)).1), "nobody is there");
    }

    #[test]
    fn a_source_that_was_away_is_searched() {
        let still = Stillness::default();
        watch(&still, 0..40, settled(0));
        let mut frame = Frame { entry: 40, search: Search::Glance, ..Frame::default() };
        judge(&still, &mut frame, 3.0, &mut picture(3), settled(0));
        assert_eq!((frame.search, frame.is_busy), (Search::Glance, true));
        // A file goes on at the time at which it was paused.
        watch(&still, 41..80, settled(0));
        let mut frame = Frame { entry: 80, search: Search::Glance, is_first: true, ..Frame::default() };
        judge(&still, &mut frame, 80.0 / 30.0, &mut picture(3), settled(0));
        assert_eq!((frame.search, frame.is_busy), (Search::Glance, true));
    }

    #[test]
    fn while_a_picture_changes_some_frames_are_compared() {
        assert!(is_worth_a_look(3, settled(0)) && is_worth_a_look(3, None));
        let busy = settled(0).map(|seen| InSight { is_busy: true, ..seen });
        assert_eq!((0..8).filter(|&entry| is_worth_a_look(entry, busy)).count(), 2);
    }

    #[test]
    fn frames_are_told_of_the_latest_full_search_before_them() {
        let still = Stillness::default();
        let searches =
            [Search::Glance, Search::Full, Search::Glance, Search::Skip, Search::Full, Search::Glance];
        let parts = (0..).zip(searches).map(|(entry, search)| {
            let frame = Frame { entry, search, ..Frame::default() };
            still.turn(entry).end(&frame)
        });
        let expected =
            [Part::Neither, Part::Full(1), Part::After(1), Part::Neither, Part::Full(2), Part::After(2)];
        assert_eq!(parts.collect::<Vec<_>>(), expected);
    }
}
