//! `earmark serve` over many requests of all kinds: its memory does not grow.

#![cfg(feature = "serve")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::fs;
use std::thread;

use server::{Server, post};
use support::fixture;

/// A normal run takes a sample.
fn requests() -> usize {
    if std::env::var_os("EARMARK_FULL").is_some() { 100_000 } else { 6_000 }
}

/// Sends `count` requests over a few connections, each of which sends one of everything in turn.
fn send(server: &Server, count: usize) {
    const CONNECTIONS: usize = 4;
    let wav = fs::read(fixture("yes.wav")).unwrap();
    let flac = fs::read(fixture("formats/yes.flac")).unwrap();
    let mp3 = fs::read(fixture("formats/yes.mp3")).unwrap();
    thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let (wav, flac, mp3) = (&wav, &flac, &mp3);
            scope.spawn(move || {
                let mut connection = server.connect();
                let mut turn = number;
                while turn < count {
                    let (request, status) = match turn / CONNECTIONS % 8 {
                        0 => (post("/", "x-use-cache: false\r\n", wav), 200),
                        1 => (post("/?top_k=2", "", flac), 200),
                        2 => {
                            // Never the same twice.
                            let mut audio = wav.clone();
                            audio[100..108].copy_from_slice(&turn.to_le_bytes());
                            (post("/predict", "", &audio), 200)
                        }
                        3 => (post("/", "", &wav[..turn % wav.len()]), 400),
                        4 => (post(&format!("/models/m{turn}"), "", wav), 404),
                        5 => (post("/", "", format!("{{\"inputs\":\"{turn}\"}}").as_bytes()), 400),
                        6 => (post("/", "x-use-cache: false\r\n", mp3), 200),
                        _ => (b"GET /metrics HTTP/1.1\r\nhost: earmark\r\n\r\n".to_vec(), 200),
                    };
                    connection.send(&request);
                    let response = connection.response().expect("an answer");
                    assert_eq!(response.status, status, "{}", response.text());
                    turn += CONNECTIONS;
                    // Connections come and go as well.
                    if turn % 512 < CONNECTIONS {
                        connection = server.connect();
                    }
                }
            });
        }
    });
}

#[test]
fn memory_is_flat() {
    // The cache is full long before the first look.
    let server = Server::start(["--cache-bytes", "200000", "--queue", "100"]);
    let count = requests();
    send(&server, count / 5);
    let before = server.memory();
    send(&server, count);
    let after = server.memory();
    eprintln!("{before} bytes, after {count} requests {after}");
    assert!(after < before + (4 << 20), "{before} bytes have become {after}");
}
