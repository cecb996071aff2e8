//! The times in which a source was away.

use crate::event::State;

/// So many of the longest are listed.
const LISTED: usize = 20;
/// Characters of a reason.
const REASON_CHARS: usize = 200;

/// A time without frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// What the source was last said to be: stalled, down, or ended where the program was started again.
    pub state: State,
    /// Why.
    pub reason: String,
}

impl Gap {
    /// A gap that begins.
    pub fn new(from: f64, state: State, reason: &str) -> Self {
        Self { from, to: from, state, reason: reason.chars().take(REASON_CHARS).collect() }
    }

    /// The gap with its end.
    pub fn until(self, to: f64) -> Self {
        Self { to, ..self }
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.to - self.from
    }
}

/// All gaps: their sum, and the longest ones.
#[derive(Default)]
pub struct Gaps {
    /// How many there were.
    pub count: u64,
    /// How long they were in all.
    pub total_s: f64,
    longest: Vec<Gap>,
}

impl Gaps {
    /// Adds one, if there is one. One without length (a video waits for nobody) is none.
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

    /// The longest ones, in their order.
    pub fn longest(&self) -> &[Gap] {
        &self.longest
    }
}
