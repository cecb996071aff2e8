//! Who may ask: checks of Host, Origin and token, before any request is looked at.
//!
//! A page that a browser has loaded from somewhere else must not read from this server. It could by DNS rebinding: its
//! name then leads to this machine, and the browser takes it for the same origin. Without a token, the server therefore
//! only answers to names of this machine; with one, the browser does not send the cookie to another name.

use super::{Server, api::refuse};
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{
            ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN,
            REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
        },
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// Time for a request's body to arrive and to be answered; the stream of events begins its answer within it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// What anybody may load: it contains no data. To those without the token, `/health` gives no reasons.
const PUBLIC: [&str; 4] = ["/login", "/style.css", "/icon.svg", "/health"];
/// Scripts and styles are this server's files only; nothing else is loaded, and no other page may frame this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers requests that are allowed.
pub async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let mut response = match check(&server, &request) {
        Ok(()) => timeout(REQUEST_TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long")),
        Err(refusal) => *refusal,
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    for name in ["cross-origin-resource-policy", "cross-origin-opener-policy"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("same-origin"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(server: &Server, request: &Request) -> Result<(), Box<Response>> {
    let host = host(request).map_err(|why| refuse(StatusCode::BAD_REQUEST, why))?;
    if server.token.is_none() && host.as_ref().is_some_and(|host| !is_own(host, server.listen.ip())) {
        let why =
            "this server is only known by the names of its machine; with a token_file, it answers to others";
        return Err(Box::new(refuse(StatusCode::MISDIRECTED_REQUEST, why)));
    }
    if !is_same_origin(request.headers(), host.as_ref()) {
        return Err(Box::new(refuse(StatusCode::FORBIDDEN, "other pages may not use this server")));
    }
    if PUBLIC.contains(&request.uri().path()) || is_known(server, request.headers()) {
        return Ok(());
    }
    let wants_page =
        request.headers().get(ACCEPT).is_some_and(|types| types.as_bytes().starts_with(b"text/html"));
    if request.method() == Method::GET && wants_page {
        return Err(Box::new(Redirect::to("/login").into_response()));
    }
    let mut refusal = refuse(StatusCode::UNAUTHORIZED, "send the token: Authorization: Bearer TOKEN");
    refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Err(Box::new(refusal))
}

/// The host that is asked for. Old clients, which are no browsers, send none.
fn host(request: &Request) -> Result<Option<Authority>, &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => return Ok(None),
        (Some(host), None) => host.to_str().ok().and_then(|host| host.parse().ok()),
        _ => None,
    };
    let host: Authority = host.ok_or("send one valid Host header")?;
    match request.uri().authority() {
        Some(other) if *other != host => Err("Host and address differ"),
        _ => Ok(Some(host)),
    }
}

/// Whether `host` is a name that no DNS server can give to this machine.
fn is_own(host: &Authority, listen: IpAddr) -> bool {
    let name = host.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback() || ip == listen)
}

/// Whether a request comes from this server's own pages, or from no page.
fn is_same_origin(headers: &HeaderMap, host: Option<&Authority>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, origin)| host.is_some_and(|host| host == origin))
    })
}

/// Whether the client has shown the token, or needs none.
pub fn is_known(server: &Server, headers: &HeaderMap) -> bool {
    let Some(token) = &server.token else { return true };
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    if let Some((scheme, shown)) = bearer {
        return match scheme.to_ascii_lowercase().as_str() {
            "bearer" => token.is(shown.trim()),
            "basic" => password(shown).is_some_and(|password| token.is(&password)),
            _ => false,
        };
    }
    let name = cookie_name(server);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.any(|(key, value)| key == name && token.is_cookie(value))
}

/// The password of a Basic login, as programs send it that take it from an address (`http://USER:TOKEN@HOST/...`).
fn password(login: &str) -> Option<String> {
    let login = BASE64_STANDARD.decode(login.trim()).ok()?;
    String::from_utf8(login).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

/// The cookie's name. Browsers send cookies to all ports of a host, so the port tells servers apart.
pub fn cookie_name(server: &Server) -> String {
    format!("emotiond_{}", server.listen.port())
}
