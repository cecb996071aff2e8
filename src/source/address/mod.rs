//! Addresses of network sources: read as people write them, handed to clients escaped, shown without their secrets.

use fluent_uri::{Uri, UriRef};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::{fmt, net::IpAddr, str::FromStr};

/// The schemes that emotiond and ffmpeg read.
const SCHEMES: [&str; 10] = ["rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "tcp", "rtp"];

/// Characters that are escaped in a path or query; the rest is left as it is written, including `%`.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// Characters that need no escape in a user name or password.
const NOT_IN_SECRETS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parameters whose values are shown, because they only choose a picture. All others may be a password.
const HARMLESS: [&str; 20] = [
    "action",
    "cam",
    "camera",
    "ch",
    "channel",
    "chn",
    "cmd",
    "codec",
    "compression",
    "format",
    "fps",
    "height",
    "mode",
    "profile",
    "quality",
    "resolution",
    "size",
    "stream",
    "subtype",
    "width",
];

const UNCLEAR: &str = "it is unclear where the user name and password end: in them, write %25 for %, %3A for :, %2F for /, %3F for ?, %23 for # and %40 for @; in the rest of the address, write %40 for @";

/// An address of a network source. [`fmt::Display`] and [`fmt::Debug`] leave out its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// As it was written, for a printed configuration.
    written: String,
    scheme: &'static str,
    /// User name and password, unescaped.
    login: Option<(String, String)>,
    /// Host and port.
    host: String,
    /// Path and query with escapes, and the fragment if the scheme is not http.
    path: String,
}

impl Address {
    /// The text as it was written, with its secrets.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether it is `http` or `https`.
    pub fn is_http(&self) -> bool {
        self.scheme.starts_with("http")
    }

    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether it is `rtsp` or `rtsps`.
    pub fn is_rtsp(&self) -> bool {
        self.scheme.starts_with("rtsp")
    }

    /// User name and password.
    pub fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// The address without user name and password. The query may still contain secrets.
    pub fn without_login(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.path)
    }

    /// Path and query, as in the first line of an HTTP request.
    pub fn request_target(&self) -> String {
        if self.path.starts_with('/') { self.path.clone() } else { format!("/{}", self.path) }
    }

    /// The whole address for ffmpeg, with escapes. It contains no quotation mark and no backslash.
    pub fn for_ffmpeg(&self) -> String {
        let escaped = |text: &str| utf8_percent_encode(text, NOT_IN_SECRETS).to_string();
        let login = match &self.login {
            Some((user, password)) if password.is_empty() => format!("{}@", escaped(user)),
            Some((user, password)) => format!("{}:{}@", escaped(user), escaped(password)),
            None => String::new(),
        };
        format!("{}://{login}{}{}", self.scheme, self.host, self.path)
    }

    /// The address that a redirect leads to. User name and password are kept only on the same host and port, or if the same host
    /// goes over from http to https.
    ///
    /// # Errors
    /// When it is no address that can be followed.
    pub fn redirected(&self, location: &str) -> Result<Self, String> {
        let unusable = || "the server redirects to an unusable address".to_owned();
        let escaped = utf8_percent_encode(location, NOT_IN_PATHS).to_string();
        let base = self.without_login();
        let base = Uri::parse(base.as_str()).map_err(|_| unusable())?;
        let target = UriRef::parse(escaped.as_str()).map_err(|_| unusable())?;
        let target = target.resolve_against(&base).map_err(|_| unusable())?;
        let mut next: Self = target.as_str().parse().map_err(|_| unusable())?;
        if !next.is_http() {
            return Err(unusable());
        }
        let (from, to) = (self.name_and_port(), next.name_and_port());
        let is_same = to.0 == from.0 && next.scheme == self.scheme && to.1 == from.1;
        let is_safer = to.0 == from.0 && (from.1, to.1) == (80, 443) && next.is_https();
        if next.login.is_none() && (is_same || is_safer) {
            next.login.clone_from(&self.login);
        }
        Ok(next)
    }

    /// Whether both are at the same host, whatever their ports are.
    pub fn is_at_host_of(&self, other: &Self) -> bool {
        self.name_and_port().0 == other.name_and_port().0
    }

    /// The host's name in lower case, and the port of an HTTP server.
    fn name_and_port(&self) -> (String, u16) {
        let name = name_of(&self.host).unwrap_or_default();
        let port = self.host[name.len()..].trim_start_matches(':').parse();
        (name.to_ascii_lowercase(), port.unwrap_or(if self.is_https() { 443 } else { 80 }))
    }

    /// Removes from a message whatever may show the secrets of this address or of another one.
    pub fn hide_in(&self, message: &str) -> String {
        let shown = self.to_string();
        let mut hidden = message.replace(&self.written, &shown).replace(&self.for_ffmpeg(), &shown);
        for secret in self.secrets() {
            hidden = hidden.replace(&secret, "*");
        }
        hide_addresses(&hidden)
    }

    /// The password and the query, as they are written and escaped. Very short ones would also be found in other words.
    fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        if let Some((_, password)) = &self.login {
            secrets.push(password.clone());
            secrets.push(utf8_percent_encode(password, NOT_IN_SECRETS).to_string());
        }
        secrets.extend(self.path.split_once('?').map(|(_, query)| query.to_owned()));
        secrets.retain(|secret| secret.len() > 2);
        secrets
    }
}

