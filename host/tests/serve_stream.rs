//! `GET /models/{id}/stream`: the same detections as those of a listener that hears the same samples.

#![cfg(feature = "serve")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::fs;
use std::io::{Cursor, Write};
use std::net::TcpStream;

use earmark::audio::{Limits, decode};
use earmark::classify::Engine;
use earmark::listen::ListenerMemory;
use earmark::model::LoadedModel;
use earmark_core::api::{event_bound, write_event};
use earmark_core::listener::{Event, ListenerSettings};
use server::{PATIENCE, Server, until};
use support::{fixture, scratch};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// Words with pauses between them, at 16 kHz.
fn speech() -> Vec<i16> {
    let mut samples = vec![0; 16_000];
    for name in ["yes", "no", "go", "stop", "yes", "left"] {
        let file = fs::read(fixture(&format!("{name}.wav"))).unwrap();
        samples.extend(decode(&file, 16_000, &Limits::default()).unwrap());
        samples.extend([0; 12_000]);
    }
    samples
}

/// What a listener says of samples, and how many of them it had heard by then.
fn heard(samples: &[i16], engine: Engine) -> Vec<(usize, String)> {
    let model = LoadedModel::built_in();
    let mut memory = ListenerMemory::new(&model, engine).unwrap();
    let settings = ListenerSettings::of(memory.model());
    let labels: Vec<&str> = model.model().unwrap().labels().collect();
    let mut listener = memory.listener(&settings).unwrap();
    let (mut position, mut events) = (0, Vec::new());
    for piece in samples.chunks(160) {
        position += piece.len();
        listener
            .push(piece, |event| {
                if let Event::Detection(detection) = event {
                    let label = labels[detection.label];
                    let mut buffer = vec![0; event_bound(label)];
                    events.push((position, write_event(label, &detection, 16_000, &mut buffer).unwrap().to_owned()));
                }
            })
            .unwrap();
    }
    events
}

/// What a listener says of a WAV file.
fn heard_in(wav: &[u8], engine: Engine) -> Vec<String> {
    let samples = decode(wav, 16_000, &Limits::default()).unwrap();
    heard(&samples, engine).into_iter().map(|(_, event)| event).collect()
}

/// Samples as a client sends them, and the WAV file that holds the same.
fn forms(samples: &[i16]) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let wav = |channels, sample_rate, is_float, bytes: &[u8]| {
        let (bits_per_sample, sample_format) =
            if is_float { (32, hound::SampleFormat::Float) } else { (16, hound::SampleFormat::Int) };
        let mut file = Cursor::new(Vec::new());
        let spec = hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format };
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for sample in bytes.chunks(usize::from(bits_per_sample / 8)) {
            match sample {
                [a, b] => writer.write_sample(i16::from_le_bytes([*a, *b])).unwrap(),
                _ => writer.write_sample(f32::from_le_bytes(sample.try_into().unwrap())).unwrap(),
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    };
    let plain: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let stereo: Vec<u8> = samples
        .iter()
        .flat_map(|sample| [*sample; 3])
        .flat_map(|sample| [sample, sample / 2])
        .flat_map(|sample| (f32::from(sample) / 32768.0).to_le_bytes())
        .collect();
    let telephone: Vec<u8> = samples.iter().step_by(2).flat_map(|sample| sample.to_le_bytes()).collect();
    vec![
        ("", plain.clone(), wav(1, 16_000, false, &plain)),
        ("?rate=48000&format=f32le&channels=2", stereo.clone(), wav(2, 48_000, true, &stereo)),
        ("?rate=8000&format=s16le", telephone.clone(), wav(1, 8_000, false, &telephone)),
    ]
}

type Socket = WebSocket<TcpStream>;

fn connect(server: &Server, path: &str) -> Result<Socket, tungstenite::Error> {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    match tungstenite::client(format!("ws://{}{path}", server.address), stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(interrupted) => panic!("{interrupted}"),
    }
}

/// Messages until the end, and how it ended.
fn rest(socket: &mut Socket) -> (Vec<String>, CloseCode) {
    let mut texts = Vec::new();
    loop {
        match socket.read().unwrap() {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => {
                // The server waits for the answer to it.
                let _ = socket.flush();
                return (texts, frame.unwrap().code);
            }
            _ => {}
        }
    }
}

const STREAM: &str = "/models/earmark/commands/stream";

