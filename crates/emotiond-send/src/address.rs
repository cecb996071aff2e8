//! Addresses of outputs.

use fluent_uri::{Uri, pct_enc::EStr};
use percent_encoding::percent_decode_str;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Why an address is wrong. The address is not shown, because it may contain a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// It is no address of a broker.
    #[error(
        "this is no address of a broker: write mqtt://HOST or mqtts://USER@HOST:PORT, and the password into a password_file"
    )]
    Broker,
    /// It is no address of an OSC receiver.
    #[error("this is no address of an OSC receiver: write osc://HOST:PORT")]
    Osc,
    /// More than the scheme.
    #[error("LSL has no addresses: write lsl:")]
    Lsl,
    /// Another protocol.
    #[error("outputs are mqtt://, mqtts://, osc:// or lsl:")]
    Scheme,
}

/// Where an output sends events. What is shown of it contains no login.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// An MQTT broker.
    Mqtt(BrokerAddress),
    /// A program that receives Open Sound Control over UDP.
    Osc(Receiver),
    /// Lab Streaming Layer, whose receivers find the streams.
    Lsl,
}

/// The address of a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Whether TLS is used.
    pub is_encrypted: bool,
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The user's name.
    pub user: Option<String>,
    /// The password in the address.
    pub password: Option<String>,
}

/// The address of a receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Name or IP address.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once(':').ok_or(AddressError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "mqtt" => broker(text, false).map(Self::Mqtt).ok_or(AddressError::Broker),
            "mqtts" => broker(text, true).map(Self::Mqtt).ok_or(AddressError::Broker),
            "osc" => receiver(text).map(Self::Osc).ok_or(AddressError::Osc),
            "lsl" if matches!(rest, "" | "//") => Ok(Self::Lsl),
            "lsl" => Err(AddressError::Lsl),
            _ => Err(AddressError::Scheme),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Mqtt(broker) if broker.is_encrypted => ("mqtts", &broker.host, broker.port),
            Self::Mqtt(broker) => ("mqtt", &broker.host, broker.port),
            Self::Osc(receiver) => ("osc", &receiver.host, receiver.port),
            Self::Lsl => return f.write_str("lsl:"),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

fn broker(text: &str, is_encrypted: bool) -> Option<BrokerAddress> {
    let Parts { host, port, login } = parts(text)?;
    let unescaped = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = login.as_deref().map_or((None, None), |login| match login.split_once(':') {
        Some((user, password)) => (Some(unescaped(user)), Some(unescaped(password))),
        None => (Some(unescaped(login)), None),
    });
    let port = port.unwrap_or(if is_encrypted { 8883 } else { 1883 });
    Some(BrokerAddress { is_encrypted, host, port, user, password })
}

fn receiver(text: &str) -> Option<Receiver> {
    let Parts { host, port, login } = parts(text)?;
    let port = port.filter(|&port| port > 0)?;
    login.is_none().then_some(Receiver { host, port })
}

/// What stands between `://` and the end; nothing may follow.
struct Parts {
    host: String,
    port: Option<u16>,
    login: Option<String>,
}

fn parts(text: &str) -> Option<Parts> {
    let uri = Uri::parse(text).ok()?;
    let authority = uri.authority()?;
    let port = authority.port_to_u16().ok()?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let has_more = !matches!(uri.path().as_str(), "" | "/") || uri.query().is_some();
    let login = authority.userinfo().map(EStr::as_str).filter(|login| !login.is_empty());
    let is_whole = !host.is_empty() && !has_more && uri.fragment().is_none();
    is_whole.then(|| Parts { host, port, login: login.map(str::to_owned) })
}

/// The address of an output without its password, for a printed configuration.
pub fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return if uri.parse::<Address>().is_ok() { uri.to_owned() } else { "...".to_owned() };
    };
    match (uri.parse::<Address>(), rest.rsplit_once('@')) {
        (Err(_), _) => format!("{scheme}://..."),
        (Ok(_), None) => uri.to_owned(),
        (Ok(_), Some((login, host))) => {
            format!("{scheme}://{}@{host}", login.split(':').next().unwrap_or_default())
        }
    }
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
            let address: Address = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(address.to_string(), shown);
            let Address::Mqtt(broker) = address else { panic!("{text} is a broker") };
            assert_eq!((broker.user.as_deref(), broker.password.as_deref()), (user, password));
        }
        for (text, shown) in [
            ("osc://127.0.0.1:9000", "osc://127.0.0.1:9000"),
            ("OSC://[::1]:9000/", "osc://[::1]:9000"),
            ("lsl:", "lsl:"),
            ("LSL://", "lsl:"),
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn wrong_addresses_are_refused_with_the_form_of_their_protocol() {
        for (text, error) in [
            ("mqtt://", AddressError::Broker),
            ("mqtt:broker", AddressError::Broker),
            ("mqtt://a b", AddressError::Broker),
            ("mqtt://broker:port", AddressError::Broker),
            ("mqtt://broker/topic", AddressError::Broker),
            ("osc://127.0.0.1", AddressError::Osc),
            ("osc://127.0.0.1:0", AddressError::Osc),
            ("osc://me@host:9000", AddressError::Osc),
            ("osc://host:9000/face", AddressError::Osc),
            ("lsl://host", AddressError::Lsl),
            ("broker", AddressError::Scheme),
            ("http://broker", AddressError::Scheme),
        ] {
            assert_eq!(text.parse::<Address>().err(), Some(error), "{text}");
        }
    }

    #[test]
    fn a_printed_address_has_no_password() {
        assert_eq!(without_password("mqtts://me:secret@broker:1"), "mqtts://me@broker:1");
        assert_eq!(without_password("mqtts://broker"), "mqtts://broker");
        assert_eq!(without_password("mqtts://me:sec/ret@broker"), "mqtts://...");
        assert_eq!(without_password("osc://127.0.0.1:9000"), "osc://127.0.0.1:9000");
        assert_eq!(without_password("lsl:"), "lsl:");
        assert_eq!(without_password("me:secret@broker"), "...");
    }
}
