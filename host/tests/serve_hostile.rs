//! `earmark serve` with bodies that are meant to hurt: each is refused in its way, and the next request is answered.

#![cfg(feature = "serve")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use server::{Server, directory};
use support::fixture;

/// A body, what it is answered with, and a word of the answer.
type Bomb = (&'static str, Vec<u8>, u16, &'static str);

/// Sends each, and sees that nothing has suffered.
fn refuse_all(server: &Server, headers: &str, bombs: Vec<Bomb>) {
    let audio = fs::read(fixture("yes.wav")).unwrap();
    let expected = server.post("/", "", &audio).body;
    let before = server.memory();
    for (name, body, status, word) in bombs {
        let response = server.post("/", headers, &body);
        assert_eq!(response.status, status, "{name}: {}", response.text());
        assert!(response.error().contains(word), "{name}: {}", response.text());
        assert_eq!(server.post("/", "", &audio).body, expected, "{name}");
    }
    let grown = server.memory().saturating_sub(before) >> 20;
    assert!(grown < 64, "{grown} MiB more are in use");
}

#[test]
fn names_and_addresses_are_refused_and_never_opened() {
    let server = Server::start(["--workers", "1"]);
    let pipe = directory("serve-names").join("pipe.wav");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/yes.wav", listener.local_addr().unwrap());
    let existing = fixture("yes.wav").display().to_string();

    for name in ["/etc/passwd", "file:///etc/passwd", &existing, pipe.to_str().unwrap(), &url, "yes.wav", "../yes.wav"]
    {
        for body in [serde_json::json!({ "inputs": name }).to_string(), name.to_owned()] {
            // A pipe that was opened would never answer: nobody writes into it.
            let response = server.post("/", "content-type: application/json\r\n", body.as_bytes());
            assert_eq!(response.status, 400, "{body}: {}", response.text());
            assert!(!response.error().contains("No such file"), "{}", response.text());
        }
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn depth_bombs() {
    let deep = |open: &str, close: &str| [open.repeat(500_000), close.repeat(500_000)].concat();
    let bombs = vec![
        ("arrays", deep("[", "]").into_bytes(), 400, ""),
        ("objects", deep("{\"a\":", "}").into_bytes(), 400, "inside each other"),
        (
            "arrays beside the audio",
            format!("{{\"x\":{},\"inputs\":\"UklGRg==\"}}", deep("[", "]")).into_bytes(),
            400,
            "inside each other",
        ),
        ("arrays as the audio", format!("{{\"inputs\":{}}}", deep("[", "]")).into_bytes(), 400, ""),
        ("without an end", "{\"a\":".repeat(1_000_000).into_bytes(), 400, "inside each other"),
        ("quotes", format!("{{\"{}", "\\\"".repeat(1_000_000)).into_bytes(), 400, ""),
    ];
    refuse_all(&Server::start(["--workers", "1"]), "", bombs);
}

fn gzip(pieces: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![0; 1 << 20];
    for _ in 0..pieces {
        packed.write_all(&piece).unwrap();
    }
    packed.finish().unwrap()
}

#[test]
fn decompression_bombs() {
    let bomb = gzip(512);
    assert!(bomb.len() < 1 << 20);
    let half = bomb[..bomb.len() / 200].to_vec();
    let bombs = vec![
        ("half a gigabyte of nothing", bomb, 413, "larger than"),
        ("broken off", half, 400, "breaks off"),
        ("no gzip at all", b"RIFF".to_vec(), 400, "encoded wrongly"),
    ];
    refuse_all(&Server::start(["--workers", "1"]), "content-encoding: gzip\r\n", bombs);
}

#[test]
fn encodings_are_known_in_any_spelling() {
    let audio = fs::read(fixture("yes.wav")).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&audio).unwrap();
    let packed = packed.finish().unwrap();
    let server = Server::start(["--workers", "1"]);
    for (encoding, body) in [
        ("gzip", &packed),
        ("GZIP", &packed),
        ("x-gzip", &packed),
        ("X-GZip", &packed),
        ("identity", &audio),
        ("Identity", &audio),
    ] {
        let response = server.post("/", &format!("content-encoding: {encoding}\r\n"), body);
        assert_eq!(response.status, 200, "{encoding}: {}", response.text());
    }
    let response = server.post("/", "content-encoding: GZIPPED\r\n", &packed);
    assert_eq!(response.status, 415);
    assert!(response.error().contains("gzip"), "{}", response.text());
}

/// A FLAC file of silence; a frame of 65,535 samples takes some 14 bytes.
fn flac(rate: u32, frames: u32, claimed: u64) -> Vec<u8> {
    let crc = |bytes: &[u8], width: u32, polynomial: u32| {
        bytes.iter().fold(0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte) << (width - 8), |crc, _| {
                let top = crc >> (width - 1) & 1;
                ((crc << 1) ^ (top * polynomial)) & ((1 << width) - 1)
            })
        })
    };
    let mut file = b"fLaC\x80\0\0\x22\xff\xff\xff\xff\0\0\0\0\0\0".to_vec();
    // 20 bits of rate, 3 of channels − 1, 5 of bits − 1, 36 of samples.
    file.extend((u64::from(rate) << 44 | 15 << 36 | claimed).to_be_bytes());
    file.extend([0; 16]);
    for number in 0..frames {
        let mut frame = vec![0xff, 0xf8, 0x70, 0x08];
        frame.extend(char::from_u32(number).unwrap().to_string().bytes());
        frame.extend([0xff, 0xfe]);
        frame.push(crc(&frame, 8, 0x07) as u8);
        frame.extend([0, 0, 0]);
        let check = crc(&frame, 16, 0x8005) as u16;
        frame.extend(check.to_be_bytes());
        file.extend(frame);
    }
    file
}

