use super::*;
use std::{fs, io::Write};

fn record(number: usize) -> Record {
    Record {
        retain: number.is_multiple_of(2),
        topic: "a/b/audience".to_owned(),
        json: format!("{{\"n\":{number}}}"),
    }
}

fn open(folder: &Path, limit: u64) -> Spool {
    let mut spool = Spool::new(folder.to_owned(), limit);
    spool.open().unwrap();
    spool
}

/// Takes all records, and delivers them.
fn drain(spool: &mut Spool) -> Vec<Record> {
    let mut taken = Vec::new();
    while let Some(record) = spool.take_next().unwrap() {
        taken.push(record);
        spool.acknowledge();
    }
    taken
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files
}

#[test]
fn records_leave_in_order_whatever_the_connection_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    let mut delivered = Vec::new();
    // A fixed mix of pushes, sends, losses, settling and restarts.
    let mut chance = 7u64;
    for number in 0..3000 {
        spool.push(record(number));
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match (chance >> 33) % 8 {
            0 | 1 => _ = spool.settle(true).unwrap(),
            2 => spool.rewind(),
            3 if (chance >> 40).is_multiple_of(16) => {
                spool.rewind();
                spool.settle(true).unwrap();
                drop(spool);
                spool = open(folder.path(), 1 << 20);
            }
            4..6 => {
                for _ in 0..4 {
                    spool.take_next().unwrap();
                }
            }
            _ => {
                for _ in 0..spool.under_way().min(3) {
                    delivered.push(spool.sent[0].record.clone());
                    spool.acknowledge();
                }
            }
        }
    }
    spool.rewind();
    delivered.extend(drain(&mut spool));
    assert_eq!(delivered, (0..3000).map(record).collect::<Vec<_>>());
    assert_eq!((spool.len(), spool.dropped(), files(folder.path()).len()), (0, 0, 0));
}

#[test]
fn a_full_spool_loses_the_oldest_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 16_000);
    for number in 0..2000 {
        spool.push(record(number));
    }
    spool.settle(true).unwrap();
    let bytes: u64 = files(folder.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!((14_000..=16_000).contains(&bytes), "{bytes}");
    let kept = spool.len() as usize;
    assert_eq!(spool.dropped() as usize + kept, 2000);
    assert_eq!(drain(&mut spool), (2000 - kept..2000).map(record).collect::<Vec<_>>());
}

#[test]
fn what_a_power_cut_leaves_is_read_up_to_the_torn_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    for number in 0..10 {
        spool.push(record(number));
    }
    spool.settle(true).unwrap();
    for _ in 0..4 {
        spool.take_next().unwrap();
        spool.acknowledge();
    }
    spool.settle(true).unwrap();
    drop(spool);
    let file = files(folder.path()).pop().unwrap();
    let bytes = fs::read(&file).unwrap();
    let line = bytes.len() / 10;
    let mut torn = bytes[..bytes.len() - 5].to_vec();
    torn[line * 6 + 12] ^= 1;
    fs::write(&file, torn).unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    spool.push(record(10));
    assert_eq!(drain(&mut spool), [4, 5, 7, 8, 10].map(record));
    drop(spool);
    // A position that cannot be read sends again what is there.
    let mut spool = open(folder.path(), 1 << 20);
    spool.push(record(11));
    spool.settle(true).unwrap();
    drop(spool);
    fs::File::create(folder.path().join("position")).unwrap().write_all(b"x").unwrap();
    assert_eq!(drain(&mut open(folder.path(), 1 << 20)), [record(11)]);
}

#[test]
fn two_processes_do_not_share_a_spool() {
    let folder = tempfile::tempdir().unwrap();
    let _one = open(folder.path(), 1 << 20);
    let mut other = Spool::new(folder.path().to_owned(), 1 << 20);
    assert!(matches!(other.open(), Err(DiskError::Locked(_))));
    other.push(record(1));
    other.settle(true).unwrap();
    assert_eq!(drain(&mut other), [record(1)]);
}
