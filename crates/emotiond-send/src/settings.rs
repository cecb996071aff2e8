//! `[device]`, `[[output]]` and `[http]`.

use crate::{address::Address, event::Kind};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// The first part of all topics, unless another is set.
pub const DEFAULT_PREFIX: &str = "emotiond";

/// Where the HTTP server listens if pictures are streamed and nothing else is configured.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8378);

/// The settings of the sender.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Settings {
    /// This device.
    pub device: DeviceConfig,
    /// Where events are sent.
    pub outputs: Vec<OutputConfig>,
    /// The HTTP server.
    pub http: Option<HttpConfig>,
}

/// `[device]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceConfig {
    /// The device's name among others: letters, digits, `_` and `-`; by default the host's name.
    #[serde(deserialize_with = "device_id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl DeviceConfig {
    /// The configured name, or the host's.
    pub fn id(&self) -> String {
        let host = || hostname::get().map(|name| slug(&name.to_string_lossy())).unwrap_or_default();
        let id = self.id.clone().unwrap_or_else(host);
        if id.is_empty() { "emotiond".to_owned() } else { id }
    }
}

/// `[[output]]`.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    /// The address: `mqtt://USER@HOST:PORT`, `mqtts://...`, `osc://HOST:PORT` or `lsl:`.
    pub uri: String,
    /// A file whose first line is the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the server's, in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The client's certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// The key of `cert` (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The first part of all topics.
    #[serde(default = "default_prefix", deserialize_with = "prefix")]
    pub prefix: String,
    /// The kinds of events that are sent; by default those of [`OutputConfig::kinds`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Kind>>,
    /// Whether Home Assistant discovers the device.
    #[serde(default)]
    pub home_assistant: bool,
    /// Home Assistant's discovery prefix.
    #[serde(default = "default_home_assistant_prefix", deserialize_with = "prefix")]
    pub home_assistant_prefix: String,
    /// Megabytes of events that are kept on disk while the server is away.
    #[serde(default = "default_spool_mb")]
    pub spool_mb: u32,
    /// The folder for them; by default one of the user's or the service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool_dir: Option<PathBuf>,
    /// Where markers are received over OSC. A port alone is one of this machine's loopback address.
    #[serde(default, deserialize_with = "listen", skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

impl OutputConfig {
    /// An output with the defaults.
    pub fn new(uri: String) -> Self {
        Self {
            uri,
            password_file: None,
            ca: None,
            cert: None,
            key: None,
            prefix: default_prefix(),
            events: None,
            home_assistant: false,
            home_assistant_prefix: default_home_assistant_prefix(),
            spool_mb: default_spool_mb(),
            spool_dir: None,
            listen: None,
        }
    }

    /// The kinds of events that are sent. By default a broker gets all but faces, OSC all but changes of state, and LSL
    /// faces and markers.
    pub fn kinds(&self) -> Vec<Kind> {
        self.events.clone().unwrap_or_else(|| match self.uri.parse() {
            Ok(Address::Osc(_)) => vec![Kind::Audience, Kind::Face, Kind::Marker],
            Ok(Address::Lsl) => vec![Kind::Face, Kind::Marker],
            Ok(Address::Mqtt(_)) | Err(_) => vec![Kind::Source, Kind::Audience, Kind::Marker],
        })
    }

    /// A key that is set, but means nothing for the protocol of this output.
    pub fn foreign_key(&self) -> Option<&'static str> {
        let plain = Self::new(String::new());
        let of_mqtt = [
            ("password_file", self.password_file.is_some()),
            ("ca", self.ca.is_some()),
            ("cert", self.cert.is_some()),
            ("key", self.key.is_some()),
            ("prefix", self.prefix != plain.prefix),
            ("home_assistant", self.home_assistant),
            ("home_assistant_prefix", self.home_assistant_prefix != plain.home_assistant_prefix),
            ("spool_mb", self.spool_mb != plain.spool_mb),
            ("spool_dir", self.spool_dir.is_some()),
        ];
        let of_osc = [("listen", self.listen.is_some())];
        let set =
            |keys: &[(&'static str, bool)]| keys.iter().find(|(_, is_set)| *is_set).map(|(key, _)| *key);
        match self.uri.parse().ok()? {
            Address::Mqtt(_) => set(&of_osc),
            Address::Osc(_) => set(&of_mqtt),
            Address::Lsl => set(&of_mqtt).or_else(|| set(&of_osc)),
        }
    }

    /// Makes relative paths relative to `base`.
    pub fn resolve_paths(&mut self, base: &Path) {
        for path in
            [&mut self.password_file, &mut self.ca, &mut self.cert, &mut self.key, &mut self.spool_dir]
        {
            *path = path.take().map(|path| base.join(path));
        }
    }
}

/// Without the password that the address may contain.
impl fmt::Debug for OutputConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputConfig").field("events", &self.events).finish_non_exhaustive()
    }
}

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The address and port.
    pub listen: SocketAddr,
    /// A file whose first line is the token that clients must send; required unless `listen` is a loopback address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl HttpConfig {
    /// Whether other machines could use the server without a token.
    pub fn is_unprotected(&self) -> bool {
        self.token_file.is_none() && !self.listen.ip().is_loopback()
    }

    /// Makes relative paths relative to `base`.
    pub fn resolve_paths(&mut self, base: &Path) {
        self.token_file = self.token_file.take().map(|path| base.join(path));
    }
}

/// `name` in letters, digits, `_` and `-`, as in topics and identifiers: some brokers refuse topics with `.` or a space.
pub fn slug(name: &str) -> String {
    let keep = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    name.chars().map(keep).collect()
}

/// Checks the name of a device.
///
/// # Errors
/// When it contains other characters than letters, digits, `_` and `-`.
pub fn check_device_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() || slug(id) != id { Err("write a name of letters, digits, _ and -") } else { Ok(()) }
}

fn device_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let id = String::deserialize(deserializer)?;
    check_device_id(&id).map_err(D::Error::custom)?;
    Ok(Some(id))
}

/// A port of the loopback address, or an address with a port.
fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "write a port, or an address with a port such as \"0.0.0.0:9001\"")]
    enum Listen {
        Port(u16),
        Address(SocketAddr),
    }
    Ok(Some(match Listen::deserialize(deserializer)? {
        Listen::Port(port) => (IpAddr::V4(Ipv4Addr::LOCALHOST), port).into(),
        Listen::Address(address) => address,
    }))
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    check_prefix(&prefix).map_err(D::Error::custom)?;
    Ok(prefix)
}

/// Checks the first part of topics.
///
/// # Errors
/// When some brokers would refuse it.
pub fn check_prefix(prefix: &str) -> Result<(), &'static str> {
    let is_level = |level: &str| !level.is_empty() && slug(level) == level;
    if prefix.split('/').all(is_level) {
        Ok(())
    } else {
        Err("write letters, digits, _ and -, with / between levels")
    }
}

fn default_prefix() -> String {
    DEFAULT_PREFIX.to_owned()
}

fn default_home_assistant_prefix() -> String {
    "homeassistant".to_owned()
}

fn default_spool_mb() -> u32 {
    64
}
