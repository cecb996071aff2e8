//! The rows of a CSV that may be gzipped, with a bound on the length of a row: a small gzip can hold one without an end.

use csv::{ByteRecord, ErrorKind::Io, ErrorKind::UnequalLengths, Reader, ReaderBuilder};
use std::{
    cell::Cell,
    io::{self, ErrorKind, Read},
    rc::Rc,
};

/// Length from which a row is refused, in bytes. A picture of 48 x 48 pixels has at most 9,216.
const LONGEST_ROW: usize = 1 << 20;
/// Bytes that the CSV reader fetches at once, which may belong to later rows.
const BUFFER_BYTES: usize = 1 << 18;

/// Reads rows one after another.
pub(super) struct Rows<R> {
    reader: Reader<Bounded<R>>,
    /// Bytes that may still be fetched for the current row.
    left: Rc<Cell<usize>>,
    record: ByteRecord,
    /// Number of the current row, from 1; 0 is the header.
    number: usize,
}

impl<R: Read> Rows<R> {
    pub fn new(input: R) -> Self {
        let left = Rc::new(Cell::new(0));
        let bounded = Bounded { input, left: Rc::clone(&left) };
        let reader = ReaderBuilder::new().buffer_capacity(BUFFER_BYTES).from_reader(bounded);
        Self { reader, left, record: ByteRecord::new(), number: 0 }
    }

    /// The names of the columns.
    pub fn header(&mut self) -> Result<&ByteRecord, String> {
        self.left.set(LONGEST_ROW + BUFFER_BYTES);
        self.reader.byte_headers().map_err(|error| explain(&error, "the first line", "before row 1"))
    }

    /// The next row; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, String> {
        self.left.set(LONGEST_ROW + BUFFER_BYTES);
        let next = self.reader.position().line();
        let before = self.number;
        self.number += 1;
        let is_row = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| explain(&error, &place(before + 1, next), &format!("after row {before}")))?;
        let line = self.record.position().map_or(next, csv::Position::line);
        Ok(is_row.then_some(Row { number: self.number, line, cells: &self.record }))
    }
}

/// A row of the CSV.
pub(super) struct Row<'a> {
    /// Its number, from 1, without the header.
    pub number: usize,
    /// Its text, by column.
    pub cells: &'a ByteRecord,
    line: u64,
}

impl Row<'_> {
    /// Where it is, for messages.
    pub fn place(&self) -> String {
        place(self.number, self.line)
    }
}

fn place(row: usize, line: u64) -> String {
    format!("row {row} (line {line})")
}

/// The beginning of a text of the file, for messages.
pub(super) fn start_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.trim().chars().take(20).collect()
}

/// A message for an error of the CSV reader.
fn explain(error: &csv::Error, row: &str, last: &str) -> String {
    match error.kind() {
        Io(source) if source.kind() == ErrorKind::UnexpectedEof => {
            format!("the gzip file ends {last}: it is incomplete, fetch it again")
        }
        Io(source) if source.kind() == ErrorKind::FileTooLarge => {
            format!(
                "{row} has more than {LONGEST_ROW} bytes: give a CSV with one picture of 48 x 48 pixels in each line"
            )
        }
        Io(source) => format!("cannot be read {last}: {source}"),
        UnequalLengths { expected_len, len, .. } => {
            format!("{row}: has {len} columns, must have {expected_len} as the first line has")
        }
        _ => format!("{row}: {error}"),
    }
}

/// Fails when more is fetched than is left.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(read).ok_or(ErrorKind::FileTooLarge)?;
        self.left.set(left);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Result<usize, String> {
        let mut rows = Rows::new(text.as_bytes());
        rows.header()?;
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn a_row_is_bounded_and_the_file_is_not() {
        let row = format!("0,{}\n", "1 ".repeat(LONGEST_ROW / 2 - 10));
        assert_eq!(count(&format!("a,b\n{}", row.repeat(4))), Ok(4));
        // Quotes join lines to one row, and lines without a text belong to none.
        for (text, place) in [
            (format!("a,b\n0,1\n0,{}\n", "1 ".repeat(LONGEST_ROW)), "row 2 (line 3)"),
            (format!("a,b\n0,\"{}", "1\n".repeat(LONGEST_ROW)), "row 1 (line 2)"),
            ("x".repeat(2 * LONGEST_ROW), "the first line"),
            ("a,b\n".to_owned() + &"\n".repeat(2 * LONGEST_ROW), "row 1 (line 2)"),
        ] {
            let error = count(&text).unwrap_err();
            assert!(error.starts_with(place) && error.contains("more than 1048576 bytes"), "{error}");
        }
    }
}
