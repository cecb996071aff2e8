//! A broker: its address, the login and the certificates.

use crate::settings::{DEFAULT_PREFIX, OutputConfig};
use emotiond_core::exit::{Exit, ExitsWith};
use fluent_uri::{Uri, pct_enc::EStr};
use percent_encoding::percent_decode_str;
use rumqttc::{LastWill, MqttOptions, TlsConfiguration, Transport};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};
use thiserror::Error;
use tokio::net::TcpStream;

/// Seconds without a message after which the client asks whether the broker is there.
const KEEP_ALIVE_S: u16 = 30;
/// The longest message in bytes; lines of events are shorter.
const LONGEST_MESSAGE: usize = 2 << 20;

/// Why an output's settings cannot be used.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The address is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A file cannot be read.
    #[error("{key} = {path:?} cannot be read: {error}")]
    Read {
        /// The key in the settings.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A file holds nothing that can be used.
    #[error("{key} = {path:?} holds no {wanted}")]
    Content {
        /// The key in the settings.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A password without a user.
    #[error("there is a password but no user: write the user into the address, as in mqtt://USER@HOST")]
    NoUser,
    /// Certificates for a connection without encryption.
    #[error("ca, cert and key need an encrypted connection: write mqtts:// instead of mqtt://")]
    NotEncrypted,
    /// Half of a pair.
    #[error("cert and key belong together: set both or none")]
    HalfAPair,
    /// The pair does not fit.
    #[error("cert and key cannot be used: {0}")]
    Pair(rustls::Error),
    /// There is nothing that a broker's certificate could be checked against.
    #[error("this system has no root certificates: install ca-certificates, or set ca")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
}

impl ExitsWith for BrokerError {
    fn exit(&self) -> Exit {
        Exit::Config
    }
}

/// Why an address is wrong. The address is not shown, because it may contain a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// It is no address.
    #[error(
        "this is no address of a broker: write mqtt://HOST or mqtts://USER@HOST:PORT, and the password into a password_file"
    )]
    Unclear,
    /// Another protocol.
    #[error("outputs are mqtt:// or mqtts://")]
    Scheme,
}

/// The address of a broker. What is shown of it contains no login.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    is_encrypted: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let uri = Uri::parse(text).map_err(|_| AddressError::Unclear)?;
        let is_encrypted = match uri.scheme().as_str().to_ascii_lowercase().as_str() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(AddressError::Scheme),
        };
        let authority = uri.authority().ok_or(AddressError::Unclear)?;
        let port = authority.port_to_u16().map_err(|_| AddressError::Unclear)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let has_more = !matches!(uri.path().as_str(), "" | "/") || uri.query().is_some();
        if host.is_empty() || has_more || uri.fragment().is_some() {
            return Err(AddressError::Unclear);
        }
        let unescaped = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = authority.userinfo().map(EStr::as_str).filter(|login| !login.is_empty());
        let (user, password) = login.map_or((None, None), |login| match login.split_once(':') {
            Some((user, password)) => (Some(unescaped(user)), Some(unescaped(password))),
            None => (Some(unescaped(login)), None),
        });
        let port = port.unwrap_or(if is_encrypted { 8883 } else { 1883 });
        Ok(Self { is_encrypted, host, port, user, password })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "mqtts" } else { "mqtt" };
        let host = &self.host;
        let port = self.port;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// The name of an output in messages and metrics: the address, and the prefix if it is not the default.
pub fn name(config: &OutputConfig) -> String {
    let address =
        config.uri.parse::<Address>().map_or_else(|_| "mqtt".to_owned(), |address| address.to_string());
    if config.prefix == DEFAULT_PREFIX { address } else { format!("{address}/{}", config.prefix) }
}

/// The address of an output without its password, for a printed configuration.
pub fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return "...".to_owned() };
    match (uri.parse::<Address>(), rest.rsplit_once('@')) {
        (Err(_), _) => format!("{scheme}://..."),
        (Ok(_), None) => uri.to_owned(),
        (Ok(_), Some((login, host))) => {
            format!("{scheme}://{}@{host}", login.split(':').next().unwrap_or_default())
        }
    }
}

