//! Which path leads where, and what lies around all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::failure::Failure;
use super::headers::{CACHE, COMPUTE_AUDIO_LENGTH, COMPUTE_TIME, REQUEST_ID};
use super::observe::{observe, panicked};
use super::openapi::Document;
use super::{App, Origin};
use super::{answer, operations, page, stream};

/// Answers shorter than this are not worth compressing: most have a few hundred bytes.
const COMPRESSED_FROM: u64 = 1024;

/// Everything that a connection is served by.
pub(super) fn router(app: &Arc<App>) -> Router {
    around(routes(app), app)
}

fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    use answer::{by_default, by_name, by_owner_and_name, predict};
    use operations::*;

    let asks_for_key = from_fn_with_state(app.clone(), check_key);
    // The page for people and the answers for machines share a path, but only the latter need a key.
    let root = get(page::index).post(by_default.layer(asks_for_key.clone()));
    let open = Router::new()
        .route("/", root)
        .merge(page::parts())
        .merge(both("/health", get(health)))
        .merge(both("/ready", get(ready)))
        .merge(docs());
    let closed = [
        ("/predict", axum::routing::post(predict)),
        ("/models", get(models)),
        ("/models/{name}", get(model_by_name).post(by_name)),
        ("/models/{owner}/{name}", get(model_by_owner_and_name).post(by_owner_and_name)),
        ("/models/{name}/stream", get(stream::by_name)),
        ("/models/{owner}/{name}/stream", get(stream::by_owner_and_name)),
        ("/status/{name}", get(status_by_name)),
        ("/status/{owner}/{name}", get(status_by_owner_and_name)),
        ("/info", get(info)),
        ("/metrics", get(metrics)),
    ];
    let closed = closed.into_iter().fold(Router::new(), |router, (path, methods)| router.merge(both(path, methods)));
    open.merge(closed.route_layer(asks_for_key)).fallback(nowhere)
}

/// The OpenAPI document, and a page to try it that asks no other server.
fn docs() -> SwaggerUi {
    let config = utoipa_swagger_ui::Config::new(["/openapi.json"]).validator_url("none");
    SwaggerUi::new("/docs").url("/openapi.json", Document::openapi()).config(config)
}

/// A route with and without a slash at its end.
fn both(path: &str, methods: MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    Router::new().route(path, methods.clone()).route(&format!("{path}/"), methods)
}

/// The layers, from the innermost to the outermost.
fn around(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    // As one service: layers of a router lie below the place where `allow` is written.
    Router::new()
        .fallback_service(routes.with_state(app.clone()))
        // The limit is kept where bodies are received.
        .layer(DefaultBodyLimit::disable())
        .layer(CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(COMPRESSED_FROM)))
        .layer(RequestDecompressionLayer::new())
        .layer(map_request(respell_encoding))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors(app.config.allow_origin.as_ref()))
        .layer(from_fn_with_state(app.clone(), observe))
}

fn cors(origin: Option<&Origin>) -> CorsLayer {
    let one = |origin: &Origin| AllowOrigin::exact(origin.header().clone());
    CorsLayer::new()
        .allow_origin(origin.map_or_else(AllowOrigin::any, one))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        // Not `*`, which leaves out `authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            REQUEST_ID.clone(),
            CACHE.clone(),
            COMPUTE_TIME.clone(),
            COMPUTE_AUDIO_LENGTH.clone(),
            header::RETRY_AFTER,
        ])
        .max_age(std::time::Duration::from_secs(3600))
}

/// Writes a body's encoding as the layer knows it: names of codings are the same in any case, and `x-gzip` is gzip (RFC 9110, section
/// 8.4.1).
async fn respell_encoding(mut request: Request) -> Request {
    const SPELLINGS: [(&str, &str); 3] = [("gzip", "gzip"), ("x-gzip", "gzip"), ("identity", "identity")];
    if let Some(encoding) = request.headers_mut().get_mut(header::CONTENT_ENCODING) {
        let is = |name: &str| encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        if let Some((_, known)) = SPELLINGS.into_iter().find(|(name, _)| is(name)) {
            *encoding = HeaderValue::from_static(known);
        }
    }
    request
}

async fn check_key(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Failure> {
    app.auth.check(request.headers())?;
    Ok(next.run(request).await)
}

async fn nowhere(uri: Uri) -> Failure {
    let path = uri.path();
    Failure::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {path}: POST audio to / or /models/MODEL; /docs shows all there is"),
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;

    use super::*;
    use crate::classify::Engine;
    use crate::serve::registry::Registry;
    use crate::serve::{Config, connection};

    async fn faulty() -> &'static str {
        panic!("a fault that nobody foresaw")
    }

    async fn stalled() -> StatusCode {
        StatusCode::REQUEST_TIMEOUT
    }

    #[tokio::test]
    async fn a_body_that_has_stalled_is_not_waited_for_again() {
        let (stop, stopping) = watch::channel(false);
        let config = Config { stall: std::time::Duration::from_secs(3600), ..Config::default() };
        let app = App::new(config, Registry::new(None, Engine::Core).unwrap(), stopping.clone());
        let router = around(routes(&app).route("/stalled", axum::routing::post(stalled)), &app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let serving = tokio::spawn(async move { connection::serve(listener, router, &app, stopping).await });

        // An answer that waited for this body would come after an hour.
        stream.write_all(b"POST /stalled HTTP/1.1\r\nhost: earmark\r\ncontent-length: 9\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");

        stop.send_replace(true);
        assert_eq!(serving.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_panic_in_a_handler_is_a_500_in_json_and_the_connection_goes_on() {
        let (stop, stopping) = watch::channel(false);
        let app = App::new(Config::default(), Registry::new(None, Engine::Core).unwrap(), stopping.clone());
        let router = around(routes(&app).route("/faulty", get(faulty)), &app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { connection::serve(listener, router, &app, stopping).await });

        let mut stream = TcpStream::connect(address).await.unwrap();
        for path in ["/faulty", "/faulty", "/health"] {
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: earmark\r\n\r\n").as_bytes()).await.unwrap();
        }
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: earmark\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text.matches("HTTP/1.1 500 ").count(), 2, "{text}");
        assert_eq!(text.matches(r#"{"error":"the server failed on this request, and goes on"}"#).count(), 2);
        assert!(text.contains(r#"{"status":"ok"}"#) && text.contains("HTTP/1.1 404 "), "{text}");

        stop.send_replace(true);
        assert_eq!(serving.await.unwrap(), 0);
    }
}
