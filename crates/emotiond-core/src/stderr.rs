//! Writes lines to stderr. A line that cannot be written, because the disk is full or the reader has closed the pipe,
//! is dropped, so that it does not change the program's behaviour or exit code. `eprintln!` would panic.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// A writer to stderr that ignores errors.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

/// A writer of a log to stderr. What is written at once is one line: names of files cannot add another.
pub struct LogLine {
    /// Whether colours are kept.
    pub is_terminal: bool,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let escape = self.is_terminal.then_some('\u{1b}');
        say(one_line(line, escape));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Stderr.flush()
    }
}

/// `text` with its control characters escaped, except `kept`: names of files may contain any.
pub fn one_line(text: &str, kept: Option<char>) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && Some(letter) != kept || matches!(letter, '\u{2028}' | '\u{2029}') {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// Writes a line to stderr.
pub fn say(line: impl Display) {
    // With a single write, so that lines of several threads do not mix.
    let _ = Stderr.write(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_adds_no_line() {
        assert_eq!(
            one_line("a\nb\r\u{1b}[2Jc\u{85}d\u{2028}é", None),
            "a\\nb\\r\\u{1b}[2Jc\\u{85}d\\u{2028}é"
        );
        assert_eq!(one_line("\u{1b}[31mred", Some('\u{1b}')), "\u{1b}[31mred");
    }
}