impl FromStr for Address {
    type Err = String;

    /// Reads an address. The error contains no part of it but its scheme.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("it has no scheme such as rtsp://")?;
        let lower = scheme.to_ascii_lowercase();
        let Some(scheme) = SCHEMES.into_iter().find(|known| *known == lower) else {
            let is_word = lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            let named = if is_word { format!("{lower}://") } else { "the scheme".to_owned() };
            let known = SCHEMES.map(|scheme| format!("{scheme}://")).join(", ");
            return Err(format!("{named} is not supported: write {known}, file:// or a path"));
        };
        if rest.contains(char::is_control) {
            return Err(format!("the address {scheme}://... contains a control character"));
        }
        let unusable = |reason: &str| format!("the address {scheme}://... cannot be used: {reason}");
        let (login, rest) = split_login(rest).map_err(unusable)?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // Without a host, ffmpeg listens.
        let may_listen = matches!(scheme, "srt" | "udp" | "tcp" | "rtp") && host.starts_with(':');
        if name_of(host).is_none_or(|name| name.is_empty() && !may_listen) {
            return Err(unusable("its host or port is invalid"));
        }
        let path = if scheme.starts_with("http") { path.split('#').next().unwrap_or_default() } else { path };
        let unescaped = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = login.filter(|login| !login.is_empty()).map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (unescaped(user), unescaped(password))
        });
        Ok(Self {
            written: text.to_owned(),
            scheme,
            login,
            host: host.to_owned(),
            path: utf8_percent_encode(path, NOT_IN_PATHS).to_string(),
        })
    }
}

/// Splits `user:password@` off. A password may contain unescaped characters if only one reading gives a valid host.
fn split_login(rest: &str) -> Result<(Option<&str>, &str), &'static str> {
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let split = |at: usize| (Some(&rest[..at]), &rest[at + 1..]);
    // The reading of RFC 3986.
    let at = authority.rfind('@');
    let strict = at.map_or((None, rest), split);
    let host = &authority[at.map_or(0, |at| at + 1)..];
    let is_valid = name_of(host).is_some();
    let others: Vec<_> = rest
        .match_indices('@')
        .map(|(other, _)| other)
        .filter(|other| *other >= authority.len())
        .map(split)
        .filter(|(login, rest)| {
            let user = login.and_then(|login| login.split_once(':')).map(|(user, _)| user);
            let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
            user.is_some_and(|user| !user.contains(['/', '?', '#']))
                && name_of(host).is_some_and(|name| !name.is_empty())
        })
        .collect();
    match others[..] {
        [] => Ok(strict),
        _ if is_valid && is_surely_a_host(host, strict.0) => Ok(strict),
        [only] if !is_valid => Ok(only),
        _ => Err(UNCLEAR),
    }
}

/// Whether `host` cannot be the start of a password.
fn is_surely_a_host(host: &str, login: Option<&str>) -> bool {
    let name = name_of(host).unwrap_or_default();
    let is_ip = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let has_password = login.is_some_and(|login| login.contains(':'));
    is_ip || name == "localhost" || has_password && host.contains(['.', ':'])
}

/// The host's name without its port; `None` if one of them is invalid.
fn name_of(host: &str) -> Option<&str> {
    let ipv6 = host.strip_prefix('[').and_then(|rest| rest.find(']')).map(|end| end + 2);
    let (name, port) = host.split_at(ipv6.unwrap_or_else(|| host.find(':').unwrap_or(host.len())));
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    let is_name = match ipv6 {
        Some(end) => name[1..end - 1].split('%').next()?.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte)),
    };
    (is_port && is_name).then_some(name)
}

/// Replaces each address in a message by what may be shown of it.
pub fn hide_addresses(message: &str) -> String {
    let mut hidden = String::new();
    let mut rest = message;
    while let Some(at) = rest.find("://") {
        let start = rest[..at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
        // `rfind` may have found a character of several bytes.
        let start = (start..=at).find(|start| rest.is_char_boundary(*start)).unwrap_or(at);
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
        let end = rest[at..].find(is_end).map_or(rest.len(), |length| at + length);
        hidden += &rest[..start];
        match rest[start..end].parse::<Address>() {
            Ok(address) => hidden += &address.to_string(),
            Err(_) => hidden += &format!("{}://...", &rest[start..at]),
        }
        rest = &rest[end..];
    }
    hidden + rest
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        let path = self.path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let segments: Vec<String> = path.split('/').map(shown_segment).collect();
        f.write_str(&segments.join("/"))?;
        let Some(query) = query else { return Ok(()) };
        let parameters: Vec<String> = query.split('&').map(shown_parameter).collect();
        write!(f, "?{}", parameters.join("&"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// A path segment. Some cameras take parameters there, as in `/user=admin_password=secret_channel=1`.
fn shown_segment(segment: &str) -> String {
    match segment.split_once('=') {
        Some((name, _)) if segment.split(['&', '_', ';', ',']).any(|part| shown_parameter(part) != part) => {
            format!("{name}=*")
        }
        _ => segment.to_owned(),
    }
}

fn shown_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if HARMLESS.contains(&name.to_ascii_lowercase().as_str()) => parameter.to_owned(),
        Some((name, _)) => format!("{name}=*"),
        None => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests;
