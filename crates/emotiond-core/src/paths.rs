//! The folders in which models and the ONNX Runtime library are searched, and what installs them.

use std::{
    borrow::Cow,
    env,
    ffi::OsStr,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// What the file name of ONNX Runtime's library begins with; on Linux, its version follows.
const RUNTIME_LIBRARY: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime."
} else {
    "libonnxruntime.so"
};

/// Folders that may contain `models/` and `runtime/`, in order of precedence: `$EMOTIOND_DATA_DIR`, the folder of the
/// program (a checkout, or `PREFIX/share/emotiond` and `PREFIX/lib/emotiond` for a program in `PREFIX/bin`), the user's
/// data folder, the system's.
pub fn data_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = env::var_os("EMOTIOND_DATA_DIR").iter().flat_map(env::split_paths).collect();
    if let Some(bin) = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)) {
        // In target/release/emotiond and target/debug/deps/test, the checkout is two or three folders above the
        // program's folder.
        dirs.extend(
            bin.ancestors().skip(1).take(3).filter(|dir| dir.join("models").is_dir()).map(Path::to_owned),
        );
        let below = |prefix: &Path| ["share/emotiond", "lib/emotiond"].map(|dir| prefix.join(dir));
        dirs.extend(bin.parent().into_iter().flat_map(below));
    }
    let home = env::home_dir().map(|home| home.join(".local/share"));
    dirs.extend(env::var_os("XDG_DATA_HOME").map(PathBuf::from).or(home).map(|data| data.join("emotiond")));
    dirs.extend(["/usr/local/share/emotiond", "/usr/share/emotiond"].map(PathBuf::from));
    dirs
}

/// The first of `names` that exists in one of the `models` folders.
pub fn find_model(names: &[&str]) -> Option<PathBuf> {
    let dirs = data_dirs();
    names
        .iter()
        .find_map(|name| dirs.iter().map(|dir| dir.join("models").join(name)).find(|file| file.is_file()))
}

/// The ONNX Runtime libraries of one kind (`cpu`, `cuda`, `openvino`), in the order of the folders.
pub fn find_runtimes(kind: &str) -> Vec<PathBuf> {
    data_dirs().iter().filter_map(|dir| library_in(&dir.join("runtime").join(kind))).collect()
}

/// The command that installs ONNX Runtime for the processor: a package contains it, a checkout has a script.
pub fn runtime_installer() -> &'static str {
    if is_packaged() { "apt install --reinstall emotiond" } else { "scripts/setup" }
}

/// What installs ONNX Runtime for an accelerator, of the kind `cuda` or `openvino`.
pub fn accelerator_remedy(kind: &str) -> String {
    if is_packaged() {
        let wheel = if kind == "cuda" { "gpu" } else { kind };
        format!(
            "put the libraries of the PyPI package onnxruntime-{wheel} into /usr/local/share/emotiond/runtime/{kind}"
        )
    } else {
        format!("run `scripts/setup --runtime {kind}`")
    }
}

/// What installs the best face detector.
pub fn detector_remedy() -> &'static str {
    if is_packaged() {
        "put YuNet, face_detection_yunet_2023mar.onnx, into /usr/local/share/emotiond/models"
    } else {
        "`scripts/fetch-models` installs yunet"
    }
}

/// Whether the program comes from a Debian package, which has no `scripts/`.
fn is_packaged() -> bool {
    env::current_exe().is_ok_and(|exe| exe.starts_with("/usr/bin"))
}

/// The library in a folder; if there are several versions, the last by name.
fn library_in(dir: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(RUNTIME_LIBRARY))
        })
        .collect();
    found.sort();
    found.pop()
}

/// The name of a file for people and events. Bytes that are no UTF-8 are written as `\xE9`, so that different names stay
/// different.
pub fn shown(name: &(impl AsRef<OsStr> + ?Sized)) -> Cow<'_, str> {
    let name = name.as_ref();
    if let Some(text) = name.to_str() {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn names_that_are_no_text_stay_apart() {
        let shown_of = |bytes: &'static [u8]| shown(OsStr::from_bytes(bytes));
        assert_eq!(
            (shown_of(b"caf\xE9.jpg"), shown_of(b"caf\xEA.jpg")),
            ("caf\\xE9.jpg".into(), "caf\\xEA.jpg".into())
        );
        assert_eq!(shown_of("café\n".as_bytes()), "café\n");
    }
}
