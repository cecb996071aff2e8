//! liblsl, loaded at run time. Its C interface is documented in `lsl_c.h` of liblsl 1.16 and later.

#![expect(unsafe_code, reason = "liblsl is a C library")]

use jiff::Timestamp;
use libloading::Symbol;
use std::{
    env,
    ffi::{CString, c_char, c_double, c_float, c_int, c_void},
    path::{Path, PathBuf},
    ptr::NonNull,
    sync::Arc,
};
use thiserror::Error;

/// The names of the library in folders and for the system's loader.
const NAMES: [&str; 2] = ["liblsl.so.2", "liblsl.so"];
/// `cft_float32` and `cft_string`.
const FLOAT32: c_int = 1;
const STRING: c_int = 3;
/// A stream without a constant rate.
const IRREGULAR: c_double = 0.0;
/// Seconds of samples that are kept for a receiver that does not read.
const BUFFER_S: c_int = 360;
/// Warnings and errors only: liblsl writes to stderr.
const QUIET: &str = "[log]\nlevel = -1\n";

/// Why a stream cannot be offered.
#[derive(Debug, Error)]
pub enum LslError {
    /// There is no library.
    #[error(
        "liblsl is not installed: run `scripts/setup --lsl`, or install liblsl 1.16 or later; looked in {0}"
    )]
    Missing(String),
    /// The library is not usable.
    #[error("{0} cannot be used: {1}; run `scripts/setup --lsl`, or install liblsl 1.16 or later")]
    Unusable(PathBuf, libloading::Error),
    /// The library refuses a stream.
    #[error("liblsl cannot offer the stream {0}; check the network's interfaces and lsl_api.cfg")]
    Refused(String),
}

type Handle = *mut c_void;

/// The loaded library.
pub struct Library {
    create_info:
        unsafe extern "C" fn(*const c_char, *const c_char, c_int, c_double, c_int, *const c_char) -> Handle,
    destroy_info: unsafe extern "C" fn(Handle),
    description: unsafe extern "C" fn(Handle) -> Handle,
    append: unsafe extern "C" fn(Handle, *const c_char) -> Handle,
    append_value: unsafe extern "C" fn(Handle, *const c_char, *const c_char) -> Handle,
    create_outlet: unsafe extern "C" fn(Handle, c_int, c_int) -> Handle,
    destroy_outlet: unsafe extern "C" fn(Handle),
    push_numbers: unsafe extern "C" fn(Handle, *const c_float, c_double) -> c_int,
    push_texts: unsafe extern "C" fn(Handle, *const *const c_char, c_double) -> c_int,
    clock: unsafe extern "C" fn() -> c_double,
    /// Last, so that it is unloaded after the functions are gone.
    _library: libloading::Library,
}

impl Library {
    /// Loads the library from the folder `runtime/lsl` of a data folder, or from where the system finds it.
    ///
    /// # Errors
    /// When there is none, or it lacks a function.
    pub fn load(data_dirs: &[PathBuf]) -> Result<Arc<Self>, LslError> {
        let folders: Vec<PathBuf> = data_dirs.iter().map(|dir| dir.join("runtime/lsl")).collect();
        let files = || folders.iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
        let installed = files().find(|file| file.is_file());
        if let Some(file) = installed {
            return Self::open(&file).map(Arc::new).map_err(|error| LslError::Unusable(file, error));
        }
        for name in NAMES {
            if let Ok(library) = Self::open(Path::new(name)) {
                return Ok(Arc::new(library));
            }
        }
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        Err(LslError::Missing(folders.join(", ")))
    }

    fn open(file: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: liblsl's initialisers only set up its own state.
        let library = unsafe { libloading::Library::new(file)? };
        // SAFETY: the types are those of lsl_c.h.
        unsafe {
            let configure: Result<Symbol<unsafe extern "C" fn(*const c_char)>, _> =
                library.get(b"lsl_set_config_content\0");
            if let (Ok(configure), false, Ok(content)) = (configure, has_own_settings(), CString::new(QUIET))
            {
                configure(content.as_ptr());
            }
            Ok(Self {
                create_info: *library.get(b"lsl_create_streaminfo\0")?,
                destroy_info: *library.get(b"lsl_destroy_streaminfo\0")?,
                description: *library.get(b"lsl_get_desc\0")?,
                append: *library.get(b"lsl_append_child\0")?,
                append_value: *library.get(b"lsl_append_child_value\0")?,
                create_outlet: *library.get(b"lsl_create_outlet\0")?,
                destroy_outlet: *library.get(b"lsl_destroy_outlet\0")?,
                push_numbers: *library.get(b"lsl_push_sample_ft\0")?,
                push_texts: *library.get(b"lsl_push_sample_strt\0")?,
                clock: *library.get(b"lsl_local_clock\0")?,
                _library: library,
            })
        }
    }

