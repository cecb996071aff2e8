//! The texts of page and picture.

use super::{
    chart::has_time, clock::TimeAxis, labels::Labels, recording::Recording, source::SourceStats, words,
};
use emotiond_core::classify::argmax;

/// The meaning of an emotion in the events.
pub const MEANING: &str = "The emotions are labels that people would probably give to pictures of these faces. They \
    are not what anybody felt. People disagree about a third of such pictures, and the network is not better: it \
    recognises smiles well, but disgust, fear and sadness badly. The figures may show how an audience as a whole \
    reacted. They must not be used to judge individuals.";

/// How the figures are computed.
pub const CAVEATS: [&str; 3] = [
    "A face is counted from its first detection until it is lost. A person who leaves the view and comes back is \
        counted again.",
    "Shares are weighted by time: two faces that show an emotion for one second count as two seconds. In pictures, \
        each face counts as one.",
    "“Typical” and “typically” mean the median: half of the values are smaller, half are larger.",
];

/// Sources, time range and number of faces.
pub fn caption(recording: &Recording) -> String {
    let Some((from, to)) = recording.time else { return String::new() };
    let sources = match recording.sources.as_slice() {
        [source] => name(source),
        sources => words::count(sources.len() as u64, "source"),
    };
    let faces: u64 = recording.sources.iter().map(|source| source.tracks.seen).sum();
    let (range, faces) = (words::range(from, to), words::count(faces, "face"));
    if recording.sources.iter().all(|source| source.axis() != TimeAxis::Wall) {
        // For videos and pictures, the times of the events only show when they were read.
        return format!("{sources} · read {range} · {faces}");
    }
    let seconds = (to.as_millisecond() - from.as_millisecond()) as f64 / 1000.0;
    format!("{sources} · {range} · {} · {faces}", words::duration(seconds))
}

/// A source's name, safe to display.
pub fn name(source: &SourceStats) -> String {
    words::tame(&source.name, 120)
}

/// The main figures of a source: value and description.
pub fn facts(source: &SourceStats, labels: &Labels) -> Vec<(String, &'static str)> {
    let mut facts = vec![(words::grouped(source.tracks.seen), "faces seen")];
    let total: f64 = source.shown.iter().sum();
    let place = argmax(&source.shown);
    if source.shown.get(place).is_some_and(|&seconds| seconds > 0.0) {
        let share = words::share(source.shown[place], total);
        facts.push((format!("{} {share}", words::tame(&labels.names()[place], 40)), "shown most"));
    }
    if source.posed > 0.0 {
        facts.push((words::share(source.facing, source.posed), "looked towards the camera"));
    }
    if source.stays.count() > 0 {
        facts.push((words::duration(source.stays.median_s()), "typical stay"));
        facts.push((words::duration(source.stays.longest_s()), "longest stay"));
    }
    if has_time(source) {
        facts.push((words::duration(source.to - source.from - source.gaps.total_s), "watched"));
    }
    if source.gaps.count > 0 {
        facts.push((words::duration(source.gaps.total_s), "away"));
    }
    facts
}

/// What is said of a source without face events.
pub fn no_face(source: &SourceStats) -> &'static str {
    if source.has_untold_faces {
        "The recording does not tell single faces (`mode = \"aggregate\"` under [privacy]), from which the charts are made."
    } else {
        "No face was seen."
    }
}

/// Describes which faces have a lane.
pub fn lanes_caption(source: &SourceStats, drawn: usize) -> String {
    let seen = source.tracks.seen;
    let rest = seen - drawn as u64;
    let lanes = source.tracks.lanes();
    let mut lengths: Vec<f64> = lanes.iter().map(|lane| lane.to - lane.from).collect();
    lengths.sort_by(|a, b| b.total_cmp(a));
    let undrawn_s = source.stays.total_s() - lengths.iter().take(drawn).sum::<f64>();
    let mut told = match rest {
        0 if seen == 1 => "The only face.".to_owned(),
        0 => format!("All {seen} faces, in order of appearance."),
        _ => format!(
            "The {drawn} faces that stayed longest, in order of appearance. {} more, {} of {} in total, have no lane but \
             are included in all other figures.",
            words::grouped(rest),
            words::duration(undrawn_s.max(0.0)),
            words::duration(source.stays.total_s()),
        ),
    };
    if source.tracks.let_go > 0 {
        told +=
            &format!(" {} without an end event closed early.", words::count(source.tracks.let_go, "face"));
    }
    told
}
