//! What ffmpeg writes to stderr: a note about each frame, and error messages.

use crate::child::without_origin;
use crossbeam_channel::Sender;
use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
};

/// What ffmpeg reports about a frame on stderr.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Note {
    pub pts_ms: u64,
    /// Bytes of the frame, if frames are copied.
    pub bytes: usize,
}

/// A line on ffmpeg's stderr.
pub(super) enum Line {
    /// Describes a frame.
    Note(Note),
    /// Other information about frames, which is ignored.
    Other,
    /// An error message.
    Complaint,
}

/// Parses a line that ffmpeg prints when it decodes the frames.
pub(super) fn line_on_frame(line: &str) -> Line {
    match line.split_once("pts_time:") {
        Some((start, time)) if start.starts_with("frame:") => {
            Line::Note(Note { pts_ms: milliseconds(time.trim().parse().unwrap_or(0.0)), bytes: 0 })
        }
        _ if line.starts_with("emotiond=") => Line::Other,
        _ => Line::Complaint,
    }
}

/// Parses a line that ffmpeg prints when it copies the frames. `#tb 0: 1/30` gives the duration of a tick in
/// seconds.
pub(super) fn line_on_packet(line: &str, seconds_a_tick: &mut f64) -> Line {
    if let Some((numerator, denominator)) =
        line.strip_prefix("#tb 0: ").and_then(|ratio| ratio.trim().split_once('/'))
    {
        let number = |text: &str| text.parse().unwrap_or(1.0);
        *seconds_a_tick = number(numerator) / number(denominator);
    }
    let mut columns = line.split(',').map(str::trim);
    match (columns.next(), columns.nth(1), columns.nth(1).map(str::parse)) {
        // An empty packet repeats the previous frame.
        (Some("0"), Some(_), Some(Ok(0))) => Line::Other,
        (Some("0"), Some(ticks), Some(Ok(bytes))) => {
            let seconds = ticks.parse().unwrap_or(0.0) * *seconds_a_tick;
            Line::Note(Note { pts_ms: milliseconds(seconds), bytes })
        }
        _ if line.starts_with('#') => Line::Other,
        _ => Line::Complaint,
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// Forwards the notes and returns the first error message; later ones are usually its consequences.
pub(super) fn read_log(
    stderr: ChildStderr,
    mut read: impl FnMut(&str) -> Line,
    notes: &Sender<Note>,
) -> String {
    let mut complaint = String::new();
    let mut stderr = BufReader::new(stderr);
    let mut line = String::new();
    while stderr.read_line(&mut line).is_ok_and(|count| count > 0) {
        match read(&line) {
            Line::Note(note) => {
                // Fails only when the source has been dropped.
                let _ = notes.send(note);
            }
            Line::Complaint if complaint.is_empty() => complaint = cause(&line).to_owned(),
            Line::Complaint | Line::Other => {}
        }
        line.clear();
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
        let (mut notes, mut complaints) = (Vec::new(), Vec::new());
        for line in lines.split_inclusive('\n') {
            match line_on_packet(line, &mut tick) {
                Line::Note(note) => notes.push(note),
                Line::Complaint => complaints.push(line),
                Line::Other => {}
            }
        }
        assert_eq!(notes, [Note { pts_ms: 0, bytes: 20746 }, Note { pts_ms: 1001, bytes: 785 }]);
        assert_eq!(complaints, ["[avi @ 0x5581] index is missing\n"]);
    }
}
