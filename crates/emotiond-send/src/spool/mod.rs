//! Events that wait for a server: store and forward, in order, bounded.
//!
//! A record waits in memory for a second and is then written to disk, if the server has not acknowledged it until then; with a
//! server that answers, nothing touches the disk. What is on disk survives the process, and a power cut once it is synced,
//! which the output does once a second: a power cut loses the records of the last two seconds. If the space is full, the oldest
//! records go first. Records are sent in order and stay until they are acknowledged.

mod disk;

pub use disk::DiskError;

use disk::{Disk, Position};
use std::{
    collections::VecDeque,
    env,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A record that is this old is written to disk.
const SETTLE_AFTER: Duration = Duration::from_secs(1);
/// Records that may wait in memory until they are written to disk ...
const FRESH_RECORDS: usize = 1000;
/// ... and their bytes if the disk cannot be written.
const FRESH_BYTES: u64 = 4 << 20;
/// Between two attempts to open a spool that cannot be used.
const OPEN_EVERY: Duration = Duration::from_secs(10);

/// A message to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// The topic; it contains no space.
    pub topic: String,
    /// The event, on one line.
    pub json: String,
}

impl Record {
    /// The line of a spool's file.
    fn line(&self) -> String {
        let text = format!("{} {} {}", u8::from(self.retain), self.topic, self.json);
        format!("{:08x} {text}\n", crc32c::crc32c(text.as_bytes()))
    }

    /// Reads a line; `None` if it is damaged.
    fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let (checksum, text) = line.split_once(' ')?;
        if u32::from_str_radix(checksum, 16).ok()? != crc32c::crc32c(text.as_bytes()) {
            return None;
        }
        let (retain, text) = text.split_once(' ')?;
        let (topic, json) = text.split_once(' ')?;
        Some(Self { retain: retain == "1", topic: topic.to_owned(), json: json.to_owned() })
    }
}

/// A record in memory, and since when.
struct Fresh {
    record: Record,
    since: Instant,
}

/// A record that was sent and is not acknowledged.
struct Sent {
    record: Record,
    since: Instant,
    /// The place after it, if it is on disk.
    position: Option<Position>,
}

/// The queue of an output: first what was sent, then what is on disk, then what is in memory only.
pub struct Spool {
    /// The folder, and the space in it in bytes; none if nothing may be written.
    place: Option<(PathBuf, u64)>,
    disk: Option<Disk>,
    next_opening: Instant,
    sent: VecDeque<Sent>,
    fresh: VecDeque<Fresh>,
    fresh_bytes: u64,
    dropped: u64,
}

