//! `/stream/SOURCE.mjpg`: annotated pictures, if the daemon was started with `--stream`.

use super::{Server, api};
use crate::pictures::{Jpeg, Viewer};
use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use futures_util::stream::unfold;
use std::{convert::Infallible, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;

/// Clients that watch at a time.
pub const MAX_VIEWERS: usize = 32;
/// Each picture is a part of one answer, as programs that show MJPEG expect.
const TYPE: &str = "multipart/x-mixed-replace; boundary=emotiond";

/// Begins a stream.
pub async fn stream(State(server): State<Arc<Server>>, Path(file): Path<String>) -> Response {
    let Some(pictures) = &server.hub.pictures else {
        return api::refuse(
            StatusCode::NOT_FOUND,
            "pictures are not served: start emotiond run with --stream",
        );
    };
    let source = file.strip_suffix(".mjpg").and_then(|name| api::find(&server, name));
    let Some(source) = source else {
        return api::refuse(StatusCode::NOT_FOUND, "there is no such source; write /stream/SOURCE.mjpg");
    };
    let Ok(place) = Arc::clone(&server.viewers).try_acquire_owned() else {
        return api::busy(&format!("{MAX_VIEWERS} clients watch already"));
    };
    let parts = unfold((pictures.watch(&source), place), next_part);
    (
        [(CONTENT_TYPE, TYPE), ("x-accel-buffering".parse().expect("it is a header"), "no")],
        Body::from_stream(parts),
    )
        .into_response()
}

type Watching = (Viewer, OwnedSemaphorePermit);

async fn next_part((mut viewer, place): Watching) -> Option<(Result<Bytes, Infallible>, Watching)> {
    let picture = viewer.next().await?;
    Some((Ok(part(&picture)), (viewer, place)))
}

fn part(picture: &Jpeg) -> Bytes {
    let head = format!("--emotiond\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len());
    let mut part = Vec::with_capacity(head.len() + picture.len() + 2);
    part.extend_from_slice(head.as_bytes());
    part.extend_from_slice(picture);
    part.extend_from_slice(b"\r\n");
    part.into()
}
