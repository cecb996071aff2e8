//! Reads text line by line, with a limit on the length of a line.

use std::io::{self, BufRead, Read};

/// Default maximum length of a line in bytes; events are much shorter.
const LONGEST_LINE: u64 = 1 << 20;

/// The lines of a file or a stream.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    longest: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the lines of `input`.
    pub fn new(input: R) -> Self {
        Self::with_limit(input, LONGEST_LINE)
    }

    /// Reads the lines of `input` that have at most `longest` bytes.
    pub fn with_limit(input: R, longest: u64) -> Self {
        Self { input, line: Vec::new(), number: 0, longest }
    }

    /// The number of the latest line, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next non-blank line, or an error if it is too long; `None` at the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not lend the line")]
    pub fn next(&mut self) -> io::Result<Option<Result<&[u8], String>>> {
        loop {
            self.line.clear();
            if self.input.by_ref().take(self.longest).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.line.len() as u64 == self.longest && self.line.last() != Some(&b'\n') {
                self.skip_line()?;
                return Ok(Some(Err(format!("longer than {} bytes", self.longest))));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some(Ok(self.line.trim_ascii())))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let (used, done) = (end.map_or(buffer.len(), |at| at + 1), end.is_some() || buffer.is_empty());
            self.input.consume(used);
            if done {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_an_endless_one_is_passed_over() {
        let long = "x".repeat(3 << 20);
        let text = format!("one\n\n{long}\n  four\r\nfive");
        let mut lines = Lines::new(text.as_bytes());
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let line = line.map(|line| String::from_utf8(line.to_vec()).unwrap());
            seen.push((lines.number(), line.map_err(|reason| reason.len())));
        }
        let text = |text: &str| Ok(text.to_owned());
        assert_eq!(seen, [(1, text("one")), (3, Err(25)), (4, text("four")), (5, text("five"))]);
    }
}
