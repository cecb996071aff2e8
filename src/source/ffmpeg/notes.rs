//! What ffmpeg writes beside the frames: a note about each frame, and error messages.

use crate::child::without_origin;
use crossbeam_channel::Sender;
use std::io::{BufRead, BufReader, Read};

/// The longest line that is read whole, in bytes.
const LONGEST_LINE: u64 = 64 << 10;

/// What ffmpeg reports about a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Note {
    /// Presentation time; `None` if the frame has none.
    pub pts_ms: Option<u64>,
    pub content: Content,
}

/// What follows on stdout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    /// A picture of this many bytes.
    Jpeg(usize),
    /// Pixels of a picture with this width and height.
    Pixels(u32, u32),
}

/// A line of ffmpeg.
pub(super) enum Line {
    /// Describes a frame.
    Note(Note),
    /// Other information about frames, which is ignored.
    Other,
    /// An error message.
    Complaint,
}

/// Parses a line that ffmpeg prints at the level info when it decodes the frames. Lines of the filter `showinfo` contain
/// the duration of a tick in seconds (`config in time_base: 1/90000`), then for each frame its time in ticks and its
/// size (`n: 0 pts: 9000 ... s:320x240`). The filter has a random name, `showinfo@` and the `tag`, so that no text from a file
/// or a picture is taken for its lines.
pub(super) fn line_on_frame(line: &str, tag: &str, seconds_a_tick: &mut f64) -> Line {
    let tagged = line.strip_prefix("[showinfo@").and_then(|rest| rest.strip_prefix(tag));
    let filter = tagged.and_then(|rest| rest.strip_prefix(" @ ")?.split_once("] [info] "));
    let Some((_, words)) = filter else {
        return if is_error(line) { Line::Complaint } else { Line::Other };
    };
    if let Some(ratio) = words.strip_prefix("config in time_base: ") {
        *seconds_a_tick = ratio.split_once(',').and_then(|(ratio, _)| tick(ratio)).unwrap_or(*seconds_a_tick);
        return Line::Other;
    }
    let value = |key: &str| words.split_once(key)?.1.split_whitespace().next();
    let size = value(" s:").and_then(|size| size.split_once('x'));
    let size = size.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let (true, Some((width, height))) = (words.starts_with("n:"), size) else { return Line::Other };
    let pts_ms = value(" pts:").and_then(|ticks| ticks.parse::<f64>().ok());
    let pts_ms = pts_ms.map(|ticks| milliseconds(ticks * *seconds_a_tick));
    Line::Note(Note { pts_ms, content: Content::Pixels(width, height) })
}

