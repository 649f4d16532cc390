//! Streaming over a WebSocket: samples in, a message for every detection out.

mod ears;
mod query;
mod session;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::TryAcquireError;

use super::App;
use super::failure::{Failure, FailureBody};
use super::metrics::Counted;
use super::openapi::{AskedModel, AskedOwnersModel, AskedStream};
pub(super) use ears::Ears;
use query::Pcm;
use session::{Chain, Session};

/// The longest message: at 16 kHz, half a minute.
const LONGEST_MESSAGE: usize = 1 << 20;

type Pairs = Query<Vec<(String, String)>>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Listens, by a WebSocket: binary messages of samples in, a text message out for each detection, such as
/// `{"start":1.24,"end":1.78,"label":"yes","score":0.97}`. An empty binary message ends it: the last detections come, then the close.
#[utoipa::path(
    get, path = "/models/{name}/stream", tag = "streaming", params(AskedModel, AskedStream), responses(
        (status = 101, description = "the stream is open"),
        (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 404, body = FailureBody),
        (status = 426, description = "the request is no WebSocket's", body = FailureBody),
        (status = 429, description = "as many streams are open as the server takes", body = FailureBody),
        (status = 500, body = FailureBody), (status = 503, body = FailureBody),
    ),
)]
pub(super) async fn by_name(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    query: Pairs,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Failure> {
    open(app, &name, query, &headers, upgrade).await
}

/// The same, by the model of an owner.
#[utoipa::path(
    get, path = "/models/{owner}/{name}/stream", tag = "streaming", params(AskedOwnersModel, AskedStream), responses(
        (status = 101, description = "the stream is open"),
        (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 404, body = FailureBody),
        (status = 426, description = "the request is no WebSocket's", body = FailureBody),
        (status = 429, description = "as many streams are open as the server takes", body = FailureBody),
        (status = 500, body = FailureBody), (status = 503, body = FailureBody),
    ),
)]
pub(super) async fn by_owner_and_name(
    State(app): State<Arc<App>>,
    Path((owner, name)): Path<(String, String)>,
    query: Pairs,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Failure> {
    open(app, &format!("{owner}/{name}"), query, &headers, upgrade).await
}

async fn open(
    app: Arc<App>,
    id: &str,
    Query(pairs): Pairs,
    headers: &HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Failure> {
    let entry = app.entry(id)?;
    let pcm = Pcm::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE),
        Err(_) => return Ok(no_socket()),
    };
    check_origin(&app, headers)?;
    let place = app.streams.clone().try_acquire_owned().map_err(|error| match error {
        TryAcquireError::NoPermits => Failure::overload("as many streams as it takes"),
        TryAcquireError::Closed => Failure::internal("the server is closing"),
    })?;
    let model = app.ready(&entry, false).await?;
    let ears = model.listen()?;
    let chain = Chain { converter: pcm.converter(model.facts().sample_rate)?, ears };
    let session = Session { _counted: Counted::new(&app.metrics.streams), _place: place, app, model, chain };
    Ok(upgrade.on_upgrade(move |socket| session.run(socket)))
}

/// The answer to a request that opens no WebSocket.
fn no_socket() -> Response {
    let text = "samples are streamed over a WebSocket: open one at this address";
    let mut response = Failure::new(StatusCode::UPGRADE_REQUIRED, text).into_response();
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

/// Browsers let any page open a WebSocket and leave it to the server to refuse.
fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Failure> {
    let (Some(allowed), Some(origin)) = (&app.config.allow_origin, headers.get(header::ORIGIN)) else { return Ok(()) };
    let host = headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    let is_own = origin.as_bytes().strip_prefix(b"http://").is_some_and(|origin| origin == host);
    if is_own || origin == allowed.header() {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "pages of this web site may not ask here: start the server with --allow-origin {}",
        origin.to_str().unwrap_or("ORIGIN")
    )))
}
