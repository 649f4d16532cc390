//! What a request asks: the audio file and the parameters, in whichever of the forms that clients send.
//!
//! The content type is no help, clients send any: what a body is, is told by its first bytes.

use std::borrow::Cow;

use earmark_core::api::{Base64, FunctionToApply, Parameters, Request, parse_top_k};
use serde::Deserialize;

use super::failure::Failure;
use crate::audio::Signature;

/// A request, read.
#[derive(Debug)]
pub(super) struct Question<'b> {
    /// The audio file.
    pub(super) audio: Cow<'b, [u8]>,
    pub(super) parameters: Parameters,
    form: Form,
}

/// How the audio came, for better words when it turns out to be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Raw,
    Json,
}

impl<'b> Question<'b> {
    /// Reads a body; `query` holds the parameters that came outside of it, which those in it override.
    pub(super) fn read(body: &'b [u8], query: Parameters, most_audio: u64) -> Result<Self, Failure> {
        let trimmed = body.trim_ascii_start();
        if trimmed.is_empty() {
            return Err(Failure::bad_request(
                "the body is empty: send an audio file, or {\"inputs\": \"<the audio file as base64>\"}",
            ));
        }
        if trimmed.starts_with(b"{") || trimmed.starts_with(b"\xef\xbb\xbf{") {
            let request = Request::read(trimmed).map_err(|error| unreadable(trimmed, error))?;
            let audio = decode(request.inputs, most_audio)?;
            return Ok(Self { audio: Cow::Owned(audio), parameters: request.parameters.or(query), form: Form::Json });
        }
        let audio = match Signature::of(body) {
            Signature::Text => match bare_base64(trimmed, most_audio)? {
                Some(audio) => Cow::Owned(audio),
                None => return Err(neither(trimmed)),
            },
            _ => Cow::Borrowed(body),
        };
        check_length(audio.len(), most_audio)?;
        Ok(Self { audio, parameters: query, form: Form::Raw })
    }

    /// A failure to decode the audio, with what the way it came suggests.
    pub(super) fn explain(&self, error: crate::Error) -> Failure {
        let is_unknown = matches!(error, crate::Error::AudioUnknown | crate::Error::AudioIsText);
        let failure = Failure::from(error);
        match self.form {
            Form::Json if is_unknown => {
                failure.with_hint("`inputs` must be the file's bytes as base64, not its name or address")
            }
            Form::Raw if is_stripped(&self.audio) => failure.with_hint(STRIPPED),
            _ => failure,
        }
    }
}

const STRIPPED: &str =
    "its zero bytes and line ends are missing: with curl, send the file with --data-binary instead of -d";

/// Shorter files may have no zero byte and no line end by chance.
const STRIPPED_AT_LEAST: usize = 512;

/// Whether a file went through `curl -d @file`, which takes out every zero byte and line end. Text may have neither of itself.
fn is_stripped(audio: &[u8]) -> bool {
    audio.len() >= STRIPPED_AT_LEAST
        && !audio.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
        && std::str::from_utf8(audio).is_err()
}

/// What is said of text that is neither JSON nor base64 of audio.
fn neither(text: &[u8]) -> Failure {
    let failure = Failure::bad_request(
        "the body is text, but neither JSON with `inputs` nor base64 of an audio file: send the audio file itself as the body",
    );
    let hint = match text {
        [b'[' | b'"', ..] => Some("JSON must be an object, {\"inputs\": \"<the audio file as base64>\"}"),
        [b'<', ..] => Some("it looks like a web page that was saved in the audio file's place"),
        _ if is_stripped(text) => Some(STRIPPED),
        _ => other_encoding(text),
    };
    hint.into_iter().fold(failure, Failure::with_hint)
}

/// What is said of JSON that cannot be read.
fn unreadable(body: &[u8], error: earmark_core::Error) -> Failure {
    #[derive(Deserialize)]
    struct Text<'b> {
        #[serde(borrow)]
        inputs: Cow<'b, str>,
    }
    let failure = Failure::bad_request(error.to_string());
    let is_other_text = matches!(error, earmark_core::Error::Base64Character { .. });
    let text = if is_other_text { serde_json::from_slice::<Text<'_>>(body).ok() } else { None };
    let hint = text.and_then(|text| other_encoding(text.inputs.trim_ascii_start().as_bytes()));
    hint.into_iter().fold(failure, Failure::with_hint)
}

/// What to do with text that holds audio in a way that is nearly base64.
fn other_encoding(text: &[u8]) -> Option<&'static str> {
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"data:")) {
        Some("it is a data: URL: send only the base64 behind its comma")
    } else if is_url_safe(text) {
        Some("it is base64 of the URL-safe alphabet: write + for - and / for _")
    } else {
        None
    }
}

/// Digits in which a signature is seen: 48 bytes.
const SIGNATURE_DIGITS: usize = 64;

