//! The settings of the outputs, and what can be wrong with them.

use crate::config::Config;
use emotiond_core::exit::{Exit, ExitsWith};
use emotiond_send::{
    address::{Address, AddressError, without_password},
    event::Kind,
    settings::{OutputConfig, Settings},
};
use std::{fs::File, io, io::Read, path::Path, path::PathBuf};
use thiserror::Error;

/// Why the outputs cannot be used.
#[derive(Debug, Error)]
pub enum OutputsError {
    /// The address of an output is wrong.
    #[error("the address of an [[output]] is wrong: {0}")]
    Address(#[from] AddressError),
    /// A certificate without its key, or a key without its certificate.
    #[error("the output {0} has only one of `cert` and `key`: give both, or none")]
    HalfCertificate(String),
    /// An output that sends nothing.
    #[error("the output {0} has no `events`: name at least one of source, audience, face and marker")]
    NoEvents(String),
    /// A key of another protocol.
    #[error("the output {output} has no use for `{key}`: remove it, or check the address")]
    ForeignKey {
        /// The output.
        output: String,
        /// The key.
        key: &'static str,
    },
    /// Anybody could use the server.
    #[error(
        "[http] listens on {0}, which other machines can reach, without a token: set `token_file`, or listen on 127.0.0.1"
    )]
    NoToken(std::net::SocketAddr),
    /// A file cannot be read.
    #[error("{path}, the `{key}` of {whose}, cannot be read: {error}; check its name and permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// The key that names it.
        key: &'static str,
        /// The output or section.
        whose: String,
        /// The system's error.
        error: io::Error,
    },
    /// The thread cannot be started.
    #[error("the thread of the outputs cannot be started: {0}")]
    Thread(io::Error),
}

impl ExitsWith for OutputsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Thread(_) => Exit::Software,
            _ => Exit::Config,
        }
    }
}

/// The settings of the sender; `None` if nothing is to be sent or served.
pub(super) fn of(config: &Config) -> Option<Settings> {
    let Config { device, outputs, http, .. } = config;
    let is_wanted = !outputs.is_empty() || http.is_some();
    let mut outputs = outputs.clone();
    if !config.privacy.tells_faces() {
        outputs.iter_mut().for_each(tell_audience_only);
    }
    is_wanted.then(|| Settings { device: device.clone(), outputs, http: http.clone() })
}

/// OSC and LSL make figures of faces if they expect them; there are no lines of faces, so they get those of the audience.
fn tell_audience_only(output: &mut OutputConfig) {
    let makes_figures = matches!(output.uri.parse(), Ok(Address::Osc(_) | Address::Lsl));
    let mut kinds = output.kinds();
    if makes_figures && kinds.contains(&Kind::Face) {
        kinds.retain(|kind| !matches!(kind, Kind::Face | Kind::Audience));
        kinds.push(Kind::Audience);
        output.events = Some(kinds);
    }
}

/// Whether somebody wants `face` lines.
pub(super) fn wants_faces(settings: &Settings) -> bool {
    // Home Assistant gets an event when a face appears or leaves.
    let wants = |output: &OutputConfig| output.home_assistant || output.kinds().contains(&Kind::Face);
    settings.http.is_some() || settings.outputs.iter().any(wants)
}

/// Checks the settings themselves, not the files that they name.
///
/// # Errors
/// When one is wrong.
pub fn check(config: &Config) -> Result<(), OutputsError> {
    of(config).map_or(Ok(()), |settings| check_settings(&settings))
}

/// The same for settings that are put together elsewhere.
///
/// # Errors
/// When one is wrong.
pub fn check_settings(settings: &Settings) -> Result<(), OutputsError> {
    settings.outputs.iter().try_for_each(check_output)?;
    match &settings.http {
        Some(http) if http.is_unprotected() => Err(OutputsError::NoToken(http.listen)),
        _ => Ok(()),
    }
}

fn check_output(output: &OutputConfig) -> Result<(), OutputsError> {
    let shown = || without_password(&output.uri);
    output.uri.parse::<Address>()?;
    if let Some(key) = output.foreign_key() {
        return Err(OutputsError::ForeignKey { output: shown(), key });
    }
    if output.cert.is_some() != output.key.is_some() {
        return Err(OutputsError::HalfCertificate(shown()));
    }
    if output.kinds().is_empty() {
        return Err(OutputsError::NoEvents(shown()));
    }
    Ok(())
}

