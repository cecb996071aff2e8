//! HTTP requests of a source: time-outs, redirects, Basic and Digest authentication, certificates.

use crate::source::{Stop, address::Address};
use http_auth::{PasswordClient, PasswordParams};
use std::{
    cell::Cell,
    io,
    rc::Rc,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};
use thiserror::Error;
use ureq::{
    Agent, BodyReader,
    http::{HeaderMap, Response, StatusCode, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

/// How long the server may take to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server may send nothing, and a picture may take to arrive.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest header of an answer, in bytes.
const LONGEST_HEADER: usize = 64 << 10;
const MOST_REDIRECTS: usize = 5;

/// Why a request failed.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    #[error("{0}")]
    Transport(String),
    #[error("nothing arrived for {} seconds", SILENCE.as_secs())]
    Silence,
    #[error("the server answers with the status {0}")]
    Status(StatusCode),
    #[error("it asks for a login: write USER:PASSWORD@ before the host")]
    NoLogin,
    #[error("it refuses the user name or the password")]
    WrongLogin,
    #[error("it asks for an unsupported kind of login: {0}")]
    Login(String),
    #[error(
        "its certificate is not accepted ({0}): if you trust the server nevertheless, set `tls_verify = false` under its [[source]] in the config"
    )]
    Certificate(String),
    #[error("{0}")]
    Redirect(String),
    #[error("it redirects more than {MOST_REDIRECTS} times")]
    Redirects,
}

/// What an unchanged picture is recognised by (RFC 9110, section 13).
#[derive(Default)]
pub(super) struct Validators {
    tag: Option<header::HeaderValue>,
    modified: Option<header::HeaderValue>,
}

impl Validators {
    pub fn of(headers: &HeaderMap) -> Self {
        let value = |name| headers.get(name).cloned();
        Self { tag: value(header::ETAG), modified: value(header::LAST_MODIFIED) }
    }
}

/// A successful answer.
pub(super) enum Answer {
    /// The content has not changed.
    Unchanged,
    /// The content, with the header of the answer.
    Content(Box<HeaderMap>, Body),
}

/// A client for one address.
pub(super) struct Client {
    agent: Agent,
    address: Address,
    /// Where the latest answer came from, after redirects.
    reached: Address,
    /// Answers the server's latest challenge.
    challenge: Option<PasswordClient>,
    stop: Stop,
}

impl Client {
    pub fn new(address: &Address, tls_verify: bool, stop: &Stop) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(LONGEST_HEADER)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .user_agent(concat!("emotiond/", env!("CARGO_PKG_VERSION")));
        if address.is_https() {
            config = config.tls_config(tls(tls_verify));
        }
        Self {
            agent: config.build().into(),
            address: address.clone(),
            reached: address.clone(),
            challenge: None,
            stop: stop.clone(),
        }
    }

    /// Asks for the content, unless it is the one that `known` describes.
    ///
    /// # Errors
    /// When there is no connection or no content.
    pub fn get(&mut self, known: &Validators) -> Result<Answer, HttpError> {
        let mut address = self.address.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut answer = self.ask(&address, known)?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                address.login().ok_or(HttpError::NoLogin)?;
                let challenges = answer.headers().get_all(header::WWW_AUTHENTICATE);
                let challenge = challenges.iter().fold(PasswordClient::builder(), |builder, value| {
                    builder.challenges(value.to_str().unwrap_or_default())
                });
                self.challenge = Some(challenge.build().map_err(HttpError::Login)?);
                answer = self.ask(&address, known)?;
            }
            match answer.status() {
                StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
                StatusCode::UNAUTHORIZED => return Err(HttpError::WrongLogin),
                status if status.is_success() => {
                    let (head, body) = answer.into_parts();
                    self.reached = address;
                    return Ok(Answer::Content(
                        Box::new(head.headers),
                        Body::new(body.into_reader(), &self.stop),
                    ));
                }
                status if status.is_redirection() => {
                    let location =
                        answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                    let location = location.ok_or(HttpError::Status(status))?;
                    address = address.redirected(location).map_err(HttpError::Redirect)?;
                }
                status => return Err(HttpError::Status(status)),
            }
        }
        Err(HttpError::Redirects)
    }

    /// Where the latest answer came from.
    pub fn reached(&self) -> &Address {
        &self.reached
    }

    /// Sends one request.
    fn ask(&mut self, address: &Address, known: &Validators) -> Result<Response<ureq::Body>, HttpError> {
        let mut request = self.agent.get(address.without_login());
        if let Some(tag) = &known.tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if let Some(modified) = &known.modified {
            request = request.header(header::IF_MODIFIED_SINCE, modified);
        }
        if let (Some(challenge), Some((username, password))) = (&mut self.challenge, address.login()) {
            let uri = address.request_target();
            let parameters = PasswordParams { username, password, uri: &uri, method: "GET", body: Some(&[]) };
            request = request
                .header(header::AUTHORIZATION, challenge.respond(&parameters).map_err(HttpError::Login)?);
        }
        request.call().map_err(|error| cause(&error))
    }
}

/// TLS with the system's root certificates.
fn tls(verify: bool) -> TlsConfig {
    static ROOTS: LazyLock<Arc<Vec<Certificate<'static>>>> = LazyLock::new(|| {
        let found = rustls_native_certs::load_native_certs().certs;
        Arc::new(found.iter().map(|root| Certificate::from_der(root).to_owned()).collect())
    });
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(crypto)
        .root_certs(RootCerts::Specific(Arc::clone(&ROOTS)))
        .disable_verification(!verify)
        .build()
}

fn cause(error: &ureq::Error) -> HttpError {
    if matches!(error, ureq::Error::Timeout(ureq::Timeout::RecvResponse | ureq::Timeout::PerRead)) {
        return HttpError::Silence;
    }
    let (text, tls) = match error {
        ureq::Error::Io(error) => {
            (error.to_string(), error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()))
        }
        ureq::Error::Rustls(error) => (error.to_string(), Some(error)),
        other => (other.to_string(), None),
    };
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => HttpError::Certificate(text),
        _ => HttpError::Transport(text),
    }
}

/// The content of an answer. Reading ends when the program is asked to stop.
pub(super) struct Body {
    reader: BodyReader<'static>,
    /// Until when a picture must have arrived.
    deadline: Deadline,
    stop: Stop,
}

/// A point in time that the owner of a [`Body`] can move.
#[derive(Clone)]
pub(super) struct Deadline(Rc<Cell<Instant>>);

impl Deadline {
    /// Allows the next picture the usual time.
    pub fn postpone(&self) {
        self.0.set(Instant::now() + SILENCE);
    }
}

impl Body {
    fn new(reader: BodyReader<'static>, stop: &Stop) -> Self {
        Self { reader, deadline: Deadline(Rc::new(Cell::new(Instant::now() + SILENCE))), stop: stop.clone() }
    }

    pub fn deadline(&self) -> Deadline {
        self.deadline.clone()
    }
}

impl io::Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_set() {
            return Ok(0);
        }
        if Instant::now() > self.deadline.0.get() {
            let seconds = SILENCE.as_secs();
            return Err(io::Error::other(format!("no picture arrived for {seconds} seconds")));
        }
        let count = self.reader.read(buffer).map_err(|error| match error.downcast::<ureq::Error>() {
            Ok(error) => io::Error::other(cause(&error)),
            Err(error) => error,
        })?;
        Ok(if self.stop.is_set() { 0 } else { count })
    }
}
