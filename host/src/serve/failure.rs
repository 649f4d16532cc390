//! Answers that are no scores: a status and one string, always as `{"error": …}`.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::Error;

/// What a client is told when it gets no scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    status: StatusCode,
    text: String,
    estimated_time: Option<Duration>,
}

/// The body; `error` is a string whatever happens, because clients lose or choke on anything else.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Error)]
pub(super) struct FailureBody {
    /// What is wrong and what to do.
    error: String,
    /// Seconds until it is worth trying again; only while a model is loading or the server is stopping.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_time: Option<f64>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), estimated_time: None }
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn too_large(text: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    pub(super) fn overload(what: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, format!("the server has {what}: try again in a second"))
    }

    /// Nobody can be answered yet, or any more; `estimate` says how long that may last. A second at least is told: clients that take it
    /// at its word would come again at once.
    pub(super) fn unavailable(text: impl Into<String>, estimate: Duration) -> Self {
        let estimate = estimate.max(Duration::from_secs(1));
        Self { estimated_time: Some(estimate), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text) }
    }

    /// The model is not there yet; `estimate` says how long it may still take.
    pub(super) fn loading(model: &str, estimate: Duration) -> Self {
        let text = format!("model {model} is still loading: try again later, or send x-wait-for-model: true");
        Self::unavailable(text, estimate)
    }

    /// The model was not there in the time that a request may take.
    pub(super) fn loading_timeout(model: &str, limit: Duration) -> Self {
        let text = format!("model {model} is still loading after {} s: try again later", limit.as_secs_f64());
        Self::new(StatusCode::GATEWAY_TIMEOUT, text)
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("the request took longer than {} s: send shorter audio", limit.as_secs_f64()),
        )
    }

    pub(super) fn internal(text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }

    /// The words that the client reads.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The same failure with more to say.
    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        self.text.push_str("; ");
        self.text.push_str(hint);
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::AudioCodec { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::AudioTooLong { .. } | Error::AudioTooLarge { .. } | Error::AudioMemory => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Error::AudioEmpty
            | Error::AudioIsText
            | Error::AudioUnknown
            | Error::AudioNoTrack
            | Error::AudioHeader { .. }
            | Error::AudioNoChannels
            | Error::AudioNoRate
            | Error::AudioRate { .. }
            | Error::AudioTruncated { .. }
            | Error::AudioDamaged { .. }
            | Error::AudioNoFrames
            | Error::AudioNotFinite { .. }
            | Error::AudioResample { .. }
            | Error::WaveformListens
            | Error::Core(earmark_core::Error::ClipsOnly { .. }) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let estimated_time = self.estimated_time.map(|estimate| estimate.as_secs_f64());
        let retry_after = match self.status {
            StatusCode::TOO_MANY_REQUESTS => Some(1),
            StatusCode::SERVICE_UNAVAILABLE => estimated_time.map(|seconds| seconds.ceil() as u64),
            _ => None,
        };
        let body = serde_json::to_string(&FailureBody { error: self.text, estimated_time });
        let body = body.unwrap_or_else(|_| r#"{"error":"the error cannot be written"}"#.to_owned());
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
