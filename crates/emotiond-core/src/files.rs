//! Files that are written whole or not at all, and files that may be gzipped.

use flate2::bufread::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    path::Path,
};

/// Replaces the file at `path` by `bytes`: writes a temporary file beside it and renames it. A symbolic link at `path` is
/// replaced too; what it points to stays as it is. A device or a pipe is written to directly.
///
/// # Errors
/// When the folder cannot be written or the disk is full. The old file, if there was one, is still there then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, false)
}

/// Like [`replace`], and returns once the file is on the disk: for what must survive a power cut.
///
/// # Errors
/// As [`replace`].
pub fn replace_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, true)
}

fn replace_with(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let is_special = |found: fs::Metadata| !(found.is_file() || found.is_dir() || found.is_symlink());
    if fs::symlink_metadata(path).is_ok_and(is_special) {
        return fs::write(path, bytes);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // The umask applies to these permissions, as to those of any new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut part = builder.prefix(".emotiond-").suffix(".part").tempfile_in(folder)?;
    part.write_all(bytes)?;
    if sync {
        part.as_file().sync_all()?;
    }
    part.persist(path)?;
    // The rename is safe once the folder is on the disk. Windows has no such call.
    if sync && cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Creates the file at `path`, or empties it. A symbolic link at `path` is replaced, never followed.
///
/// # Errors
/// When it cannot be written.
pub fn create(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(path)?;
    }
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    options.write(true).create(true).truncate(true).open(path)
}

/// Opens the regular file at `path`, which has at most `most` bytes. Links may lead to devices, which have no end, and to
/// named pipes, which wait for a writer; a sparse file costs nothing but the memory.
///
/// # Errors
/// When the file cannot be opened, is no regular file or is longer.
pub fn open_regular(path: &Path, most: u64) -> io::Result<File> {
    let mut options = File::options();
    // For regular files, this flag has no effect.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.read(true).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is no regular file"));
    }
    if found.len() > most {
        let text =
            format!("it has {} MB; a file of this kind has at most {} MB", found.len() >> 20, most >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok(file)
}

/// Appends the bytes of such a file to `bytes`.
///
/// # Errors
/// When the file cannot be read, is no regular file or is longer.
pub fn read_regular(path: &Path, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    // It may grow meanwhile.
    open_regular(path, most)?.take(most).read_to_end(bytes).map(drop)
}

/// The bytes of the file at `path`, which has at most `most` bytes. What has no end, such as `/dev/zero`, is not read
/// further.
///
/// # Errors
/// When the file cannot be read or is longer.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("it has more than {most} bytes: it is not the file that is wanted here");
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The text of such a file.
///
/// # Errors
/// When the file cannot be read, is longer, or is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read_at_most(path, most)?).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let text = format!("line {line} is not UTF-8: save the file as UTF-8");
        io::Error::new(ErrorKind::InvalidData, text)
    })
}

/// Whether one of the functions above refused the file or what it holds, and the system did not fail.
pub fn is_refused(error: &io::Error) -> bool {
    [ErrorKind::FileTooLarge, ErrorKind::InvalidData].contains(&error.kind())
}

/// The bytes of `input`, decompressed if they are gzipped.
///
/// # Errors
/// When the input cannot be read.
pub fn decompress<'a>(input: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    const BUFFER_BYTES: usize = 1 << 18;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let gzipped = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzipped {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        replace(&file, b"first").unwrap();
        replace_synced(&file, b"second").unwrap();
        assert_eq!(
            (fs::read(&file).unwrap(), names(folder.path())),
            (b"second".to_vec(), vec!["report.html".into()])
        );
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o700, 0o600);
    }

    #[test]
    fn a_link_is_replaced_and_its_target_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "kept").unwrap();
        symlink(&target, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(
            (fs::read(&target).unwrap(), fs::read(&link).unwrap()),
            (b"kept".to_vec(), b"new".to_vec())
        );
    }

    #[test]
    fn a_created_file_replaces_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "kept").unwrap();
        symlink(&target, &link).unwrap();
        create(&link).unwrap().write_all(b"new").unwrap();
        assert_eq!(
            (fs::read(&target).unwrap(), fs::read(&link).unwrap()),
            (b"kept".to_vec(), b"new".to_vec())
        );
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_its_text_is_utf_8() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text");
        fs::write(&file, "four").unwrap();
        assert_eq!(read_text(&file, 4).unwrap(), "four");
        for endless in [&file, Path::new("/dev/zero")] {
            assert_eq!(read_at_most(endless, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
        }
        fs::write(&file, b"one\ntwo\xff\n").unwrap();
        let error = read_text(&file, 100).unwrap_err();
        assert!(error.to_string().starts_with("line 2 is not UTF-8"), "{error}");
    }

    #[test]
    fn only_a_regular_file_that_is_not_too_long_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, sparse, zero) =
            (folder.path().join("file"), folder.path().join("sparse"), folder.path().join("zero"));
        fs::write(&file, "four").unwrap();
        File::create(&sparse).unwrap().set_len(10 << 30).unwrap();
        symlink("/dev/zero", &zero).unwrap();
        let mut bytes = Vec::new();
        read_regular(&file, 4, &mut bytes).unwrap();
        assert_eq!(bytes, b"four");
        for (path, wanted) in [
            (&sparse, "it has 10240 MB; a file of this kind has at most 1 MB"),
            (&zero, "it is no regular file"),
            (&folder.path().to_owned(), "it is no regular file"),
        ] {
            let error = read_regular(path, 1 << 20, &mut bytes).unwrap_err();
            assert!(is_refused(&error) && error.to_string() == wanted, "{error}");
        }
        assert_eq!(open_regular(&folder.path().join("none"), 1).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        assert!(replace(&taken, b"x").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        assert_eq!(replace(Path::new("/dev/full"), b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
