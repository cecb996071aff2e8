//! The part of a spool that is on disk: files of lines, the oldest first.
//!
//! A record is one line of text: a CRC-32C, whether the message is retained, the topic and the event. A line that was cut
//! off, by a full disk or a power cut, fails its checksum and is passed over. The crates that keep a queue in a file do
//! not fit: `queue-file` has no checksums and so needs a sync for each line, and `yaque` has no bound.

use super::Record;
use emotiond_core::files;
use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Files into which the space is divided: if it is full, the oldest file is deleted.
const SEGMENTS: u64 = 16;
/// The file that says up to where everything was delivered.
const POSITION: &str = "position";

/// Why a spool cannot be used.
#[derive(Debug, Error)]
pub enum DiskError {
    /// Another process uses it.
    #[error("another process uses the spool {0}: give each its own `spool_dir`")]
    Locked(PathBuf),
    /// The system refuses.
    #[error("the spool {0} cannot be used: {1}")]
    Io(PathBuf, io::Error),
}

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    segment: u64,
    byte: u64,
}

/// A file of records.
struct Segment {
    number: u64,
    bytes: u64,
    /// The end of its last record that is not damaged.
    end: u64,
    /// Records that have not been read.
    unread: u64,
}

/// The files of a spool.
pub(super) struct Disk {
    folder: PathBuf,
    limit: u64,
    /// Other processes wait for it.
    _lock: File,
    segments: VecDeque<Segment>,
    /// The newest segment, if this process has begun it.
    writer: Option<File>,
    reader: Option<BufReader<File>>,
    /// What is read next.
    cursor: Position,
    acknowledged: Position,
    saved: Position,
    is_dirty: bool,
    /// Full files that are not synced.
    unsynced: Vec<File>,
}