#[test]
fn detections_are_those_of_a_listener_whatever_the_form_and_the_pieces() {
    let server = Server::start(["--workers", "2"]);
    for (query, bytes, wav) in forms(&speech()) {
        let expected = heard_in(&wav, Engine::Core);
        assert!(!expected.is_empty(), "{query}");
        for piece in [1_001, 3_200, 500_000] {
            let mut socket = connect(&server, &format!("{STREAM}{query}")).unwrap();
            for piece in bytes.chunks(piece) {
                socket.send(Message::binary(piece.to_vec())).unwrap();
            }
            socket.send(Message::binary(Vec::new())).unwrap();
            assert_eq!(rest(&mut socket), (expected.clone(), CloseCode::Normal), "{query} {piece}");
        }
    }
    until("all streams are closed", || server.metric("earmark_streams") == 0.0);
    assert!(server.metric("earmark_streamed_seconds_total") > 9.0 * 10.0);
}

#[cfg(feature = "tract")]
#[test]
fn on_the_reference_runtime_as_well() {
    let server = Server::start(["--engine", "tract"]);
    let (query, bytes, wav) = forms(&speech()).swap_remove(0);
    let mut socket = connect(&server, &format!("{STREAM}{query}")).unwrap();
    for piece in bytes.chunks(3_200) {
        socket.send(Message::binary(piece.to_vec())).unwrap();
    }
    socket.send(Message::binary(Vec::new())).unwrap();
    assert_eq!(rest(&mut socket), (heard_in(&wav, Engine::Tract), CloseCode::Normal));
}

