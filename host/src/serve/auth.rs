//! The key that requests bring along, if one is configured.

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::failure::Failure;

/// Checks `authorization` headers.
pub(super) struct Auth {
    /// The key's hash: hashes have one length, so that comparing takes the same time whatever was sent.
    expected: Option<[u8; 32]>,
}

impl Auth {
    /// Without a key, everybody may ask.
    pub(super) fn new(key: Option<&str>) -> Self {
        Self { expected: key.map(|key| Sha256::digest(key).into()) }
    }

    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let Some(expected) = &self.expected else { return Ok(()) };
        let refused = |text: &str| Failure::new(StatusCode::UNAUTHORIZED, text);
        let key = headers
            .get(header::AUTHORIZATION)
            .and_then(|header| bearer(header.as_bytes()))
            .ok_or_else(|| refused("this server asks for a key: send it as the header `authorization: Bearer KEY`"))?;
        let given: [u8; 32] = Sha256::digest(key).into();
        if given.ct_eq(expected).into() { Ok(()) } else { Err(refused("the key is not the one this server asks for")) }
    }
}

/// The key in `Bearer KEY`, or in `Bearer: KEY` as the specification writes it, in any case; absent in anything else.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = header.split_at_checked(6)?;
    let is_apart = matches!(rest, [b':' | b' ' | b'\t', ..]);
    let key = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer") && is_apart).then_some(key)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(key: Option<&str>, header: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(header));
        }
        Auth::new(key).check(&headers).is_ok()
    }

    #[test]
    fn a_key_is_asked_for_only_where_there_is_one() {
        for header in [None, Some("Bearer "), Some("Bearer"), Some("Basic x")] {
            assert!(check(None, header), "{header:?}");
            assert!(!check(Some("secret"), header), "{header:?}");
        }
        for right in ["Bearer secret", "Bearer: secret", "bearer secret", "BEARER:secret", "Bearer  secret"] {
            assert!(check(Some("secret"), Some(right)), "{right}");
        }
        for wrong in [
            "Bearer secre",
            "Bearer secrets",
            "Bearer SECRET",
            "secre",
            "secret",
            "Bearersecret",
            "Basic secret",
            "Bearer:",
        ] {
            assert!(!check(Some("secret"), Some(wrong)), "{wrong}");
        }
    }
}
