//! The gaps in which a source was unavailable.

use crate::message::SourceState;

/// Number of longest gaps that are kept.
const LISTED: usize = 20;
/// Maximum length of a reason in characters.
const REASON_CHARS: usize = 200;

/// A period without frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Start.
    pub from: f64,
    /// End.
    pub to: f64,
    /// The last state of the source: stalled, down, or ended if the program was restarted.
    pub state: SourceState,
    /// The reason in the source event.
    pub reason: String,
}

impl Gap {
    /// A gap that begins at `from`.
    pub fn new(from: f64, state: SourceState, reason: &str) -> Self {
        Self { from, to: from, state, reason: reason.chars().take(REASON_CHARS).collect() }
    }

    /// The gap, ended at `to`.
    pub fn until(self, to: f64) -> Self {
        Self { to, ..self }
    }

    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        self.to - self.from
    }
}

/// All gaps: number, total duration and the longest ones.
#[derive(Default)]
pub struct Gaps {
    /// Number of gaps.
    pub count: u64,
    /// Total duration in seconds.
    pub total_s: f64,
    longest: Vec<Gap>,
}

impl Gaps {
    /// Adds a gap. A gap of zero length, as in a video, is ignored.
    pub fn add(&mut self, gap: Option<Gap>) {
        let Some(gap) = gap.filter(|gap| gap.seconds() > 0.0) else { return };
        self.count += 1;
        self.total_s += gap.seconds();
        self.longest.push(gap);
        if self.longest.len() > LISTED {
            let shortest =
                (0..=LISTED).min_by(|&a, &b| self.longest[a].seconds().total_cmp(&self.longest[b].seconds()));
            shortest.map(|index| self.longest.remove(index));
        }
    }

    /// The longest gaps, in chronological order.
    pub fn longest(&self) -> &[Gap] {
        &self.longest
    }
}
