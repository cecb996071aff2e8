//! What page and picture say in words.

use super::{chart::has_time, clock::TimeAxis, labels::Labels, recording::Recording, source::Source, words};

/// What an emotion in the events is.
pub const MEANING: &str = "The emotions are words that people would likely choose for a picture of these faces. They \
    are not what anybody felt. People disagree about a third of such pictures, and so does the network: smiles are read \
    well; disgust, fear and sadness badly. The sums may tell how an audience as a whole reacted. They are no ground to \
    judge anybody.";

/// How the sums came about.
pub const CAVEATS: [&str; 3] = [
    "A face is one from its first sight until it is lost. Whoever leaves the view and comes back counts as another.",
    "Shares are weighted by time: two faces that show an emotion for a second count two seconds. In \
        pictures each face counts one.",
    "“Typically” is the median: half of them are shorter, half are longer.",
];

/// From when to when, and how much.
pub fn caption(recording: &Recording) -> String {
    let Some((from, to)) = recording.time else { return String::new() };
    let sources = match recording.sources.as_slice() {
        [source] => name(source),
        sources => words::count(sources.len() as u64, "source"),
    };
    let faces: u64 = recording.sources.iter().map(|source| source.tracks.seen).sum();
    let (range, faces) = (words::range(from, to), words::count(faces, "face"));
    if recording.sources.iter().all(|source| source.axis() != TimeAxis::Wall) {
        // Videos and pictures have times of their own: these only say when they were read.
        return format!("{sources} · read {range} · {faces}");
    }
    let seconds = (to.as_millisecond() - from.as_millisecond()) as f64 / 1000.0;
    format!("{sources} · {range} · {} · {faces}", words::duration(seconds))
}

/// A source's name, fit to be shown.
pub fn name(source: &Source) -> String {
    words::tame(&source.name, 120)
}

/// A source's main figures: value and what it is.
pub fn facts(source: &Source, labels: &Labels) -> Vec<(String, &'static str)> {
    let mut facts = vec![(words::grouped(source.tracks.seen), "faces seen")];
    let total: f64 = source.shown.iter().sum();
    let most = (0..labels.names().len()).max_by(|&a, &b| source.shown[a].total_cmp(&source.shown[b]));
    if let Some(place) = most.filter(|place| source.shown[*place] > 0.0) {
        let share = words::share(source.shown[place], total);
        facts.push((format!("{} {share}", words::tame(&labels.names()[place], 40)), "shown most"));
    }
    if source.posed > 0.0 {
        facts.push((words::share(source.facing, source.posed), "looked towards the camera"));
    }
    if source.stays.count() > 0 {
        facts.push((words::duration(source.stays.median_s()), "a face typically stays"));
        facts.push((words::duration(source.stays.longest_s()), "the longest stays"));
    }
    if has_time(source) {
        facts.push((words::duration(source.to - source.from - source.gaps.total_s), "watched"));
    }
    if source.gaps.count > 0 {
        facts.push((words::duration(source.gaps.total_s), "away"));
    }
    facts
}

/// How many lanes are drawn of how many faces.
pub fn lanes_caption(source: &Source, drawn: usize) -> String {
    let seen = source.tracks.seen;
    let rest = seen - drawn as u64;
    let lanes = source.tracks.lanes();
    let mut lengths: Vec<f64> = lanes.iter().map(|lane| lane.to - lane.from).collect();
    lengths.sort_by(|a, b| b.total_cmp(a));
    let undrawn_s = source.stays.total_s() - lengths.iter().take(drawn).sum::<f64>();
    let mut told = match rest {
        0 if seen == 1 => "The only face.".to_owned(),
        0 => format!("All {seen} faces, by their first sight."),
        _ => format!(
            "The {drawn} faces that stayed longest, by their first sight. {} more, {} of {} in all, count everywhere \
             else but have no lane.",
            words::grouped(rest),
            words::duration(undrawn_s.max(0.0)),
            words::duration(source.stays.total_s()),
        ),
    };
    if source.tracks.let_go > 0 {
        told += &format!(" {} never ended and were let go.", words::count(source.tracks.let_go, "face"));
    }
    told
}