/// Whether the level of a line, such as `[mpegts @ 0x55d0] [error] ...`, is an error.
fn is_error(line: &str) -> bool {
    // A message of the system's loader.
    if line.starts_with("ffmpeg: ") {
        return true;
    }
    let mut rest = line;
    while let Some((tag, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        if ["error", "fatal", "panic"].contains(&tag) {
            return true;
        }
        rest = after;
    }
    false
}

/// The value of a fraction such as `1/90000`.
fn tick(ratio: &str) -> Option<f64> {
    let (numerator, denominator) = ratio.trim().split_once('/')?;
    Some(numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?)
}

/// Parses a line of ffmpeg's log at the level error.
pub(super) fn line_on_error(line: &str) -> Line {
    if line.trim().is_empty() { Line::Other } else { Line::Complaint }
}

/// Parses a line that ffmpeg prints when it copies the frames. `#tb 0: 1/30` gives the duration of a tick in
/// seconds.
pub(super) fn line_on_packet(line: &str, seconds_a_tick: &mut f64) -> Line {
    if let Some(tick) = line.strip_prefix("#tb 0: ").and_then(tick) {
        *seconds_a_tick = tick;
    }
    let mut columns = line.split(',').map(str::trim);
    match (columns.next(), columns.nth(1), columns.nth(1).map(str::parse)) {
        // An empty packet repeats the previous frame.
        (Some("0"), Some(_), Some(Ok(0))) => Line::Other,
        (Some("0"), Some(ticks), Some(Ok(bytes))) => {
            let pts_ms = ticks.parse::<f64>().ok().map(|ticks| milliseconds(ticks * *seconds_a_tick));
            Line::Note(Note { pts_ms, content: Content::Jpeg(bytes) })
        }
        _ => Line::Other,
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// Forwards the notes and returns the first error message; later ones are usually its consequences. It never waits for
/// the reader of the notes, because ffmpeg would wait for it.
pub(super) fn read_log(
    log: impl Read,
    mut read: impl FnMut(&str) -> Line,
    notes: Option<&Sender<Note>>,
) -> String {
    let mut complaint = String::new();
    let mut log = BufReader::new(log);
    let mut bytes = Vec::new();
    while log.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        // Names of files need not be UTF-8.
        let line = String::from_utf8_lossy(&bytes);
        match read(&line) {
            Line::Note(note) => {
                // Fails only when the source has been dropped.
                let _ = notes.map(|notes| notes.send(note));
            }
            Line::Complaint if complaint.is_empty() => complaint = cause(&line).to_owned(),
            Line::Complaint | Line::Other => {}
        }
        bytes.clear();
    }
    complaint
}

/// An error message without what is the same for all streams: they are opened through a list in a pipe. That the list's
/// entry cannot be opened says nothing; the reason follows.
fn cause(line: &str) -> &str {
    let message = without_origin(line);
    if message.starts_with("Impossible to open ") {
        return "";
    }
    ["pipe:0: ", "Error opening input: ", "Error opening input file pipe:0."]
        .iter()
        .fold(message, |message, start| message.strip_prefix(start).unwrap_or(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_noted_with_their_time_and_size() {
        let mut tick = 1.0;
        let lines = "#software: Lavf59.27.100\n#tb 0: 1001/30000\n#dimensions 0: 640x480\n\
                     0,          0,          0,        1,    20746, 0x60095b0a\n\
                     0,          1,          3,        1,        0, 0x00000000, F=0x0\n\
                     0,          2,         30,        1,      785, 0x751f6bf1, F=0x0\n\
                     [avi @ 0x5581] index is missing\n";
        let mut notes = Vec::new();
        for line in lines.split_inclusive('\n') {
            match line_on_packet(line, &mut tick) {
                Line::Note(note) => notes.push(note),
                Line::Complaint | Line::Other => {}
            }
        }
        let note = |pts_ms, bytes| Note { pts_ms: Some(pts_ms), content: Content::Jpeg(bytes) };
        assert_eq!(notes, [note(0, 20746), note(1001, 785)]);
    }

    #[test]
    fn frames_are_noted_with_their_time_and_size_whatever_the_metadata_say() {
        let mut tick = 1.0;
        let lines = "[info] Input #0, mpegts, from 'a.ts':\n\
                     [info]     title           : [showinfo@0f1e @ 0x1] [info] n: 7 pts: 5 s:9x9 \n\
                     [Parsed_showinfo_0 @ 0x55] [info] n:   0 pts:   7 s:3x3 i:P \n\
                     [showinfo@0f1f @ 0x55] [info] n:   0 pts:   7 s:3x3 i:P \n\
                     [showinfo@0f1e @ 0x55] [info] config in time_base: 1/90000, frame_rate: 10/1\n\
                     [showinfo@0f1e @ 0x55] [info] config out time_base: 0/0, frame_rate: 0/0\n\
                     [showinfo@0f1e @ 0x55] [info] n:   0 pts:   9000 pts_time:0.1  fmt:yuv420p sar:1/1 s:320x240 i:P \n\
                     [showinfo@0f1e @ 0x55] [info]   side data - GOP timecode - 00:00:00:00\n\
                     [mpegts @ 0x55] [warning] Packet corrupt (stream = 0, dts = 207000).\n\
                     [h264 @ 0x55] [error] error while decoding MB 3 4\n\
                     [showinfo@0f1e @ 0x77] [info] n:   0 pts:NOPTS pts_time:NOPTS fmt:gray sar:1/1 s:64x48 i:P \n";
        let (mut notes, mut complaints) = (Vec::new(), Vec::new());
        for line in lines.split_inclusive('\n') {
            match line_on_frame(line, "0f1e", &mut tick) {
                Line::Note(note) => notes.push(note),
                Line::Complaint => complaints.push(line),
                Line::Other => {}
            }
        }
        let note = |pts_ms, width, height| Note { pts_ms, content: Content::Pixels(width, height) };
        assert_eq!(notes, [note(Some(100), 320, 240), note(None, 64, 48)]);
        assert_eq!(complaints, ["[h264 @ 0x55] [error] error while decoding MB 3 4\n"]);
    }
}