/// What is needed to connect. The files are read each time, so that a new password or certificate is used without a restart.
///
/// # Errors
/// When a setting is wrong or a file cannot be used.
pub fn options(config: &OutputConfig, client: &str, will: LastWill) -> Result<MqttOptions, BrokerError> {
    let address: Address = config.uri.parse()?;
    let mut options = MqttOptions::new(client, (address.host.clone(), address.port));
    options.set_keep_alive(KEEP_ALIVE_S).set_clean_session(true).set_last_will(will);
    options.set_max_packet_size(LONGEST_MESSAGE, LONGEST_MESSAGE);
    let password = match &config.password_file {
        Some(file) => Some(first_line(file)?),
        None => address.password.clone(),
    };
    match (&address.user, password) {
        (Some(user), Some(password)) => options.set_credentials(user, password),
        (Some(user), None) => options.set_username(user),
        (None, Some(_)) => return Err(BrokerError::NoUser),
        (None, None) => &mut options,
    };
    if address.is_encrypted {
        let tls = TlsConfiguration::Rustls(Arc::new(tls(config)?));
        options.set_transport(Transport::tls_with_config(tls));
    } else if config.ca.is_some() || config.cert.is_some() || config.key.is_some() {
        return Err(BrokerError::NotEncrypted);
    }
    // The address that rumqttc would resolve is ambiguous for IPv6.
    options.set_socket_connector(move |_, _| {
        let (host, port) = (address.host.clone(), address.port);
        async move {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
    });
    Ok(options)
}

fn tls(config: &OutputConfig) -> Result<ClientConfig, BrokerError> {
    let mut roots = RootCertStore::empty();
    match &config.ca {
        Some(file) => roots.add_parsable_certificates(certificates("ca", file)?),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    if roots.is_empty() {
        return Err(BrokerError::NoRoots);
    }
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions();
    let builder = builder.map_err(BrokerError::Tls)?.with_root_certificates(roots);
    match (&config.cert, &config.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(file)) => {
            let key = PrivateKeyDer::from_pem_slice(&read("key", file)?).map_err(|_| {
                BrokerError::Content { key: "key", path: file.clone(), wanted: "private key in PEM" }
            })?;
            builder.with_client_auth_cert(certificates("cert", cert)?, key).map_err(BrokerError::Pair)
        }
        _ => Err(BrokerError::HalfAPair),
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, BrokerError> {
    let bytes = read(key, path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect();
    if found.is_empty() {
        return Err(BrokerError::Content { key, path: path.to_owned(), wanted: "certificate in PEM" });
    }
    Ok(found)
}

fn first_line(path: &Path) -> Result<String, BrokerError> {
    let content = BrokerError::Content { key: "password_file", path: path.to_owned(), wanted: "password" };
    let text = String::from_utf8(read("password_file", path)?).map_err(|_| ());
    let line = text.ok().and_then(|text| text.lines().next().map(str::to_owned));
    line.filter(|line| !line.is_empty()).ok_or(content)
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, BrokerError> {
    fs::read(path).map_err(|error| BrokerError::Read { key, path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_the_login() {
        for (text, shown, user, password) in [
            ("mqtt://broker", "mqtt://broker:1883", None, None),
            ("MQTTS://me@broker", "mqtts://broker:8883", Some("me"), None),
            ("mqtt://me:p%40ss@10.0.0.1:99/", "mqtt://10.0.0.1:99", Some("me"), Some("p@ss")),
            ("mqtts://[::1]", "mqtts://[::1]:8883", None, None),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!((address.user.as_deref(), address.password.as_deref()), (user, password));
        }
        for text in
            ["broker", "mqtt://", "mqtt:broker", "mqtt://a b", "mqtt://broker:port", "mqtt://broker/topic"]
        {
            assert_eq!(text.parse::<Address>().err(), Some(AddressError::Unclear), "{text}");
        }
        assert_eq!(without_password("mqtts://me:secret@broker:1"), "mqtts://me@broker:1");
        assert_eq!(without_password("mqtts://broker"), "mqtts://broker");
        assert_eq!(without_password("mqtts://me:sec/ret@broker"), "mqtts://...");
        assert_eq!("http://broker".parse::<Address>().err(), Some(AddressError::Scheme));
    }
}