#[test]
fn duration_bombs() {
    let second = flac(65_535, 1, 65_535);
    let server = Server::start(["--workers", "1"]);
    assert_eq!(server.post("/", "", &second).headers["x-compute-audio-length"], "1.000");

    let wav = fs::read(fixture("yes.wav")).unwrap();
    let claims = |bytes: [u8; 4]| [&wav[..40], &bytes, &wav[44..]].concat();
    let hours = flac(16_000, 2_000, 0);
    assert!(hours.len() < 40_000);
    let bombs = vec![
        ("a FLAC that claims hours", flac(16_000, 1, (1 << 36) - 1), 400, ""),
        ("a FLAC that claims hours and has nothing", flac(16_000, 0, (1 << 36) - 1), 400, ""),
        ("a FLAC that has hours", hours, 413, "60 s"),
        ("a FLAC that has them at a low rate", flac(101, 200, 0), 413, "60 s"),
        ("a WAV that claims two gigabytes", claims([0xfe, 0xff, 0xff, 0x7f]), 400, "truncated"),
        ("a WAV of an absurd rate", [&wav[..24], &[1, 0, 0, 0], &wav[28..]].concat(), 400, "rate"),
        ("a WAV of 65,535 channels", [&wav[..22], &[0xff, 0xff], &wav[24..]].concat(), 400, ""),
    ];
    refuse_all(&server, "", bombs);
}

#[test]
fn truncated_files() {
    let server = Server::start(["--workers", "1", "--queue", "0"]);
    for name in ["yes.wav", "formats/yes.flac", "formats/yes.ogg", "formats/yes.m4a"] {
        let whole = fs::read(fixture(name)).unwrap();
        for part in (1..40).map(|part| whole.len() * part / 40) {
            let response = server.post("/", "", &whole[..part]);
            // Ogg pages that are whole are a file.
            let is_fine = response.status == 400 || (name.ends_with("ogg") && response.status == 200);
            assert!(is_fine, "{part} bytes of {name}: {}", response.text());
        }
    }
}

#[test]
fn bodies_beyond_the_memory_for_them_have_to_come_again() {
    // As large as a body may be, base64's growth included, and as many of them as the server holds: 256 MiB.
    let server = Server::start(["--max-bytes", "120000000"]);
    let body = vec![0; 100 << 20];
    let mut holding: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for connection in &mut holding {
        let head = format!("POST / HTTP/1.1\r\nhost: earmark\r\ncontent-length: {}\r\n\r\n", body.len() + 1);
        connection.send(head.as_bytes());
        connection.send(&body);
    }
    let response = server.post("/", "", &body);
    assert_eq!(response.status, 429, "{}", response.text());
    assert_eq!(response.headers["retry-after"], "1");
    for connection in &mut holding {
        connection.send(b"\0");
        assert_eq!(connection.response().unwrap().status, 400);
    }
    assert_eq!(server.post("/", "", &body).status, 400);
}
