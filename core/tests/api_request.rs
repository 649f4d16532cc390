//! The request reader: what clients send, what it says about what they should not have sent, and that no bytes break it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use earmark_core::Error;
use earmark_core::api::{FunctionToApply, MAX_DEPTH, Parameters, Request};
use proptest::prelude::*;

fn decoded(request: &Request<'_>) -> Result<Vec<u8>, Error> {
    let mut audio = vec![0; request.inputs.decoded_length()];
    let length = request.inputs.decode_into(&mut audio)?;
    assert_eq!(length, audio.len());
    Ok(audio)
}

fn read(body: &str) -> Result<(Vec<u8>, Parameters), Error> {
    let request = Request::read(body.as_bytes())?;
    Ok((decoded(&request)?, request.parameters))
}

fn parameters(json: &str) -> Result<Parameters, Error> {
    read(&format!(r#"{{"inputs":"UklGRg==","parameters":{json}}}"#)).map(|(_, parameters)| parameters)
}

fn top_k(json: &str) -> Result<Option<u32>, Error> {
    parameters(&format!(r#"{{"top_k":{json}}}"#)).map(|parameters| parameters.top_k.map(u32::from))
}

#[test]
fn every_way_to_write_base64_is_read() {
    for inputs in [
        r"UklGRj8+Pz8=",
        r"UklGRj8+Pz8",
        r"UklG\nRj8+\r\nPz8=\n",
        "UklG\r\nRj8+\n\tPz8=",
        r" UklGRj8+Pz8 = ",
        r"UklGRj8\u002bPz8\u003D",
        r"\u0055klGRj8+Pz8=",
    ] {
        assert_eq!(
            read(&format!(r#"{{"inputs":"{inputs}"}}"#)),
            Ok((b"RIFF?>??".to_vec(), Parameters::default())),
            "{inputs}"
        );
    }
    assert_eq!(read(r#"{"inputs":"\/\/\/\/"}"#), Ok((vec![0xff; 3], Parameters::default())));
}

#[test]
fn parameters_are_read_wherever_they_stand() {
    let both = Parameters { function_to_apply: Some(FunctionToApply::Sigmoid), top_k: core::num::NonZeroU32::new(3) };
    assert_eq!(parameters(r#"{"top_k": 3, "function_to_apply": "sigmoid"}"#), Ok(both));
    assert_eq!(
        read(r#" { "parameters" : {"function_to_apply":"sigm\u006fid","top_k":3} , "\u0069nputs":"UklG" } "#),
        Ok((b"RIF".to_vec(), both))
    );
    for none in ["null", "{}", r#"{"top_k":null,"function_to_apply":null}"#, r#"{"other":[{"top_k":0}]}"#] {
        assert_eq!(parameters(none), Ok(Parameters::default()), "{none}");
    }
}

#[test]
fn unknown_keys_are_ignored_but_checked() {
    let ignored = r#"[null,true,false,-0.5e+7,0,"\"",{"":{}},[[]],{"a":[1,{"b":2}],"c":""}]"#;
    let body = format!(r#"{{"options":{ignored},"inputs":"UklG","parameters":{{"x":{ignored}}},"y":{ignored}}}"#);
    assert!(read(&body).is_ok());
    for bad in [
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{1:2}",
        "tru",
        "nulL",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "NaN",
        "'a'",
        r#""\x""#,
        r#""\u12g4""#,
        "\"\u{1}\"",
        "[}",
        "{]",
        "",
        "\"",
    ] {
        let body = format!(r#"{{"inputs":"UklG","options":{bad}}}"#);
        assert!(matches!(read(&body), Err(Error::RequestSyntax { .. })), "{bad}: {:?}", read(&body));
    }
}

#[test]
fn top_k_is_a_whole_number_of_one_or_more() {
    for (json, value) in [
        ("1", 1),
        ("12", 12),
        ("3.0", 3),
        ("3.000", 3),
        ("3e0", 3),
        ("0.3e1", 3),
        ("30e-1", 3),
        ("1E+2", 100),
        ("4294967295", u32::MAX),
        ("99999999999999999999", u32::MAX),
        ("1e400", u32::MAX),
        ("1e99999999999999999999", u32::MAX),
    ] {
        assert_eq!(top_k(json), Ok(Some(value)), "{json}");
    }
    for json in [
        "0",
        "-0",
        "0.0",
        "0e9",
        "-1",
        "-3.0",
        "2.5",
        "0.99999999999999999",
        "1e-1",
        "1e-99999999999999999999",
        "31e-1",
    ] {
        assert_eq!(top_k(json), Err(Error::TopKInvalid), "{json}");
    }
    for (json, found) in [("true", "a boolean"), (r#""3""#, "a string"), ("[3]", "an array"), ("{}", "an object")] {
        let expected = "a whole number of 1 or more";
        let error = Error::RequestFieldType { field: "parameters.top_k", expected, found };
        assert_eq!(top_k(json), Err(error), "{json}");
    }
    assert_eq!(top_k("null"), Ok(None));
}

#[test]
fn what_is_wrong_is_named() {
    let nested = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    for (body, message) in [
        ("", "the request is not valid JSON at byte 0: expected a value"),
        ("\u{feff}{}", "the request starts with a byte order mark: send plain UTF-8 without it"),
        ("[]", "`the request` must be an object and is an array"),
        (r#"{"inputs":"UklG""#, "the request is not valid JSON at byte 16: expected a comma or }"),
        (r#"{"inputs":"UklG"} x"#, "the request is not valid JSON at byte 18: expected nothing after the closing }"),
        (r#"{"inputs":"UklG"}{}"#, "the request is not valid JSON at byte 17: expected nothing after the closing }"),
        ("{}", "the request has no `inputs`: send {\"inputs\": \"<the audio file as base64>\"}"),
        (r#"{"inputs":{}}"#, "`inputs` must be the audio file as a base64 string and is an object"),
        (r#"{"inputs":null}"#, "`inputs` must be the audio file as a base64 string and is null"),
        (r#"{"inputs":""}"#, "`inputs` is empty: send the audio file in it as base64"),
        (r#"{"inputs":" \n="}"#, "`inputs` is empty: send the audio file in it as base64"),
        (
            r#"{"inputs":"sample1.flac"}"#,
            "`inputs` is not base64: it has '.' at character 7; send the audio file's bytes as base64, not its name or \
             address",
        ),
        (
            r#"{"inputs":"UklGR"}"#,
            "`inputs` is not whole base64: 5 characters and 0 of padding end within a byte; send all of it",
        ),
        (r#"{"inputs":"UklG","inputs":"UklG"}"#, "the request has `inputs` twice: send it once"),
        (r#"{"inputs":"UklG","parameters":{},"parameters":null}"#, "the request has `parameters` twice: send it once"),
        (r#"{"parameters":{"top_k":1,"top_\u006b":1}}"#, "the request has `parameters.top_k` twice: send it once"),
        (r#"{"parameters":3}"#, "`parameters` must be an object and is a number"),
        (
            r#"{"parameters":{"function_to_apply":"Softmax"}}"#,
            "function_to_apply must be sigmoid, softmax or none, in lower case",
        ),
        (
            r#"{"parameters":{"function_to_apply":1}}"#,
            "`parameters.function_to_apply` must be one of sigmoid, softmax and none and is a number",
        ),
        (
            &nested(MAX_DEPTH),
            "the request opens more than 32 objects and arrays inside each other at byte 36: send {\"inputs\": …, \
             \"parameters\": {…}}",
        ),
    ] {
        let error = read(body).unwrap_err();
        assert_eq!(error.to_string(), message, "{body}");
    }
    assert_eq!(read(&nested(MAX_DEPTH - 1)), Err(Error::RequestFieldMissing { field: "inputs" }));
    assert_eq!(Request::read(b"{\"inputs\":\"\xff\"}"), Err(Error::RequestNotUtf8 { offset: 11 }));
    for padded_wrongly in ["UklG=", "UklGRg=", "UklGRg===", "UklGRj8===", "=UklG", "Ukl=G"] {
        let answer = read(&format!(r#"{{"inputs":"{padded_wrongly}"}}"#));
        assert!(
            matches!(answer, Err(Error::Base64Length { .. } | Error::Base64Character { .. })),
            "{padded_wrongly}: {answer:?}"
        );
    }
    // The last character of "Rh" carries bits of a byte that never comes.
    assert!(matches!(read(r#"{"inputs":"Rh"}"#), Err(Error::Base64Length { .. })));
}

#[test]
fn a_buffer_that_is_too_small_says_what_is_needed() {
    let request = Request::read(br#"{"inputs":"UklGRg"}"#).unwrap();
    assert_eq!(request.inputs.decoded_length(), 4);
    assert_eq!(request.inputs.decode_into(&mut [0; 3]), Err(Error::BufferTooSmall { needed: 4, given: 3 }));
    assert_eq!(request.inputs.decode_into(&mut [0; 9]), Ok(4));
}

#[test]
fn a_million_brackets_are_refused_without_a_deep_stack() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let bomb = format!(r#"{{"a":{}1{}}}"#, open.repeat(1_000_000), close.repeat(1_000_000));
        assert!(matches!(Request::read(bomb.as_bytes()), Err(Error::RequestTooDeep { .. })));
    }
    // Wide is not deep.
    let wide = format!(r#"{{"a":[{}[]],"inputs":"UklG"}}"#, "[[]],".repeat(100_000));
    assert!(Request::read(wide.as_bytes()).is_ok());
}

/// The base64 of `audio`, written in one of the ways that clients use.
fn wrap(audio: &[u8], padded: bool, every: usize, separator: &str, escaped: bool) -> String {
    let text = if padded { STANDARD.encode(audio) } else { STANDARD_NO_PAD.encode(audio) };
    let mut wrapped = String::new();
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % every == 0 {
            wrapped.push_str(separator);
        }
        match character {
            '/' if escaped => wrapped.push_str("\\/"),
            '+' if escaped => wrapped.push_str("\\u002B"),
            plain => wrapped.push(plain),
        }
    }
    wrapped
}

proptest! {
    #[test]
    fn any_audio_survives_any_wrapping(
        audio in prop::collection::vec(any::<u8>(), 1..2000),
        padded in any::<bool>(),
        every in 1_usize..100,
        separator in prop::sample::select(vec!["", "\n", "\\n", "\r\n", "\\r\\n", " ", "\\t"]),
        escaped in any::<bool>(),
    ) {
        let body = format!(r#"{{"inputs":"{}"}}"#, wrap(&audio, padded, every, separator, escaped));
        let request = Request::read(body.as_bytes()).unwrap();
        prop_assert_eq!(decoded(&request).unwrap(), audio);
    }

    #[test]
    fn any_bytes_get_an_answer(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = Request::read(&body) {
            let _ = decoded(&request);
        }
    }

    #[test]
    fn text_that_looks_like_json_is_accepted_as_serde_json_accepts_it(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u00", "0041", "\"a\"", "\"inputs\":", "\"UklG\"", "-", "0", "1",
                ".5", "e3", "true", "false", "null", " ", "\n", "é",
            ]),
            0..12,
        )
    ) {
        let body = format!(r#"{{"inputs":"UklG","x":{}}}"#, pieces.concat());
        let ours = Request::read(body.as_bytes());
        // `IgnoredAny`: the grammar alone, without the range of numbers.
        match serde_json::from_str::<serde::de::IgnoredAny>(&body) {
            Ok(_) => prop_assert!(
                !matches!(ours, Err(Error::RequestSyntax { .. })), "{}: {:?}", body, ours
            ),
            // Raw line breaks in strings are let through on purpose.
            Err(_) if !body.contains('\n') => prop_assert!(ours.is_err(), "{}: {:?}", body, ours),
            Err(_) => {}
        }
    }

    #[test]
    fn a_valid_body_with_one_byte_changed_gets_an_answer(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = br#"{"inputs":"UklGRg==","parameters":{"function_to_apply":"none","top_k":3.0},"x":[{}]}"#.to_vec();
        let position = position.index(body.len());
        body[position] = byte;
        if let Ok(request) = Request::read(&body) {
            let _ = decoded(&request);
        }
    }

    #[test]
    fn nested_values_are_judged_by_their_depth(opens in prop::collection::vec(any::<bool>(), 0..60)) {
        let mut value = String::new();
        for is_object in &opens {
            value.push_str(if *is_object { r#"{"k":"# } else { "[" });
        }
        value.push('1');
        for is_object in opens.iter().rev() {
            value.push(if *is_object { '}' } else { ']' });
        }
        let body = format!(r#"{{"inputs":"UklG","x":{value}}}"#);
        let answer = Request::read(body.as_bytes());
        if opens.len() < MAX_DEPTH {
            prop_assert!(answer.is_ok(), "{:?}", answer);
        } else {
            prop_assert!(matches!(answer, Err(Error::RequestTooDeep { .. })), "{:?}", answer);
        }
    }
}