/// Checks that the files of an output can be read.
///
/// # Errors
/// When one cannot be read.
pub fn check_files(config: &Config) -> Result<(), OutputsError> {
    for output in &config.outputs {
        let whose = || format!("the output {}", without_password(&output.uri));
        check_file(output.password_file.as_deref(), "password_file", whose)?;
        check_file(output.ca.as_deref(), "ca", whose)?;
        check_file(output.cert.as_deref(), "cert", whose)?;
        check_file(output.key.as_deref(), "key", whose)?;
    }
    let token = config.http.as_ref().and_then(|http| http.token_file.as_deref());
    check_file(token, "token_file", || "[http]".to_owned())
}

fn check_file(
    path: Option<&Path>,
    key: &'static str,
    whose: impl Fn() -> String,
) -> Result<(), OutputsError> {
    let Some(path) = path else { return Ok(()) };
    let not_empty = |read: usize| {
        if read > 0 { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")) }
    };
    let outcome = File::open(path).and_then(|mut file| file.read(&mut [0])).and_then(not_empty);
    outcome.map_err(|error| OutputsError::File { path: path.to_owned(), key, whose: whose(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> (Config, Settings) {
        let config: Config = toml::from_str(text).unwrap();
        let settings = of(&config).unwrap();
        (config, settings)
    }

    #[test]
    fn wrong_settings_are_refused() {
        for (text, reason) in [
            ("[[output]]\nuri = \"broker\"", "mqtts://, osc:// or lsl:"),
            ("[[output]]\nuri = \"mqtt://me@\"", "no address"),
            ("[[output]]\nuri = \"http://me:secret@broker\"", "mqtts://, osc:// or lsl:"),
            ("[[output]]\nuri = \"osc://127.0.0.1\"", "osc://HOST:PORT"),
            ("[[output]]\nuri = \"osc://127.0.0.1:9000\"\nspool_mb = 1", "no use for `spool_mb`"),
            ("[[output]]\nuri = \"lsl:\"\nlisten = 9001", "no use for `listen`"),
            ("[[output]]\nuri = \"mqtt://broker\"\nlisten = \"0.0.0.0:9001\"", "no use for `listen`"),
            ("[[output]]\nuri = \"mqtts://broker\"\ncert = \"a.pem\"", "`cert` and `key`"),
            ("[[output]]\nuri = \"mqtts://broker\"\nevents = []", "`events`"),
            ("[http]\nlisten = \"0.0.0.0:80\"", "without a token"),
            ("[http]\nlisten = \"[::]:80\"", "without a token"),
        ] {
            let error = check(&settings(text).0).unwrap_err();
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(!error.to_string().contains("secret") && error.exit() == Exit::Config);
        }
        let (config, _) = settings(
            "[[output]]\nuri = \"mqtt://u:p@broker\"\npassword_file = \"/none\"\n[http]\nlisten = \"[::1]:80\"",
        );
        check(&config).unwrap();
        let error = check_files(&config).unwrap_err().to_string();
        assert!(error.contains("/none, the `password_file` of the output mqtt://u@broker"), "{error}");
    }

    #[test]
    fn where_faces_are_private_osc_and_lsl_tell_of_the_audience() {
        let (_, settings) = settings(
            "[privacy]\nmode = \"aggregate\"\n[[output]]\nuri = \"lsl:\"\n[[output]]\nuri = \"osc://a:1\"\nevents = [\"marker\"]",
        );
        assert_eq!(settings.outputs[0].kinds(), [Kind::Marker, Kind::Audience]);
        assert_eq!(settings.outputs[1].kinds(), [Kind::Marker]);
        assert!(!wants_faces(&settings));
    }

    #[test]
    fn faces_are_only_copied_if_somebody_wants_them() {
        let wants = |text: &str| wants_faces(&settings(text).1);
        assert!(!wants("[[output]]\nuri = \"mqtt://a\""));
        assert!(wants("[[output]]\nuri = \"mqtt://a\"\n[[output]]\nuri = \"mqtt://b\"\nevents = [\"face\"]"));
        assert!(wants("[[output]]\nuri = \"osc://127.0.0.1:9000\"") && wants("[[output]]\nuri = \"lsl:\""));
        assert!(wants("[[output]]\nuri = \"mqtt://a\"\nhome_assistant = true"));
        assert!(wants("[http]\nlisten = \"127.0.0.1:80\""));
    }
}
