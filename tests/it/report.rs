//! `emotiond report`, tested with lines whose sums are known and with lines that the program wrote.

use crate::common::{Scratch, astronaut, data, encode, ffmpeg, run, run_sources, text};
use emotiond_core::palette;
use std::fs;

/// The timestamp of a number of seconds after the first line.
pub fn time(at: f64) -> String {
    let milliseconds = (at * 1000.0).round() as u64;
    format!(
        "2026-11-21T20:{:02}:{:02}.{:03}Z",
        milliseconds / 60_000,
        milliseconds / 1000 % 60,
        milliseconds % 1000
    )
}

/// A face event.
pub fn face(phase: &str, at: f64, track: u64, emotion: &str, more: &str) -> String {
    format!(
        r#"{{"v":1,"type":"face","phase":"{phase}","source":"lobby","time":"{}","frame":1,"track":{track},"box":{{"x":1,"y":2,"w":3,"h":4}},"score":0.9,"emotion":"{emotion}","confidence":0.8,"probabilities":{{"angry":0.1,"happy":0.8,"neutral":0.1}}{more},"latency_ms":9.4}}"#,
        time(at)
    ) + "\n"
}

/// A source event.
pub fn state(at: f64, state: &str, reason: &str) -> String {
    let time = time(at);
    format!(
        r#"{{"v":1,"type":"source","source":"lobby","time":"{time}","state":"{state}","reason":"{reason}"}}"#
    ) + "\n"
}

