//! Forms with one file: `curl -F file=@yes.wav`, and what browsers send.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header, request::Parts};
use earmark_core::api::Parameters;

use super::failure::Failure;
use super::question::parameters;

/// Whether a body is a form: here the content type counts, because only it knows the boundary; but it must be right, for clients send
/// wrong ones.
pub(super) fn is_form(headers: &HeaderMap, body: &[u8]) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let is_multipart = content_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"));
    is_multipart && body.trim_ascii_start().starts_with(b"--")
}

/// The one file in a form, and parameters that stand beside it; other fields are ignored. Where no field has a file's name, the only
/// one is taken for the file.
pub(super) async fn read(parts: Parts, body: Vec<u8>) -> Result<(Vec<u8>, Parameters), Failure> {
    let broken = |detail: String| Failure::bad_request(format!("the form cannot be read ({detail}): send it again"));
    let request = Request::from_parts(parts, Body::from(body));
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| broken(error.body_text()))?;
    let mut pairs = Vec::new();
    let (mut files, mut nameless) = (Vec::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(|error| broken(error.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let is_parameter = !is_file && matches!(name.as_str(), "top_k" | "function_to_apply");
        let bytes = field.bytes().await.map_err(|error| broken(error.body_text()))?;
        if is_parameter {
            pairs.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        } else if is_file {
            files.push(bytes);
        } else {
            nameless.push(bytes);
        }
    }
    let mut candidates = if files.is_empty() { nameless } else { files };
    let file = candidates.pop().ok_or_else(|| Failure::bad_request("the form has no file: send one"))?;
    if !candidates.is_empty() {
        return Err(Failure::bad_request("the form has more than one file: send one"));
    }
    let parameters = parameters(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    Ok((file.into(), parameters))
}