/// Whether a text is audio in base64 of the URL-safe alphabet (RFC 4648, section 5).
fn is_url_safe(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_= \t\r\n".contains(byte);
    if !text.iter().any(|byte| matches!(byte, b'-' | b'_')) || !text.iter().all(is_digit) {
        return false;
    }
    let digits = text.iter().filter(|byte| !byte.is_ascii_whitespace()).take(SIGNATURE_DIGITS);
    let standard: Vec<u8> = digits
        .map(|digit| match digit {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    matches!(bare_base64(&standard, SIGNATURE_DIGITS as u64), Ok(Some(_)))
}

/// The audio in a body that is base64 and nothing else, if it is.
fn bare_base64(body: &[u8], most_audio: u64) -> Result<Option<Vec<u8>>, Failure> {
    let text = std::str::from_utf8(body).ok().and_then(|text| Base64::from_text(text).ok());
    let Some(audio) = text.map(|text| decode(text, most_audio)).transpose()? else { return Ok(None) };
    let is_audio = matches!(Signature::of(&audio), Signature::Wav | Signature::Compressed | Signature::Unsupported(_));
    Ok(is_audio.then_some(audio))
}

fn decode(text: Base64<'_>, most_audio: u64) -> Result<Vec<u8>, Failure> {
    let length = text.decoded_length();
    check_length(length, most_audio)?;
    let mut audio = vec![0; length];
    text.decode_into(&mut audio).map_err(|error| Failure::bad_request(error.to_string()))?;
    Ok(audio)
}

fn check_length(length: usize, most: u64) -> Result<(), Failure> {
    if length as u64 > most {
        return Err(Failure::too_large(format!("the audio file is larger than {most} bytes: split it")));
    }
    Ok(())
}

/// The parameters among a query's or a form's pairs; others are ignored.
pub(super) fn parameters<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Parameters, Failure> {
    let mut parameters = Parameters::default();
    for (name, value) in pairs {
        let is_repeated = match name {
            "top_k" => {
                let top_k = parse_top_k(value).map_err(|error| Failure::bad_request(error.to_string()))?;
                parameters.top_k.replace(top_k).is_some()
            }
            "function_to_apply" => {
                let function: FunctionToApply =
                    value.parse().map_err(|error: earmark_core::Error| Failure::bad_request(error.to_string()))?;
                parameters.function_to_apply.replace(function).is_some()
            }
            _ => false,
        };
        if is_repeated {
            return Err(Failure::bad_request(format!("{name} is there twice: send it once")));
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = 1 << 16;

    fn read(body: &[u8]) -> Result<Question<'_>, Failure> {
        Question::read(body, Parameters::default(), MOST)
    }

    #[test]
    fn the_same_audio_comes_in_three_forms() {
        let audio = b"RIFF\0\0\0\0WAVEfmt ";
        for body in [&audio[..], b"UklGRgAAAABXQVZFZm10IA==", b" {\"inputs\":\"UklGRgAAAABXQVZFZm10IA\"}"] {
            assert_eq!(read(body).unwrap().audio[..], audio[..]);
        }
    }

    #[test]
    fn a_file_that_lost_its_zero_bytes_is_told_so() {
        let stripped = [&b"RIFF$}WAVEfmt "[..], &[0x80; 1000]].concat();
        let question = read(&stripped).unwrap();
        let text = format!("{:?}", question.explain(crate::Error::AudioUnknown));
        assert!(text.contains("--data-binary"), "{text}");
    }

    #[test]
    fn text_is_told_what_it_is() {
        let base64 = "UklGRgAAAABXQVZFZm10IA".to_owned() + &"A".repeat(1000);
        let url_safe = base64.replace("AA", "-_");
        assert!(read(base64.as_bytes()).is_ok());
        let text = "a page without a line end, ".repeat(40);
        for (body, words) in [
            (format!("<html>{text}</html>"), "web page"),
            (format!("[\"{base64}\"]"), "must be an object"),
            (format!("\"{base64}\""), "must be an object"),
            (format!("data:audio/wav;base64,{base64}"), "data: URL"),
            (format!("{{\"inputs\":\"data:audio/wav;base64,{base64}\"}}"), "data: URL"),
            (format!("{{\"inputs\":\"data:audio\\/wav;base64,{base64}\"}}"), "data: URL"),
            (url_safe.clone(), "URL-safe"),
            (format!(" {url_safe}=="), "URL-safe"),
            (format!("{{\"inputs\":\"{url_safe}\"}}"), "URL-safe"),
            (text.clone(), "send the audio file itself as the body"),
            ("\u{e4}".repeat(600), "send the audio file itself as the body"),
            ("not-audio_".repeat(60), "send the audio file itself as the body"),
            (format!("{{\"inputs\":\"{}\"}}", "my_file-".repeat(60)), "not its name or address"),
        ] {
            let failure = read(body.as_bytes()).unwrap_err();
            assert!(failure.text().contains(words), "{body}: {}", failure.text());
            assert!(!failure.text().contains("--data-binary"), "{body}: {}", failure.text());
            assert_eq!(failure.status(), StatusCode::BAD_REQUEST);
            let hints = ["web page", "must be an object", "data: URL", "URL-safe"];
            assert!(hints.iter().all(|hint| *hint == words || !failure.text().contains(hint)), "{}", failure.text());
        }
    }

    #[test]
    fn parameters_in_the_body_go_before_those_in_the_query() {
        let query = parameters([("top_k", "3"), ("function_to_apply", "none"), ("other", "")].into_iter()).unwrap();
        let body = br#"{"inputs":"UklG","parameters":{"top_k":1}}"#;
        let question = Question::read(body, query, MOST).unwrap();
        assert_eq!(question.parameters.top_k.map(|k| k.get()), Some(1));
        assert_eq!(question.parameters.function_to_apply, Some(FunctionToApply::None));
        for pairs in
            [[("top_k", "1"), ("top_k", "1")], [("top_k", "0"), ("a", "")], [("function_to_apply", ""), ("a", "")]]
        {
            assert_eq!(parameters(pairs.into_iter()).unwrap_err().status(), StatusCode::BAD_REQUEST, "{pairs:?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(
            body in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), "\\PC{0,200}".prop_map(String::into_bytes)],
        ) {
            if let Err(failure) = read(&body) {
                prop_assert!(failure.status().is_client_error());
            }
        }
    }
}