impl Disk {
    /// Opens the spool in `folder`, or makes one, for `limit` bytes.
    pub fn open(folder: &Path, limit: u64) -> Result<Self, DiskError> {
        let failed = |error| DiskError::Io(folder.to_owned(), error);
        create_private_folder(folder).map_err(failed)?;
        let lock = open_private(&folder.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => DiskError::Locked(folder.to_owned()),
            TryLockError::Error(error) => failed(error),
        })?;
        let mut disk = Self {
            folder: folder.to_owned(),
            limit,
            _lock: lock,
            segments: VecDeque::new(),
            writer: None,
            reader: None,
            cursor: Position::default(),
            acknowledged: read_position(folder).unwrap_or_default(),
            saved: Position::default(),
            is_dirty: false,
            unsynced: Vec::new(),
        };
        disk.find_segments().map_err(failed)?;
        Ok(disk)
    }

    /// Lists the files, deletes the delivered ones and counts the records of the others.
    fn find_segments(&mut self) -> io::Result<()> {
        let number =
            |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".jsonl")?.parse::<u64>().ok();
        let mut numbers: Vec<u64> = fs::read_dir(&self.folder)?.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        for number in numbers {
            let path = self.path(number);
            if number < self.acknowledged.segment {
                fs::remove_file(path)?;
                continue;
            }
            let from = if number == self.acknowledged.segment { self.acknowledged.byte } else { 0 };
            let bytes = fs::metadata(&path)?.len();
            let mut file = BufReader::new(File::open(&path)?);
            file.seek(SeekFrom::Start(from))?;
            let (mut unread, mut end, mut at, mut line) = (0, 0, from, Vec::new());
            loop {
                let length = next_line(&mut file, &mut line)? as u64;
                if length == 0 {
                    break;
                }
                at += length;
                if Record::read(&line).is_some() {
                    (unread, end) = (unread + 1, at);
                }
            }
            if unread == 0 {
                fs::remove_file(path)?;
            } else {
                self.segments.push_back(Segment { number, bytes, end, unread });
            }
        }
        self.rewind_cursor();
        Ok(())
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(format!("{segment:012}.jsonl"))
    }

    /// Records that have not been read.
    pub fn unread(&self) -> u64 {
        self.segments.iter().map(|segment| segment.unread).sum()
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Appends a record, and deletes the oldest file if the space is full. Returns how many unread records are lost with it.
    pub fn append(&mut self, record: &Record) -> io::Result<u64> {
        let line = record.line();
        let full = |segment: &Segment| segment.bytes + line.len() as u64 > self.limit / SEGMENTS;
        if self.writer.is_none() || self.segments.back().is_some_and(full) {
            self.begin_segment()?;
        }
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
            return Ok(0);
        };
        if let Err(error) = writer.write_all(line.as_bytes()) {
            // A part of the line may be written.
            let _ = writer.set_len(segment.bytes).and_then(|()| writer.seek(SeekFrom::End(0)));
            return Err(error);
        }
        segment.bytes += line.len() as u64;
        segment.end = segment.bytes;
        segment.unread += 1;
        self.is_dirty = true;
        let mut lost = 0;
        while self.bytes() > self.limit && self.segments.len() > 1 {
            lost += self.drop_oldest();
        }
        Ok(lost)
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let full = self.writer.take();
        self.unsynced.extend(full.filter(|_| self.is_dirty));
        let latest = self.segments.back().map_or(self.acknowledged.segment, |segment| segment.number);
        let number = latest + 1;
        self.writer = Some(open_private(&self.path(number))?);
        self.segments.push_back(Segment { number, bytes: 0, end: 0, unread: 0 });
        Ok(())
    }

    fn drop_oldest(&mut self) -> u64 {
        let Some(oldest) = self.segments.pop_front() else { return 0 };
        // If it stays, it is deleted at the next start.
        let _ = fs::remove_file(self.path(oldest.number));
        let next = Position { segment: oldest.number + 1, byte: 0 };
        self.acknowledged = self.acknowledged.max(next);
        if self.cursor < next {
            self.cursor = next;
            self.reader = None;
        }
        oldest.unread
    }

    /// The next record, and the place after it.
    pub fn next(&mut self) -> io::Result<Option<(Record, Position)>> {
        let mut line = Vec::new();
        while let Some(at) = self.segments.iter().position(|segment| segment.number >= self.cursor.segment) {
            let number = self.segments[at].number;
            if number > self.cursor.segment {
                self.cursor = Position { segment: number, byte: 0 };
                self.reader = None;
            }
            if self.reader.is_none() {
                let mut reader = BufReader::new(File::open(self.path(number))?);
                reader.seek(SeekFrom::Start(self.cursor.byte))?;
                self.reader = Some(reader);
            }
            let Some(reader) = &mut self.reader else { return Ok(None) };
            let length = next_line(reader, &mut line)?;
            if length == 0 {
                if at + 1 == self.segments.len() {
                    return Ok(None);
                }
                self.cursor = Position { segment: number + 1, byte: 0 };
                self.reader = None;
                continue;
            }
            self.cursor.byte += length as u64;
            if let Some(record) = Record::read(&line) {
                self.segments[at].unread -= 1;
                return Ok(Some((record, self.cursor)));
            }
        }
        Ok(None)
    }

    /// Passes over records that somebody still holds in memory: they have just been appended.
    pub fn skip(&mut self) -> io::Result<Option<Position>> {
        Ok(self.next()?.map(|(_, position)| position))
    }

    /// Everything before `position` was delivered.
    pub fn acknowledge(&mut self, position: Position) {
        self.acknowledged = self.acknowledged.max(position);
        while self.segments.front().is_some_and(|oldest| oldest.number < self.acknowledged.segment) {
            self.drop_oldest();
        }
        let is_all = |only: &Segment| {
            self.acknowledged == Position { segment: only.number, byte: only.end } && only.unread == 0
        };
        if self.segments.len() == 1 && self.segments.front().is_some_and(is_all) {
            self.drop_oldest();
            self.writer = None;
            self.is_dirty = false;
        }
    }

    /// Reads again what was not delivered. Returns how many of the `held` records are still there.
    pub fn rewind(&mut self, held: impl Iterator<Item = Position>) -> u64 {
        let mut there = 0;
        for position in held {
            // The place after a record may be the end of its file, so that files are told apart by their number.
            let find = |segment: &&mut Segment| segment.number == position.segment;
            if let Some(segment) = self.segments.iter_mut().find(find) {
                segment.unread += 1;
                there += 1;
            }
        }
        self.rewind_cursor();
        there
    }

    fn rewind_cursor(&mut self) {
        self.cursor = self.acknowledged;
        self.reader = None;
    }

    /// Gives up the file that is being read, and those before it. Returns how many unread records are lost.
    pub fn give_up(&mut self) -> u64 {
        let until = self.cursor.segment;
        let mut lost = 0;
        while self.segments.front().is_some_and(|oldest| oldest.number <= until) {
            lost += self.drop_oldest();
        }
        if self.segments.is_empty() {
            self.writer = None;
        }
        lost
    }

    /// The files that must be synced until all records are on the disk.
    pub fn take_unsynced(&mut self) -> io::Result<Vec<File>> {
        if let (true, Some(writer)) = (self.is_dirty, &self.writer) {
            self.unsynced.push(writer.try_clone()?);
        }
        self.is_dirty = false;
        Ok(std::mem::take(&mut self.unsynced))
    }

    /// Saves what was delivered.
    pub fn save_position(&mut self) -> io::Result<()> {
        if self.saved != self.acknowledged {
            let Position { segment, byte } = self.acknowledged;
            files::replace(&self.folder.join(POSITION), format!("{segment} {byte}\n").as_bytes())?;
            self.saved = self.acknowledged;
        }
        Ok(())
    }
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).append(true).open(path)
}

/// Reads a line and returns its length in bytes; 0 at the end.
fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    file.read_until(b'\n', line)
}

/// A position that cannot be read is the start: then some records are sent twice.
fn read_position(folder: &Path) -> Option<Position> {
    let text = fs::read_to_string(folder.join(POSITION)).ok()?;
    let (segment, byte) = text.trim_end().split_once(' ')?;
    Some(Position { segment: segment.parse().ok()?, byte: byte.parse().ok()? })
}
