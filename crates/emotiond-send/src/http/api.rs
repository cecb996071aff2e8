//! The paths and what they answer.

use super::{
    Server,
    guard::{cookie_name, guard, is_known},
    page, pictures, stream,
};
use crate::{
    hub::NoDaemon,
    settings::slug,
    wire::{Marker, Request},
};
use axum::{
    Form, Json, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::JsonRejection},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE, SET_COOKIE},
    },
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Bytes of a request's body.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Characters of a marker's label.
const MAX_LABEL: usize = 200;
/// Seconds for which a browser is known.
const COOKIE_AGE_S: u32 = 30 * 24 * 3600;

/// All paths.
pub fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status))
        .route("/api/v1/sources", get(sources))
        .route("/api/v1/recent", get(recent))
        .route("/api/v1/events", get(stream::events))
        .route("/api/v1/sources/{source}/pause", post(pause))
        .route("/api/v1/sources/{source}/resume", post(resume))
        .route("/api/v1/markers", post(mark))
        .route("/stream/{file}", get(pictures::stream))
        .route("/login", get(page::login).post(log_in))
        .merge(page::routes())
        .fallback(async || refuse(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "this path does not know this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&server), guard))
        .with_state(server)
}

/// An error as JSON.
pub fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

/// The answer if too many clients hold on to something.
pub fn busy(why: &str) -> Response {
    ([("retry-after", "10")], refuse(StatusCode::SERVICE_UNAVAILABLE, why)).into_response()
}

/// Programs that watch a service know no token: they get the status, but not the reasons.
async fn health(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let health = server.overview().health;
    let status = if health.healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if is_known(&server, &headers) {
        (status, Json(health)).into_response()
    } else {
        (status, Json(json!({ "healthy": health.healthy }))).into_response()
    }
}

async fn metrics(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (kind, page) = if accepted.into_iter().any(|types| types.contains("application/openmetrics-text")) {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", server.metrics.openmetrics())
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", server.metrics.classic())
    };
    match page {
        Ok(page) => ([(CONTENT_TYPE, kind)], page).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn status(State(server): State<Arc<Server>>) -> Response {
    Json(server.overview()).into_response()
}

async fn sources(State(server): State<Arc<Server>>) -> Response {
    Json(server.overview().sources()).into_response()
}

async fn recent(State(server): State<Arc<Server>>) -> Response {
    Json(server.recent.told()).into_response()
}

async fn pause(State(server): State<Arc<Server>>, Path(source): Path<String>) -> Response {
    match find(&server, &source) {
        Some(source) => ask(&server, Request::Pause { source }),
        None => refuse(StatusCode::NOT_FOUND, "there is no such source"),
    }
}

async fn resume(State(server): State<Arc<Server>>, Path(source): Path<String>) -> Response {
    match find(&server, &source) {
        Some(source) => ask(&server, Request::Resume { source }),
        None => refuse(StatusCode::NOT_FOUND, "there is no such source"),
    }
}

async fn mark(State(server): State<Arc<Server>>, marker: Result<Json<Marker>, JsonRejection>) -> Response {
    match marker {
        Err(rejection) => refuse(rejection.status(), &rejection.body_text()),
        Ok(Json(marker)) if marker.label.chars().count() > MAX_LABEL => {
            let why = format!("the label has more than {MAX_LABEL} characters");
            refuse(StatusCode::UNPROCESSABLE_ENTITY, &why)
        }
        Ok(Json(marker)) if marker.label.chars().any(char::is_control) => {
            refuse(StatusCode::UNPROCESSABLE_ENTITY, "the label contains control characters")
        }
        Ok(Json(marker)) => ask(&server, Request::Marker(marker)),
    }
}

/// The source with a name, as it is or as in topics.
pub fn find(server: &Server, name: &str) -> Option<String> {
    let status = server.hub.status.borrow();
    let names = || status.sources.iter().map(|source| &source.name);
    names().find(|known| *known == name).or_else(|| names().find(|known| slug(known) == name)).cloned()
}

/// Asks the daemon. What it does then stands in its events and its status.
fn ask(server: &Server, request: Request) -> Response {
    match server.hub.ask(request) {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({ "accepted": true }))).into_response(),
        Err(NoDaemon) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "no daemon takes requests: events come from a recording or a pipe, or the daemon is busy",
        ),
    }
}

/// What the form sends.
#[derive(Deserialize)]
struct LogIn {
    token: String,
}

async fn log_in(State(server): State<Arc<Server>>, headers: HeaderMap, Form(form): Form<LogIn>) -> Response {
    let Some(token) = &server.token else { return Redirect::to("/").into_response() };
    if !token.is(form.token.trim()) {
        return page::wrong_token();
    }
    // A proxy that speaks TLS says so.
    let over_tls = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if over_tls { "; Secure" } else { "" };
    let (name, value) = (cookie_name(&server), token.cookie());
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={COOKIE_AGE_S}{secure}");
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}
