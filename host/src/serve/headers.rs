//! The headers that change how a request is answered.

use axum::http::{HeaderMap, HeaderName};

use super::failure::Failure;

/// `x-use-cache` and `x-wait-for-model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wishes {
    /// A repeated request may be answered from memory.
    pub(super) use_cache: bool,
    /// Wait for a model that is still loading, as long as a request may take.
    pub(super) wait_for_model: bool,
}

impl Wishes {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        Ok(Self {
            use_cache: boolean(headers, &USE_CACHE)?.unwrap_or(true),
            wait_for_model: boolean(headers, &WAIT_FOR_MODEL)?.unwrap_or(false),
        })
    }
}

pub(super) static USE_CACHE: HeaderName = HeaderName::from_static("x-use-cache");
pub(super) static WAIT_FOR_MODEL: HeaderName = HeaderName::from_static("x-wait-for-model");
/// `hit` or `miss`.
pub(super) static CACHE: HeaderName = HeaderName::from_static("x-cache");
/// Seconds that the answer took, once the body was there and its turn had come.
pub(super) static COMPUTE_TIME: HeaderName = HeaderName::from_static("x-compute-time");
/// Seconds of audio.
pub(super) static COMPUTE_AUDIO_LENGTH: HeaderName = HeaderName::from_static("x-compute-audio-length");
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) static AMAZON_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// A header that says yes or no, in any case; absent or empty: neither.
fn boolean(headers: &HeaderMap, name: &HeaderName) -> Result<Option<bool>, Failure> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match value.as_bytes().trim_ascii() {
        b"" => Ok(None),
        b"1" => Ok(Some(true)),
        b"0" => Ok(Some(false)),
        value if value.eq_ignore_ascii_case(b"true") => Ok(Some(true)),
        value if value.eq_ignore_ascii_case(b"false") => Ok(Some(false)),
        _ => Err(Failure::bad_request(format!("the header {name} must be true, false, 1 or 0"))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode};

    use super::*;

    #[test]
    fn booleans_come_in_the_ways_that_clients_write_them() {
        let read = |value| {
            let headers = HeaderMap::from_iter([(USE_CACHE.clone(), HeaderValue::from_static(value))]);
            Wishes::read(&headers).map(|wishes| wishes.use_cache)
        };
        for (value, expected) in [
            ("true", true),
            ("false", false),
            ("1", true),
            ("0", false),
            ("False", false),
            (" TRUE ", true),
            ("", true),
        ] {
            assert_eq!(read(value), Ok(expected), "{value}");
        }
        assert_eq!(read("no").unwrap_err().status(), StatusCode::BAD_REQUEST);
        let defaults = Wishes { use_cache: true, wait_for_model: false };
        assert_eq!(Wishes::read(&HeaderMap::new()), Ok(defaults));
    }
}