/// Face 1 stays 30 s: 10 s happy, 15 s neutral, 5 s happy. Face 2 stays 8 s, happy. The source is unavailable from 40 s
/// to 50 s. Face 3 is angry from 52 s, and the recording ends at 56 s.
pub fn known() -> String {
    [
        state(0.0, "up", ""),
        face("new", 4.0, 1, "happy", ""),
        face("new", 6.0, 2, "happy", ""),
        face("update", 14.0, 1, "neutral", ""),
        face("end", 15.0, 2, "happy", r#","duration_s":8.0"#),
        face("update", 29.0, 1, "happy", ""),
        face("end", 35.0, 1, "happy", r#","duration_s":30.0"#),
        state(40.0, "stalled", "no frame for 2 s"),
        state(43.0, "down", "unplugged"),
        state(50.0, "up", ""),
        face("new", 52.0, 3, "angry", ""),
        face("update", 56.0, 3, "angry", ""),
    ]
    .concat()
}

/// Makes a report of `events` and returns its bytes.
pub fn report(events: impl AsRef<[u8]>, name: &str) -> Vec<u8> {
    let scratch = Scratch::new();
    let (events, out) = (scratch.file("events.jsonl", events), scratch.path(name));
    run(&["report", &events, "--out", &text(&out)]).exits(0);
    fs::read(out).unwrap()
}

/// The page of `events`.
pub fn page(events: impl AsRef<[u8]>) -> String {
    String::from_utf8(report(events, "report.html")).unwrap()
}

/// The texts of a page's elements, separated by bars.
pub fn words(page: &str) -> String {
    let body = page.split_once("<main>").unwrap().1;
    let texts = body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("|")
}

#[track_caller]
pub fn says(page: &str, parts: &[&str]) {
    let words = words(page);
    for part in parts {
        assert!(words.contains(part), "{part:?} is missing in {words}");
    }
}

/// The sums of a table's columns by name.
pub fn sums(table: &[u8]) -> Vec<(String, f64)> {
    let mut reader = csv::Reader::from_reader(table);
    let mut sums: Vec<(String, f64)> =
        reader.headers().unwrap().iter().map(|name| (name.to_owned(), 0.0)).collect();
    for row in reader.records() {
        let row = row.unwrap();
        sums.iter_mut().zip(&row).for_each(|(sum, field)| sum.1 += field.parse::<f64>().unwrap_or(0.0));
    }
    sums
}

#[test]
fn shares_dwell_times_and_gaps_are_exact() {
    let page = page(known());
    says(
        &page,
        &[
            "faces seen|3|shown most|happy 55 %|typical stay|8 s|longest stay|30 s|watched|46 s|away|10 s",
            // share, total, times, median, longest
            "angry|10 %|4 s|1|4 s|4 s|",
            "happy|55 %|23 s|3|8 s|10 s|",
            "neutral|36 %|15 s|1|15 s|15 s|",
            "20:00:06.0 to 20:00:14.0: faces 2, happy 2|20:00:14.0 to 20:00:29.0: faces 1, neutral 1|",
            "1 gap, 10 s in total. The source was not watched",
            "from|to|duration|reason|20:00:40|20:00:50|10 s|unplugged|",
            "All 3 faces, in order of appearance.",
            "face 1|face 2|face 3|",
            "21 November 2026, 20:00:00 to 20:00:56 UTC · 56 s · 3 faces",
            "12 events read. No line was skipped.",
        ],
    );
    let page = page.replace("&#39;", "'");
    assert!(page.contains("face 1, neutral, 20:00:14 to 20:00:29 (15 s)"), "a lane's segment has a tooltip");
}

#[test]
fn who_looked_towards_the_camera_is_summed_up_where_it_is_told() {
    let ends = [
        face("new", 4.0, 1, "happy", r#","facing":true"#),
        face("end", 9.0, 1, "happy", r#","facing":true,"duration_s":4.0,"facing_s":3.0"#),
        face("new", 10.0, 2, "happy", ""),
        face("end", 20.0, 2, "happy", r#","duration_s":9.0"#),
        face("new", 21.0, 3, "happy", r#","facing":false"#),
        face("end", 22.0, 3, "happy", r#","facing":false,"duration_s":1.0,"facing_s":0.0"#),
    ];
    says(&page(ends.concat()), &["looked towards the camera|60 %"]);
    assert!(!words(&page(known())).contains("looked towards"), "lines of version 1 do not tell");
}

#[test]
fn the_table_holds_the_same_sums() {
    let table = report(known(), "report.csv");
    let names = ["watched_s", "away_s", "faces_s", "angry_s", "happy_s", "neutral_s"];
    let sums = sums(&table);
    let told: Vec<f64> = names.iter().map(|name| sums.iter().find(|sum| sum.0 == *name).unwrap().1).collect();
    assert_eq!(told, [46.0, 10.0, 42.0, 4.0, 23.0, 15.0]);
    let table = String::from_utf8(table).unwrap();
    assert!(
        table
            .starts_with("source,time,offset_s,width_s,watched_s,away_s,faces_s,angry_s,happy_s,neutral_s\n")
    );
    assert!(
        table.contains("\nlobby,2026-11-21T20:00:06.000Z,6,0.03125,0.03125,0,0.0625,0,0.0625,0\n"),
        "{table}"
    );
}

#[test]
fn the_picture_shows_the_emotions_colours() {
    let picture = image::load_from_memory(&report(known(), "report.PNG")).unwrap().into_rgb8();
    assert_eq!(picture.width(), 1800);
    let pixels = |label: &str| picture.pixels().filter(|pixel| pixel.0 == palette::color(label, 0)).count();
    let [angry, happy, neutral] = ["angry", "happy", "neutral"].map(pixels);
    // The bar of shares alone has 42 rows of coloured pixels over most of the width.
    assert!(happy > neutral && neutral > angry && angry > 42 * 150, "{happy} {neutral} {angry}");
    assert_eq!(pixels("surprise"), 0);
}

#[test]
fn a_page_needs_nothing_but_itself_and_names_are_only_text() {
    let name = r#"<script>alert(1)</script>&\"'<img src=x onerror=y>\u0001\u001b[31m\uffff"#;
    let events = known().replace("\"lobby\"", &format!("\"{name}\"")).replace("unplugged", "<b onclick=z>");
    let page = page(&events);
    for element in
        ["<script", "<img", "<b ", "<link", "<iframe", "@import", "src=\"", "http", "\u{1}", "\u{1b}"]
    {
        assert!(!page.contains(element), "{element:?}");
    }
    assert!(page.matches("url(").count() == page.matches("url(#away)").count());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;"));
    // In the picture's SVG, a control character in the name would be an error.
    image::load_from_memory(&report(&events, "report.png")).unwrap();
}

#[test]
fn a_program_that_was_killed_and_started_again_tells_one_story() {
    let first = [state(0.0, "up", ""), face("new", 1.0, 1, "happy", ""), face("update", 5.0, 1, "angry", "")];
    let second = [
        state(20.0, "up", ""),
        face("new", 21.0, 1, "neutral", ""),
        face("end", 26.0, 1, "neutral", ""),
        state(30.0, "ended", ""),
    ];
    let page = page(first.concat() + &second.concat());
    says(
        &page,
        &[
            "faces seen|2|",
            "happy|44 %|4 s|1|4 s|4 s|",
            "neutral|56 %|5 s|1|5 s|5 s|",
            "20:00:05|20:00:20|15 s|not recorded: the source was not read|",
        ],
    );
}

#[test]
fn a_stream_that_comes_back_goes_on_after_the_gap() {
    let events = [
        state(0.0, "up", ""),
        face("new", 1.0, 1, "happy", r#","pts_ms":0"#),
        face("update", 5.0, 1, "neutral", r#","pts_ms":4000"#),
        face("end", 7.0, 1, "neutral", r#","pts_ms":6000"#),
        state(7.0, "down", "reset by peer"),
        state(17.0, "up", ""),
        // Its own time starts again from zero.
        face("new", 18.0, 2, "happy", r#","pts_ms":500"#),
        face("end", 20.0, 2, "happy", r#","pts_ms":2500"#),
        state(20.0, "ended", ""),
    ];
    let told = page(events.concat());
    says(&told, &["watched|8.5 s|away|10 s|", "happy|75 %|6 s|2|2 s|4 s|", "0:06|0:16|10 s|reset by peer|"]);
    // A network stream is placed by clock time, like a camera.
    let told = page(events.concat().replace("\"lobby\"", "\"rtsp://10.0.0.7/1\""));
    says(
        &told,
        &["watched|10 s|away|10 s|", "happy|75 %|6 s|2|2 s|4 s|", "20:00:07|20:00:17|10 s|reset by peer|"],
    );
}

#[test]
fn faces_without_their_sources_lines_are_enough() {
    let events: String =
        known().lines().filter(|line| line.contains("\"face\"")).map(|line| format!("{line}\n")).collect();
    says(&page(events), &["faces seen|3|", "happy|55 %|23 s|3|8 s|10 s|"]);
}

#[test]
fn any_models_labels_are_told() {
    let events = known().replace("happy", "amused").replace("neutral", "bored");
    says(&page(events), &["angry|10 %|4 s|1|", "amused|55 %|23 s|3|", "bored|36 %|15 s|1|"]);
}

#[test]
fn more_faces_than_lanes_are_counted() {
    let visit = |track: u64| {
        let at = track as f64 * 5.0;
        face("new", at, track, "happy", "") + &face("end", at + 4.0, track, "happy", "")
    };
    let page = page((0..100).map(visit).collect::<String>());
    says(
        &page,
        &[
            "The 30 faces that stayed longest, in order of appearance. 70 more, 4 min 40 s of 6 min 40 s in total,",
        ],
    );
    let is_lane = |text: &&str| text.strip_prefix("face ").is_some_and(|track| track.parse::<u64>().is_ok());
    assert_eq!(words(&page).split('|').filter(is_lane).count(), 30);
}

#[test]
fn more_sources_than_have_a_story_are_counted() {
    let lines = (0..40).map(|source| known().replace("lobby", &format!("camera {source}")));
    let page = page(lines.collect::<String>());
    assert_eq!(page.matches("<section>").count(), 32);
    says(
        &page,
        &["32 sources · ", "events of sources after the first 32 skipped: 96; select sources by name"],
    );
}

#[test]
fn a_sources_own_condition_is_told_where_nobody_came() {
    let page = page(state(0.0, "up", "") + &state(9.0, "down", "gone") + &state(10.0, "ended", ""));
    says(&page, &["faces seen|0|watched|9 s|away|1 s|", "No face was seen.", "20:00:09|20:00:10|1 s|gone|"]);
}

#[test]
fn a_video_is_told_by_its_own_time() {
    let scratch = Scratch::new();
    let clip = text(&scratch.path("clip.mkv"));
    // Two seconds of the portrait, then one without it.
    ffmpeg(&[
        "-loop",
        "1",
        "-t",
        "2",
        "-r",
        "10",
        "-i",
        &text(&data("astronaut.jpg")),
        "-f",
        "lavfi",
        "-i",
        "color=gray:s=512x512:r=10:d=1",
        "-filter_complex",
        "[0]format=yuv420p[a];[1]format=yuv420p[b];[a][b]concat",
        &clip,
    ]);
    let config = scratch.tiny("[audience]\nevery_s = 0.5\n");
    let events = run_sources(&config, &[&clip], &[]).exits(0).stdout;
    let page = page(&events);
    says(&page, &["faces seen|1|shown most|", " 100 %|typical stay|1.9 s|", "The only face.", "|0:00.0|"]);
    assert_eq!(words(&page), words(&self::page(&events)));
    // If it is read a second time into the same file, the second reading follows the first.
    let again = events.clone() + &events;
    says(&self::page(again), &["faces seen|2|", "All 2 faces"]);
}

#[test]
fn pictures_of_a_folder_are_told_one_by_one() {
    let scratch = Scratch::new();
    let picture = encode(&astronaut(), image::ImageFormat::Jpeg);
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        scratch.file(&format!("photos/{name}"), &picture);
    }
    let events = run_sources(&scratch.tiny(""), &[&text(&scratch.path("photos"))], &[]).exits(0).stdout;
    let page = page(&events);
    says(&page, &["Faces in each picture", "faces seen|3|", "picture 1|picture 2|picture 3|", "100 %|3|"]);
    assert!(!words(&page).contains("typically lasts") && !words(&page).contains("Face by face"));
    image::load_from_memory(&report(&events, "report.png")).unwrap();
    let sums = sums(&report(&events, "report.csv"));
    assert_eq!(sums.iter().find(|sum| sum.0 == "faces_s").unwrap().1, 3.0);
    // One row per picture.
    assert_eq!(report(&events, "report.csv").iter().filter(|byte| **byte == b'\n').count(), 1 + 3);
}

#[test]
fn a_recording_without_single_faces_says_so() {
    let private = r#"{"v":1,"type":"audience","source":"lobby","time":"2026-11-21T20:00:09.000Z","window_s":9.0,"faces":null,"emotions":null,"dominant":null}"#;
    says(&page(state(0.0, "up", "") + private + "\n"), &["The recording does not tell single faces"]);
}
