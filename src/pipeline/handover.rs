//! How a pipeline makes room for another with a new configuration: sources that are opened in the same way go on with
//! the next picture, and their faces keep their tracks.

use super::{
    Outcome, capture,
    follow::Lane,
    glance::Memory,
    publish::Kept,
    source_info::{Counters, SourceInfo},
    stillness::Stillness,
};
use crate::{
    source::{SourceConfig, SourceError},
    track::TrackerConfig,
};
use std::sync::Arc;

/// What becomes of a source when its pipeline makes room for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on, and so do its faces.
    GoesOn,
    /// It goes on, but its faces end: other emotions are told, or its pictures are turned otherwise.
    FacesEnd,
    /// It goes on under another name.
    Renamed,
    /// It is opened again with other settings.
    Reopened,
    /// The new configuration does not name it.
    Removed,
}

impl Fate {
    /// Whether the new configuration has a source of the same name in its place.
    pub(super) fn keeps_name(&self) -> bool {
        matches!(self, Self::GoesOn | Self::FacesEnd | Self::Reopened)
    }
}

/// Which sources of a new configuration go on from which of the old one.
#[derive(Clone, Debug)]
pub struct Succession {
    /// For each new source, the index of the old one.
    pub heirs_of: Vec<Option<usize>>,
    /// For each old source, what becomes of it.
    pub fates: Vec<Fate>,
}

impl Succession {
    /// Pairs sources of the same address, first of all those of the same name. `same_labels`: whether the emotions are
    /// the same.
    pub fn new(old: &[SourceConfig], new: &[SourceConfig], same_labels: bool) -> Self {
        let mut heirs_of = vec![None; new.len()];
        let mut fates = vec![Fate::Removed; old.len()];
        let alike: [fn(&SourceConfig, &SourceConfig) -> bool; 3] = [
            |old, new| old.name() == new.name() && old.uri == new.uri,
            SourceConfig::opens_like,
            |old, new| old.uri == new.uri,
        ];
        for is_alike in alike {
            for (heir, source) in heirs_of.iter_mut().zip(new) {
                let is_it = |(i, before): &(usize, &SourceConfig)| {
                    fates[*i] == Fate::Removed && is_alike(before, source)
                };
                if heir.is_none()
                    && let Some((found, before)) = old.iter().enumerate().find(is_it)
                {
                    fates[found] = fate(before, source, same_labels);
                    *heir = Some(found);
                }
            }
        }
        Self { heirs_of, fates }
    }
}

fn fate(old: &SourceConfig, new: &SourceConfig, same_labels: bool) -> Fate {
    if old.name() != new.name() {
        return if old.opens_like(new) { Fate::Renamed } else { Fate::Removed };
    }
    match (old.opens_like(new), same_labels && old.turn() == new.turn()) {
        (true, true) => Fate::GoesOn,
        (true, false) => Fate::FacesEnd,
        (false, _) => Fate::Reopened,
    }
}

/// A pipeline that has run: its results, and what another one can go on with.
pub struct Ran {
    /// `None` for a thread that is blocked in a driver.
    pub(super) sources: Vec<Option<capture::Done>>,
    pub(super) infos: Arc<[SourceInfo]>,
    pub(super) memories: Arc<[Memory]>,
    pub(super) stillness: Arc<[Arc<Stillness>]>,
    pub(super) following: Vec<Lane>,
    pub(super) publishing: Vec<Kept>,
}

impl Ran {
    /// The results of the sources.
    pub fn outcomes(self) -> Vec<Outcome> {
        let outcome = |(done, info): (Option<capture::Done>, &SourceInfo)| Outcome {
            name: info.name.clone(),
            analysed: Counters::get(&info.counters.analysed),
            unreadable: Counters::get(&info.counters.unreadable),
            skipped: Counters::get(&info.counters.skipped),
            first_error: info.first_error.get().cloned(),
            error: done.and_then(capture::Done::error),
        };
        self.sources.into_iter().zip(self.infos.iter()).map(outcome).collect()
    }
}

/// What a pipeline begins with: nothing, or what the previous one has left.
#[derive(Default)]
pub(super) struct Beginning {
    /// One for each source.
    pub sources: Vec<FirstOf>,
}

/// What one source begins with.
#[derive(Default)]
pub(super) struct FirstOf {
    /// Whether the running configuration had it already, so that it is waited for.
    pub is_known: bool,
    pub capture: Option<capture::Carried>,
    pub finished: Option<Option<SourceError>>,
    pub lane: Option<Lane>,
    pub kept: Option<Kept>,
    /// The faces in view of its latest pictures.
    pub memory: Option<(Arc<[Memory]>, usize)>,
    /// What is known about its picture.
    pub stillness: Option<Arc<Stillness>>,
}

impl FirstOf {
    /// What is known about its picture, ready for its next frame.
    pub fn take_stillness(&mut self) -> Arc<Stillness> {
        let stillness = self.stillness.take().unwrap_or_default();
        stillness.go_on_from(self.capture.as_ref().map_or(0, capture::Carried::next_entry));
        stillness
    }
}

impl Beginning {
    /// For sources that are opened by this pipeline, or have been opened ahead.
    pub fn new(ahead: Vec<Option<capture::Carried>>) -> Self {
        let source = |capture| FirstOf { capture, ..FirstOf::default() };
        Self { sources: ahead.into_iter().map(source).collect() }
    }

    /// For the sources of `new` that go on from those of the pipeline that `ran`.
    pub fn take_over(
        &mut self,
        ran: Ran,
        succession: &Succession,
        new: &[SourceInfo],
        tracker: TrackerConfig,
    ) {
        let Ran { sources, infos, memories, stillness, following, publishing } = ran;
        let mut old: Vec<_> = sources.into_iter().zip(following).zip(publishing).map(Some).collect();
        for ((first, heir_of), info) in self.sources.iter_mut().zip(&succession.heirs_of).zip(new) {
            let Some(index) = *heir_of else { continue };
            let Some(((done, lane), kept)) = old[index].take() else { continue };
            first.is_known = true;
            let fate = succession.fates[index];
            match done {
                Some(capture::Done::HandedOver(carried)) => first.capture = Some(*carried),
                // A file that was read to its end is not read again, whatever its settings are now.
                Some(capture::Done::Ended(error)) if !info.config.uri.is_live() => {
                    first.finished = Some(error);
                    first.lane = Some(Lane::ended(tracker));
                    continue;
                }
                Some(capture::Done::Ended(_)) | None => {}
            }
            if fate == Fate::GoesOn {
                first.lane = Some(lane.renewed());
                first.memory = Some((Arc::clone(&memories), index));
                first.stillness = Some(Arc::clone(&stillness[index]));
                let same_zones = infos[index].areas.zones == info.areas.zones;
                first.kept = Some(if same_zones { kept } else { kept.without_audiences() });
            }
        }
    }
}
