//! A connection to a broker: the login and the certificates.

use crate::{
    address::{Address, AddressError, BrokerAddress},
    settings::OutputConfig,
};
use emotiond_core::exit::{Exit, ExitsWith};
use rumqttc::{LastWill, MqttOptions, TlsConfiguration, Transport};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
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

/// What is needed to connect. The files are read each time, so that a new password or certificate is used without a restart.
///
/// # Errors
/// When a setting is wrong or a file cannot be used.
pub fn options(config: &OutputConfig, client: &str, will: LastWill) -> Result<MqttOptions, BrokerError> {
    let Address::Mqtt(address) = config.uri.parse()? else { return Err(AddressError::Scheme.into()) };
    let BrokerAddress { host, port, .. } = address.clone();
    let mut options = MqttOptions::new(client, (host.clone(), port));
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
        let host = host.clone();
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
