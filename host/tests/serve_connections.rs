//! `earmark serve` with clients that stall, crowd, babble and leave.

#![cfg(feature = "serve")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use server::{Connection, Server, directory, post, until};
use support::fixture;

fn audio() -> Vec<u8> {
    fs::read(fixture("yes.wav")).unwrap()
}

/// Whatever still comes until the server closes the connection.
fn rest(connection: &mut Connection) -> Vec<u8> {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = connection.0.read_to_end(&mut rest);
    rest
}

#[test]
fn slow_lorises_are_given_up() {
    let server = Server::start(["--stall", "1", "--workers", "1"]);
    let mut headers = server.connect();
    headers.send(b"POST / HTTP/1.1\r\nhost: ear");
    let mut nothing = server.connect();
    nothing.send(b"");
    let mut bodies: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for connection in &mut bodies {
        connection.send(b"POST / HTTP/1.1\r\nhost: earmark\r\ncontent-length: 32044\r\n\r\nRIFF");
    }
    let mut chunks = server.connect();
    chunks.send(b"POST / HTTP/1.1\r\nhost: earmark\r\ntransfer-encoding: chunked\r\n\r\n4\r\nRIFF\r\n");
    let mut dribble = server.connect();
    dribble.send(b"POST / HTTP/1.1\r\nhost: earmark\r\ncontent-length: 32044\r\n\r\n");
    // None of them keeps others waiting.
    assert_eq!(server.post("/", "", &audio()).status, 200);

    for connection in bodies.iter_mut().chain([&mut chunks]) {
        let response = connection.response().unwrap();
        assert_eq!(response.status, 408);
        assert!(response.error().contains("nothing came of the body for 1 s"));
        assert!(rest(connection).is_empty());
    }
    // A byte now and then is no body either.
    dribble.0.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    until("it is told so", || {
        let mut stream = dribble.0.get_ref();
        let _ = stream.write_all(b"R");
        stream.peek(&mut [0]).is_ok()
    });
    assert_eq!(dribble.response().unwrap().status, 408);
    drop(dribble);
    rest(&mut headers);
    rest(&mut nothing);
    until("all connections are closed", || server.metric("earmark_connections") == 1.0);
}

#[test]
fn who_asks_and_does_not_read_is_given_up() {
    let server = Server::start(["--stall", "1"]);
    let deaf: Vec<_> = (0..10)
        .map(|_| {
            let mut connection = server.connect();
            // More than the system keeps for a client that does not read.
            connection.send(&b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: earmark\r\n\r\n".repeat(10));
            connection
        })
        .collect();
    until("they are here", || server.metric("earmark_requests_total{status=\"200\"}") >= 10.0);
    until("they are gone", || server.metric("earmark_connections") == 1.0);
    drop(deaf);
}

#[test]
fn a_thousand_connections() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let server = Server::start(["--queue", "1000"]);
    let mut connections: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    until("all are open", || server.metric("earmark_connections") >= 1000.0);
    let audio = audio();
    for _ in 0..2 {
        for connection in &mut connections {
            connection.send(&post("/", "x-use-cache: false\r\n", &audio));
        }
        let first = connections[0].response().unwrap().body;
        for connection in &mut connections[1..] {
            let response = connection.response().unwrap();
            assert_eq!((response.status, &response.body), (200, &first));
        }
    }
}

#[test]
fn connections_beyond_the_limit_wait() {
    let server = Server::start(["--connections", "2"]);
    let mut first = server.connect();
    let mut second = server.connect();
    for connection in [&mut first, &mut second] {
        connection.send(b"GET /health HTTP/1.1\r\nhost: earmark\r\n\r\n");
        assert_eq!(connection.response().unwrap().status, 200);
    }
    let mut third = server.connect();
    third.send(b"GET /health HTTP/1.1\r\nhost: earmark\r\n\r\n");
    drop(first);
    assert_eq!(third.response().unwrap().status, 200);
}

#[test]
fn pipelined_requests_and_garbage() {
    let server = Server::start(["--stall", "2"]);
    let audio = audio();
    let mut connection = server.connect();
    let requests = [
        post("/", "x-request-id: first\r\n", &audio),
        post("/nowhere", "x-request-id: second\r\n", &audio),
        b"GET /health HTTP/1.1\r\nhost: earmark\r\nx-request-id: third\r\n\r\n".to_vec(),
        post("/", "x-request-id: fourth\r\n", b"no audio"),
    ];
    connection.send(&requests.concat());
    for (id, status) in [("first", 200), ("second", 404), ("third", 200), ("fourth", 400)] {
        let response = connection.response().unwrap();
        assert_eq!((response.headers["x-request-id"].as_str(), response.status), (id, status));
    }
    for garbage in [
        &b"\0\x01\x02\xff\xfe\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ] {
        let mut connection = server.connect();
        connection.send(&post("/", "", &audio));
        connection.send(garbage);
        assert_eq!(connection.response().unwrap().status, 200);
        if let Some(response) = connection.response() {
            assert!(matches!(response.status, 400..=499), "{garbage:?}: {response:?}");
        }
        rest(&mut connection);
    }
    let mut connection = server.connect();
    connection.send(&[b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(100_000)].concat());
    assert!(connection.response().is_none_or(|response| response.status == 431));
    assert_eq!(server.post("/", "", &audio).status, 200);
}

#[test]
fn a_client_that_leaves_is_not_worked_for() {
    let models = directory("serve-leaving");
    assert!(Command::new("mkfifo").arg(models.join("slow.ear")).status().unwrap().success());
    let server = Server::start(["--models", models.to_str().unwrap(), "--workers", "1"]);
    let mut leaving: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for connection in &mut leaving {
        connection.send(&post("/models/slow", "x-wait-for-model: true\r\n", &audio()));
    }
    // Half a body counts as well.
    let mut half = server.connect();
    half.send(&post("/", "", &audio())[..20_000]);
    until("all are being received or waited for", || server.metric("earmark_connections") == 22.0);
    drop((leaving, half));
    until("all are given up", || {
        server.metric("earmark_requests_cancelled_total") + server.metric("earmark_requests_total{status=\"400\"}")
            == 21.0
    });
    until("and nothing is left of them", || server.metric("earmark_connections") == 1.0);
    assert_eq!(server.post("/", "", &audio()).status, 200);
    // The model comes after all, and those who ask then get it.
    fs::write(models.join("slow.ear"), fs::read(support::fixture("../commands-m.ear")).unwrap()).unwrap();
    assert_eq!(server.post("/models/slow", "", &audio()).status, 200);
}

#[test]
fn the_end_is_graceful_and_the_second_signal_is_not_needed() {
    let server = Server::start(["--workers", "1"]);
    let mut idle = server.connect();
    idle.send(b"GET /health HTTP/1.1\r\nhost: earmark\r\n\r\n");
    assert_eq!(idle.response().unwrap().status, 200);
    let mut busy = server.connect();
    busy.send(&post("/", "", &audio())[..30_000]);
    until("its body is on the way", || server.metric("earmark_connections") >= 3.0);
    server.terminate();
    // The one that waits for nothing is closed, the other may finish.
    assert!(rest(&mut idle).is_empty());
    busy.send(&post("/", "", &audio())[30_000..]);
    let response = busy.response().unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(server.ended(), Some(0));
}