#[test]
fn detections_come_when_they_are_made() {
    let server = Server::start(["--workers", "1"]);
    let mut socket = connect(&server, STREAM).unwrap();
    let samples = speech();
    let (position, expected) = heard(&samples, Engine::Core).swap_remove(0);
    // Up to the first one; the stream goes on.
    let bytes: Vec<u8> = samples[..position].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    socket.send(Message::binary(bytes)).unwrap();
    let Message::Text(event) = socket.read().unwrap() else { panic!("no text") };
    assert_eq!(event.as_str(), expected);
    socket.send(Message::Ping("still there?".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("still there?".into()));
}

#[test]
fn what_is_wrong_is_told() {
    let server = Server::start(["--streams", "1", "--allow-origin", "http://example.org"]);
    for (path, status, word) in [
        ("/models/nobody/stream", 404, "there is no model nobody"),
        ("/models/earmark/commands/stream?rate=100", 400, "rate must be a whole number from 8000 to 192000"),
        ("/models/earmark/commands/stream?format=mp3", 400, "format must be"),
        ("/models/earmark/commands/stream?channels=0", 400, "channels must be"),
        ("/models/earmark/commands/stream?rate=8000&rate=8000", 400, "twice"),
    ] {
        let Err(tungstenite::Error::Http(response)) = connect(&server, path) else { panic!("{path}: no answer") };
        assert_eq!(response.status(), status, "{path}");
        let text = String::from_utf8(response.body().clone().unwrap()).unwrap();
        assert!(text.contains(word), "{path}: {text}");
    }
    let response = server.get(STREAM);
    assert_eq!((response.status, response.headers["upgrade"].as_str()), (426, "websocket"));
    assert!(response.error().contains("WebSocket"));

    for (path, message, code, word) in [
        (STREAM, Message::text("hello"), CloseCode::Unsupported, "binary messages"),
        (
            &format!("{STREAM}?format=f32le"),
            Message::binary(f32::NAN.to_le_bytes().to_vec()),
            CloseCode::Invalid,
            "not a number",
        ),
    ] {
        let mut socket = connect(&server, path).unwrap();
        socket.send(message).unwrap();
        let (texts, closed) = rest(&mut socket);
        assert_eq!((texts.len(), closed), (1, code));
        assert!(
            serde_json::from_str::<serde_json::Value>(&texts[0]).unwrap()["error"].as_str().unwrap().contains(word)
        );
        until("its place is free", || server.metric("earmark_streams") == 0.0);
    }

    let first = connect(&server, STREAM).unwrap();
    let Err(tungstenite::Error::Http(second)) = connect(&server, STREAM) else { panic!("no answer") };
    assert_eq!((second.status().as_u16(), second.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    drop(first);
    until("leaving gives the place back", || connect(&server, STREAM).is_ok());
}

#[test]
fn messages_that_cannot_be_received_have_codes_of_their_own() {
    let server = Server::start([""; 0]);
    // A frame's head has its kind, its length with the highest bit for a mask, and the mask, here one that changes nothing.
    let too_long = [&[0x82, 0xff][..], &(2_u64 << 20).to_be_bytes(), &[0; 4]].concat();
    let no_text = [&[0x81, 0x82][..], &[0; 4], &[0xff, 0xfe]].concat();
    let no_kind = [&[0x83, 0x80][..], &[0; 4]].concat();
    for (frame, code, words) in [
        (too_long, CloseCode::Size, "more than 1048576 bytes"),
        (no_text, CloseCode::Invalid, "no UTF-8"),
        (no_kind, CloseCode::Protocol, "opcode"),
    ] {
        let mut socket = connect(&server, STREAM).unwrap();
        socket.get_mut().write_all(&frame).unwrap();
        let (texts, closed) = rest(&mut socket);
        assert_eq!((texts.len(), closed), (1, code), "{texts:?}");
        assert!(texts[0].starts_with("{\"error\":\"") && texts[0].contains(words), "{texts:?}");
    }
}

#[test]
fn the_first_and_the_last_word_are_heard_as_in_a_file() {
    let yes = decode(&fs::read(fixture("yes.wav")).unwrap(), 16_000, &Limits::default()).unwrap();
    // The word begins after a quarter of a second and is over after 0.8 s.
    let samples = [&yes[4_000..], &vec![0; 16_000], &yes[..12_800]].concat();
    let (_, sent, wav) = forms(&samples).swap_remove(0);
    let streamed = support::earmark().arg("stream").arg(scratch("serve-stream.wav", &wav)).output().unwrap();
    let lines: Vec<String> = String::from_utf8(streamed.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2);

    let server = Server::start([""; 0]);
    let mut socket = connect(&server, STREAM).unwrap();
    socket.send(Message::binary(sent)).unwrap();
    socket.send(Message::binary(Vec::new())).unwrap();
    assert_eq!(rest(&mut socket), (lines, CloseCode::Normal));
}

#[test]
fn pages_of_other_sites_may_not_listen_where_one_is_named() {
    let server = Server::start(["--allow-origin", "http://example.org"]);
    let ask = |origin: &str| {
        let request = tungstenite::http::Request::builder()
            .uri(format!("ws://{}{STREAM}", server.address))
            .header("host", server.address.to_string())
            .header("origin", origin)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tungstenite::handshake::client::generate_key())
            .body(())
            .unwrap();
        tungstenite::client(request, TcpStream::connect(server.address).unwrap()).is_ok()
    };
    assert!(ask("http://example.org"));
    assert!(ask(&format!("http://{}", server.address)));
    assert!(!ask("http://example.com"));
}

#[test]
fn a_client_that_sends_faster_than_it_is_heard_is_held_back() {
    let server = Server::start(["--workers", "1"]);
    let mut socket = connect(&server, STREAM).unwrap();
    socket.send(Message::binary(vec![0; 1 << 20])).unwrap();
    let before = server.memory();
    let mut most = 0;
    for _ in 0..24 {
        socket.send(Message::binary(vec![0; 1 << 20])).unwrap();
        most = most.max(server.memory().saturating_sub(before));
    }
    socket.send(Message::binary(Vec::new())).unwrap();
    assert_eq!(rest(&mut socket), (Vec::new(), CloseCode::Normal));
    assert!(most < 12 << 20, "{most} bytes");
    // A message that would not fit in memory many times is refused.
    let mut socket = connect(&server, STREAM).unwrap();
    let _ = socket.send(Message::binary(vec![0; 2 << 20]));
    until("it ends", || socket.read().is_err());
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn who_is_silent_is_asked_and_who_does_not_answer_is_let_go() {
    let server = Server::start(["--stall", "1"]);
    let mut patient = connect(&server, STREAM).unwrap();
    let silent = connect(&server, STREAM).unwrap();
    // Reading answers the server's pings.
    assert!(matches!(patient.read().unwrap(), Message::Ping(_)));
    patient.flush().unwrap();
    assert!(matches!(patient.read().unwrap(), Message::Ping(_)));
    patient.flush().unwrap();
    until("the other one is gone", || {
        let _ = patient.send(Message::binary(vec![0; 320]));
        server.metric("earmark_streams") == 1.0
    });
    drop(silent);
}

#[test]
fn streams_are_told_when_the_server_stops() {
    let server = Server::start(["--workers", "1"]);
    let mut socket = connect(&server, STREAM).unwrap();
    socket.send(Message::binary(vec![0; 32_000])).unwrap();
    server.terminate();
    let (texts, code) = rest(&mut socket);
    assert_eq!((texts.len(), code), (1, CloseCode::Away));
    assert!(texts[0].contains("the server is stopping"), "{texts:?}");
    drop(socket);
    assert_eq!(server.ended(), Some(0));
}