    /// A time on the library's clock, in seconds: now, less the age.
    fn stamp(&self, time: Timestamp) -> f64 {
        // SAFETY: the function has no preconditions.
        let now = unsafe { (self.clock)() };
        now - Timestamp::now().duration_since(time).as_secs_f64()
    }
}

/// Whether somebody has configured liblsl, by a file in one of the places where it looks.
fn has_own_settings() -> bool {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join("lsl_api/lsl_api.cfg"));
    let files = ["lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg"].map(PathBuf::from);
    env::var_os("LSLAPICFG").is_some() || files.into_iter().chain(home).any(|file| file.exists())
}

/// What receivers are told of a stream.
pub struct StreamInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind, such as `Markers`.
    pub kind: &'a str,
    /// Stays the same when the program is started again, so that receivers find the stream again.
    pub id: &'a str,
    /// Label and unit of each channel.
    pub channels: &'a [(String, &'static str)],
    /// Whether samples are texts, not numbers.
    pub is_text: bool,
}

/// A stream that receivers find. Dropping it ends it.
pub struct Stream {
    library: Arc<Library>,
    outlet: NonNull<c_void>,
    channels: usize,
    is_text: bool,
}

// SAFETY: liblsl allows calls of an outlet from any thread.
unsafe impl Send for Stream {}

impl Stream {
    /// Offers a stream.
    ///
    /// # Errors
    /// When liblsl refuses it.
    pub fn offer(library: &Arc<Library>, info: &StreamInfo) -> Result<Self, LslError> {
        let refused = || LslError::Refused(info.name.to_owned());
        let format = if info.is_text { STRING } else { FLOAT32 };
        let count = c_int::try_from(info.channels.len()).map_err(|_| refused())?;
        let (name, kind, id) = (text(info.name), text(info.kind), text(info.id));
        // SAFETY: the texts outlive the call, which copies them.
        let handle = unsafe {
            (library.create_info)(name.as_ptr(), kind.as_ptr(), count, IRREGULAR, format, id.as_ptr())
        };
        let handle = NonNull::new(handle).ok_or_else(refused)?;
        library.describe(handle, info.channels);
        // SAFETY: the handle is valid; the outlet copies what it describes, so that it is destroyed once, here.
        let outlet = unsafe {
            let outlet = (library.create_outlet)(handle.as_ptr(), 0, BUFFER_S);
            (library.destroy_info)(handle.as_ptr());
            outlet
        };
        let outlet = NonNull::new(outlet).ok_or_else(refused)?;
        Ok(Self {
            library: Arc::clone(library),
            outlet,
            channels: info.channels.len(),
            is_text: info.is_text,
        })
    }

    /// Sends one number for each channel, measured at `time`.
    pub fn push(&self, values: &[f32], time: Timestamp) {
        assert!(!self.is_text && values.len() == self.channels, "a sample has one number for each channel");
        let stamp = self.library.stamp(time);
        // SAFETY: the outlet is valid and reads as many floats as it has channels.
        unsafe { (self.library.push_numbers)(self.outlet.as_ptr(), values.as_ptr(), stamp) };
    }

    /// Sends a text of a stream with one channel, set at `time`.
    pub fn push_text(&self, value: &str, time: Timestamp) {
        assert!(self.is_text && self.channels == 1, "the stream has one channel of texts");
        let value = text(value);
        let (values, stamp) = ([value.as_ptr()], self.library.stamp(time));
        // SAFETY: the outlet is valid and reads one text for its only channel.
        unsafe { (self.library.push_texts)(self.outlet.as_ptr(), values.as_ptr(), stamp) };
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the outlet is valid and is not used afterwards.
        unsafe { (self.library.destroy_outlet)(self.outlet.as_ptr()) };
    }
}

impl Library {
    /// Adds label and unit of each channel to a description, as the XDF format names them.
    fn describe(&self, info: NonNull<c_void>, channels: &[(String, &'static str)]) {
        // SAFETY: the handle is valid, the parts belong to it, and texts outlive the calls, which copy them.
        unsafe {
            let list = (self.append)((self.description)(info.as_ptr()), c"channels".as_ptr());
            for (label, unit) in channels {
                let channel = (self.append)(list, c"channel".as_ptr());
                (self.append_value)(channel, c"label".as_ptr(), text(label).as_ptr());
                (self.append_value)(channel, c"unit".as_ptr(), text(unit).as_ptr());
            }
        }
    }
}

/// A text for C, up to its first zero byte.
fn text(text: &str) -> CString {
    let upto = text.split('\0').next().unwrap_or_default();
    CString::new(upto).expect("it has no zero byte")
}
