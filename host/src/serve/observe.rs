//! What surrounds every request: its id, its numbers, its line in the log, and that errors are JSON whoever writes them.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::App;
use super::body::SharedBody;
use super::failure::Failure;
use super::headers::{AMAZON_TRACE_ID, REQUEST_ID};

/// The outermost layer.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut leaving = Leaving(Some(app.clone()));
    let id = request_id(request.headers(), &app);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());

    let (parts, body) = request.into_parts();
    let kept = parts.headers.get(header::EXPECT).cloned();
    let body = SharedBody::new(body);
    let response = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    let mut response = as_json(response, &method).await;
    let status = response.status();
    // A client that has stalled is not waited for a second time.
    let has_stalled = status == StatusCode::REQUEST_TIMEOUT;
    if (status.is_client_error() || status.is_server_error()) && !has_stalled {
        let headers = kept.map(|value| (header::EXPECT, value));
        body.drain(&HeaderMap::from_iter(headers), app.config.stall).await;
    }
    leaving.0 = None;

    let seconds = started.elapsed().as_secs_f64();
    app.metrics.finished(status, seconds);
    let id_text = id.to_str().unwrap_or_default();
    let milliseconds = seconds * 1e3;
    if status.is_server_error() {
        warn!(%method, path, status = status.as_u16(), milliseconds, id = id_text, "request");
    } else {
        debug!(%method, path, status = status.as_u16(), milliseconds, id = id_text, "request");
    }
    response.headers_mut().insert(&REQUEST_ID, id);
    if status == StatusCode::TOO_MANY_REQUESTS {
        hold(&app).await;
    }
    response
}

/// Milliseconds for which an answer of 429 is kept back; not always as many, so that those refused together do not come back together.
const HOLD: Range<u64> = 150..350;

/// Keeps back an answer of 429. A client that asks again at once, whatever `retry-after` says, would otherwise take the processors from
/// those whose requests are being computed; this way its connection costs next to nothing while there is no room. Those that are kept
/// back are bounded by the number of connections, and a server that stops lets them go.
async fn hold(app: &App) {
    let milliseconds = HOLD.start + app.random() % (HOLD.end - HOLD.start);
    let mut stopping = app.stopping.clone();
    drop(timeout(Duration::from_millis(milliseconds), stopping.wait_for(|stop| *stop)).await);
}

/// Counts the request as cancelled if its future is dropped before it is done.
struct Leaving(Option<Arc<App>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(app) = &self.0 {
            app.metrics.cancelled();
        }
    }
}

/// Longer ids are not echoed.
const LONGEST_ID: usize = 200;

/// The id that the client sent, or a new one.
fn request_id(headers: &HeaderMap, app: &App) -> HeaderValue {
    let sent = headers.get(&REQUEST_ID).or_else(|| headers.get(&AMAZON_TRACE_ID));
    let sent = sent.filter(|value| !value.is_empty() && value.len() <= LONGEST_ID && value.to_str().is_ok());
    sent.cloned().unwrap_or_else(|| {
        HeaderValue::try_from(format!("{:016x}", app.random())).unwrap_or_else(|_| HeaderValue::from_static("0"))
    })
}

/// The longest text of a refusal that is taken over.
const LONGEST_TEXT: usize = 4096;

/// An error that a library answered in its own words, as `{"error": …}`; everything else as it is.
async fn as_json(response: Response, method: &Method) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if !is_error || content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = parts.headers.get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
            format!("{method} is not possible here: use {}", allowed.replace(',', " or "))
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "this content encoding cannot be read: send the body as it is, or by gzip".to_owned()
        }
        _ => {
            let text = to_bytes(body, LONGEST_TEXT).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            if text.is_empty() { status.canonical_reason().unwrap_or("refused").to_owned() } else { text }
        }
    };
    let written = Failure::new(status, text).into_response();
    let (written_parts, body) = written.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(written_parts.headers);
    Response::from_parts(parts, body)
}

/// The answer where a handler panicked.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Failure::internal("the server failed on this request, and goes on").into_response()
}
