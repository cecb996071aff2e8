//! The page: its files are part of the program.

use super::Server;
use axum::{
    Router,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use emotiond_core::{
    labels,
    palette::{color, ink_on},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The form for the token, and the line in it that a wrong one uncovers.
const LOGIN: &str = include_str!("page/login.html");
const HIDDEN: &str = " hidden";

/// Path, type and contents of the page's files.
const FILES: [(&str, &str, &str); 11] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/stage", HTML, include_str!("page/stage.html")),
    ("/style.css", CSS, include_str!("page/style.css")),
    ("/icon.svg", SVG, include_str!("page/icon.svg")),
    ("/index.js", JS, include_str!("page/index.js")),
    ("/stage.js", JS, include_str!("page/stage.js")),
    ("/feed.js", JS, include_str!("page/feed.js")),
    ("/words.js", JS, include_str!("page/words.js")),
    ("/strip.js", JS, include_str!("page/strip.js")),
    ("/source.js", JS, include_str!("page/source.js")),
    ("/markers.js", JS, include_str!("page/markers.js")),
];

/// The page's files, and the colours of the emotions.
pub fn routes() -> Router<Arc<Server>> {
    let files = FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(async move || file(kind, text.to_owned())))
    });
    files.route("/palette.js", get(async || file(JS, palette())))
}

/// The form for the token.
pub async fn login() -> Response {
    file(HTML, LOGIN.to_owned())
}

/// The form, saying that the token was wrong.
pub fn wrong_token() -> Response {
    (StatusCode::UNAUTHORIZED, file(HTML, LOGIN.replacen(HIDDEN, "", 1))).into_response()
}

/// A file that browsers keep, but ask for again: a newer program has newer files.
fn file(kind: &'static str, text: String) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}

/// Colours and inks: of the known names of emotions, and of others by their place.
fn palette() -> String {
    let css = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    let pair = |name, index| [color(name, index), ink_on(color(name, index))].map(css);
    let known: BTreeMap<&str, [String; 2]> = labels::names().map(|name| (name, pair(name, 0))).collect();
    let others: Vec<[String; 2]> = (0..OTHERS).map(|index| pair("", index)).collect();
    let order = labels::EMOTIONS;
    format!("export default {};\n", json!({ "order": order, "known": known, "others": others }))
}

/// Colours for unknown labels, before they begin again.
const OTHERS: usize = 9;
