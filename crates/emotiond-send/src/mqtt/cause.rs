//! Why there is no connection, in words that say what to do.

use crate::settings::OutputConfig;
use rumqttc::{ConnectReturnCode, ConnectionError};
use rustls::CertificateError;
use std::{error::Error, io};

/// Why there is no connection.
pub struct Cause {
    /// What to tell.
    pub text: String,
    /// Whether another attempt is in vain unless somebody changes something.
    pub is_lasting: bool,
}

impl Cause {
    /// A cause that may pass by itself.
    pub fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_lasting: false }
    }

    /// A cause that stays.
    pub fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_lasting: true }
    }

    /// The cause of a failed attempt to connect.
    pub fn of_attempt(error: &ConnectionError, config: &OutputConfig) -> Self {
        if let Some(tls) = tls_error(error) {
            return Self::lasting(of_tls(tls, config));
        }
        match error {
            ConnectionError::ConnectionRefused(code) => refused(*code),
            ConnectionError::Tls(error) => Self::lasting(format!(
                "the broker has closed the connection ({error}): does it speak TLS on this port?"
            )),
            ConnectionError::Io(error) => Self::passing(format!("the broker cannot be reached: {error}")),
            ConnectionError::NetworkTimeout => Self::passing("the broker does not answer"),
            ConnectionError::MqttState(_) => {
                let hint = if config.uri.to_ascii_lowercase().starts_with("mqtts") {
                    ""
                } else {
                    ": does it expect mqtts://?"
                };
                Self::lasting(format!("the broker has closed the connection before its first answer{hint}"))
            }
            other => Self::passing(format!("no connection: {other}")),
        }
    }
}

fn refused(code: ConnectReturnCode) -> Cause {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => Cause::lasting(
            "the broker refuses the login: check the user in the address and the password in password_file",
        ),
        ConnectReturnCode::ServiceUnavailable => Cause::passing("the broker says that it is not available"),
        other => Cause::lasting(format!("the broker refuses this client: {other:?}")),
    }
}

/// The error of TLS in an error of the connection. With TLS 1.3, a broker refuses a client's certificate only when the
/// client already waits for its first answer.
fn tls_error(error: &ConnectionError) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn of_tls(error: &rustls::Error, config: &OutputConfig) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => of_certificate(why, config),
        rustls::Error::AlertReceived(alert) => format!(
            "the broker refuses the certificate of this client ({alert:?}): set cert and key to a pair that it accepts"
        ),
        rustls::Error::InvalidMessage(_) => {
            "the broker speaks no TLS on this port: write mqtt://, or its port for TLS".to_owned()
        }
        other => format!("no encrypted connection: {other}"),
    }
}

fn of_certificate(why: &CertificateError, config: &OutputConfig) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the broker's certificate has expired: renew it, or set this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet: set this machine's clock".to_owned()
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => match &config.ca {
            Some(ca) => format!("the broker's certificate is not signed by ca = {ca:?}"),
            None => "the broker's certificate is not signed by an authority that this system trusts: set ca to the certificate of its authority".to_owned(),
        },
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the broker's certificate is for another host: write the host's name of the certificate into the address".to_owned()
        }
        other => format!("the broker's certificate is not accepted: {other}"),
    }
}
