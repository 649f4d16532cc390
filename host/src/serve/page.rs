//! The page for people.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// Nothing but what this server serves: no other site, no inline script. Bars have their widths in a style attribute.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                      media-src blob:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page for people: drop a file or record, see spectrogram and scores.
#[utoipa::path(get, path = "/", tag = "operations", responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn index() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("page/index.html"))
}

/// What the page consists of.
pub(super) fn parts<S: Clone + Send + Sync + 'static>() -> Router<S> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let parts = [
        ("/page/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
        ("/page/main.js", SCRIPT, include_str!("page/main.js")),
        ("/page/microphone.js", SCRIPT, include_str!("page/microphone.js")),
        ("/page/recorder.js", SCRIPT, include_str!("page/recorder.js")),
        ("/page/spectrogram.js", SCRIPT, include_str!("page/spectrogram.js")),
        ("/page/wav.js", SCRIPT, include_str!("page/wav.js")),
    ];
    parts.into_iter().fold(Router::new(), |router, (path, content_type, text)| {
        let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")];
        router.route(path, get(move || async move { (headers, text) }))
    })
}