impl Spool {
    /// A spool in `folder` for `limit` bytes; with 0, only in memory.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self {
            place: (limit > 0).then_some((folder, limit)),
            disk: None,
            next_opening: Instant::now(),
            sent: VecDeque::new(),
            fresh: VecDeque::new(),
            fresh_bytes: 0,
            dropped: 0,
        }
    }

    /// Opens the files if they are not open and the last attempt was a while ago. Records must not be under way.
    ///
    /// # Errors
    /// When they cannot be used; records wait in memory then.
    pub fn open(&mut self) -> Result<(), DiskError> {
        let Some((folder, limit)) = &self.place else { return Ok(()) };
        if self.disk.is_none() && self.sent.is_empty() && Instant::now() >= self.next_opening {
            self.next_opening = Instant::now() + OPEN_EVERY;
            self.disk = Some(Disk::open(folder, *limit)?);
        }
        Ok(())
    }

    /// Adds a record at the end.
    pub fn push(&mut self, record: Record) {
        self.fresh_bytes += record.json.len() as u64;
        self.fresh.push_back(Fresh { record, since: Instant::now() });
        while self.fresh_bytes > FRESH_BYTES {
            self.drop_fresh();
        }
    }

    fn drop_fresh(&mut self) {
        if let Some(Fresh { record, .. }) = self.fresh.pop_front() {
            self.fresh_bytes -= record.json.len() as u64;
            self.dropped += 1;
        }
    }

    /// The next record to be sent; it is under way then.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn take_next(&mut self) -> Result<Option<Record>, DiskError> {
        let unsent = self.disk.as_mut().filter(|disk| disk.unread() > 0);
        let (record, since, position) = match unsent.map(Disk::next).transpose() {
            Ok(Some(Some((record, position)))) => (record, Instant::now(), Some(position)),
            Ok(_) => match self.fresh.pop_front() {
                Some(Fresh { record, since }) => {
                    self.fresh_bytes -= record.json.len() as u64;
                    (record, since, None)
                }
                None => return Ok(None),
            },
            Err(error) => {
                self.dropped += self.disk.as_mut().map_or(0, Disk::give_up);
                return Err(self.failed(error));
            }
        };
        self.sent.push_back(Sent { record: record.clone(), since, position });
        Ok(Some(record))
    }

    /// The oldest record that is under way was delivered, or is given up.
    pub fn acknowledge(&mut self) {
        let position = self.sent.pop_front().and_then(|sent| sent.position);
        if let (Some(position), Some(disk)) = (position, &mut self.disk) {
            disk.acknowledge(position);
        }
    }

    /// The connection is lost: what was under way is sent again.
    pub fn rewind(&mut self) {
        let on_disk: Vec<Position> = self.sent.iter().filter_map(|sent| sent.position).collect();
        if let Some(disk) = &mut self.disk {
            self.dropped += on_disk.len() as u64 - disk.rewind(on_disk.into_iter());
        }
        while let Some(Sent { record, since, position }) = self.sent.pop_back() {
            if position.is_none() {
                self.fresh_bytes += record.json.len() as u64;
                self.fresh.push_front(Fresh { record, since });
            }
        }
    }

    /// Writes records that have waited for a second to disk. With `all`, also younger ones. Returns the files that must
    /// be synced then.
    ///
    /// # Errors
    /// When the disk cannot be written; the records stay in memory then.
    pub fn settle(&mut self, all: bool) -> Result<Vec<File>, DiskError> {
        let under_way = self.sent.iter().filter(|sent| sent.position.is_none()).map(|sent| sent.since);
        let oldest = under_way.chain(self.fresh.iter().map(|fresh| fresh.since)).next();
        let is_due = |since: Instant| since.elapsed() >= SETTLE_AFTER;
        let is_due = all || oldest.is_some_and(is_due) || self.fresh.len() > FRESH_RECORDS;
        let Some(disk) = &mut self.disk else { return Ok(Vec::new()) };
        let mut outcome = Ok(());
        if is_due {
            outcome = write(disk, &mut self.sent, &mut self.fresh, &mut self.dropped);
            self.fresh_bytes = self.fresh.iter().map(|fresh| fresh.record.json.len() as u64).sum();
        }
        outcome
            .and_then(|()| disk.save_position())
            .and_then(|()| disk.take_unsynced())
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> DiskError {
        let folder = self.place.as_ref().map(|(folder, _)| folder.clone()).unwrap_or_default();
        DiskError::Io(folder, error)
    }

    /// Records that are not delivered.
    pub fn len(&self) -> u64 {
        self.sent.len() as u64 + self.unsent()
    }

    /// Whether everything is delivered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records that are not under way.
    pub fn unsent(&self) -> u64 {
        self.disk.as_ref().map_or(0, Disk::unread) + self.fresh.len() as u64
    }

    /// Records that are under way.
    pub fn under_way(&self) -> usize {
        self.sent.len()
    }

    /// The undelivered records that would be lost with the process.
    pub fn in_memory(&self) -> usize {
        self.fresh.len() + self.sent.iter().filter(|sent| sent.position.is_none()).count()
    }

    /// Whether a record for `topic` is not delivered that is in memory or under way, or there are records on disk.
    pub fn may_hold(&self, topic: &str) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.unread() > 0)
            || self.sent.iter().any(|sent| sent.record.topic == topic)
            || self.fresh.iter().any(|fresh| fresh.record.topic == topic)
    }

    /// Records that were lost because the space was full.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Appends what is only in memory, in order: first what is under way, which is then not read again.
fn write(
    disk: &mut Disk,
    sent: &mut VecDeque<Sent>,
    fresh: &mut VecDeque<Fresh>,
    dropped: &mut u64,
) -> io::Result<()> {
    for sent in sent.iter_mut().filter(|sent| sent.position.is_none()) {
        *dropped += disk.append(&sent.record)?;
        sent.position = disk.skip()?;
    }
    while let Some(Fresh { record, .. }) = fresh.front() {
        *dropped += disk.append(record)?;
        fresh.pop_front();
    }
    Ok(())
}

/// The folder for spools: the service's, or the user's.
pub fn default_folder() -> PathBuf {
    let service = env::var_os("STATE_DIRECTORY").and_then(|folders| env::split_paths(&folders).next());
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    let user = || env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    service.or_else(|| user().map(|state| state.join("emotiond"))).unwrap_or_else(env::temp_dir).join("spool")
}

#[cfg(test)]
mod tests;
