//! A web site as browsers name it.

use std::str::FromStr;

use axum::http::{HeaderValue, Uri};

use crate::Error;

/// The origin of a web site's pages, `scheme://host` or `scheme://host:port`, written as browsers send it (RFC 6454, section 6.2): in lower
/// case, without a path and without the port that the scheme has anyway. Written otherwise it would never be met.
///
/// ```
/// use earmark::serve::Origin;
///
/// assert!("https://example.org".parse::<Origin>().is_ok());
/// assert!("https://example.org/".parse::<Origin>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// As it stands in the header `origin`.
    pub(super) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = Error;

    /// # Errors
    /// [`Error::Origin`] for anything that browsers would not send.
    fn from_str(text: &str) -> Result<Self, Error> {
        as_browsers_write(text)
            .filter(|origin| origin == text)
            .and_then(|origin| HeaderValue::try_from(origin).ok())
            .map(Self)
            .ok_or_else(|| Error::Origin { text: text.to_owned() })
    }
}

/// The origin of a page at this address.
fn as_browsers_write(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = uri.port_u16().filter(|port| Some(*port) != usual).map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{scheme}://{host}{port}").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_browsers_send_is_an_origin() {
        for origin in [
            "http://a.b",
            "https://example.org",
            "http://localhost:3000",
            "https://example.org:80",
            "http://[::1]:8080",
            "http://127.0.0.1",
            "https://xn--bcher-kva.example",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert_eq!(origin.parse::<Origin>().unwrap().header(), origin);
        }
        for other in [
            "",
            "*",
            "null",
            "bad origin",
            "a.b",
            "//a.b",
            "http://",
            "http://a.b/",
            "http://a.b/page",
            "http://a.b?",
            "http://a.b#",
            "http://a.b\n",
            " http://a.b",
            "http://a.b,http://c.d",
            "HTTP://a.b",
            "http://A.b",
            "http://a.b:80",
            "https://a.b:443",
            "http://a.b:",
            "http://a.b:080",
            "http://a.b:99999",
            "http://me@a.b",
            "http://b\u{fc}cher.example",
            "file:///index.html",
        ] {
            let error = other.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains("scheme://host") && !error.contains('\n'), "{other:?}: {error}");
        }
    }
}
