//! What `earmark serve` can be told: what makes no sense is refused before it listens, and what is taken holds.

#![cfg(feature = "serve")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::net::TcpListener;

use server::Server;

/// What the server says that it keeps to.
fn limits(server: &Server) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&server.get("/info").text()).unwrap()["limits"].take()
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (option, values) in [
        ("--addr", &["localhost", "127.0.0.1", "127.0.0.1:65536", "8080"][..]),
        (
            "--allow-origin",
            &["", "*", "null", "bad origin", "http://a.b/", "http://a.b\n", "HTTP://a.b", "http://a.b:80"],
        ),
        ("--workers", &["0", "1025", "100000", "18446744073709551615"]),
        ("--queue", &["1048577", "18446744073709551615"]),
        ("--connections", &["0", "1048577", "18446744073709551615"]),
        ("--streams", &["1048577", "4611686018427387904"]),
        ("--max-bytes", &["0", "1099511627777", "18446744073709551615"]),
        ("--max-seconds", &["0", "4294967296"]),
        ("--cache-bytes", &["1099511627777", "18446744073709551615"]),
        // The default of --max-bytes and half of it, for base64.
        ("--body-memory", &["0", "25169919", "18446744073709551615"]),
        ("--api-key", &[""]),
        ("--default-top-k", &["0"]),
    ] {
        for value in values {
            let outcome = support::run(support::earmark().args(["serve", option, value]), b"");
            assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2), "{option} {value:?}: {}", outcome.stderr);
            assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains(option), "{}", outcome.stderr);
        }
    }
}

#[test]
fn the_most_that_is_taken_is_kept_to() {
    let server = Server::start([
        "--workers",
        "1024",
        "--queue",
        "1048576",
        "--connections",
        "1048576",
        "--streams",
        "1048576",
        "--max-bytes",
        "1099511627776",
        "--max-seconds",
        "4294967295",
        "--cache-bytes",
        "1099511627776",
    ]);
    let limits = limits(&server);
    for (name, value) in [
        ("workers", 1024),
        ("queue", 1 << 20),
        ("streams", 1 << 20),
        ("audio_bytes", 1 << 40),
        ("body_bytes", (3 << 39) + 4096),
        ("body_memory_bytes", (3 << 39) + 4096),
        ("audio_seconds", u64::from(u32::MAX)),
    ] {
        assert_eq!(limits[name], value, "{name}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_host_may_be_a_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The port is taken, which tells what the name was taken for.
    let outcome = support::run(support::earmark().args(["serve", "--addr", &format!("localhost:{port}")]), b"");
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.starts_with(&format!("earmark: cannot listen on 127.0.0.1:{port}: ")), "{}", outcome.stderr);
}

#[test]
fn a_file_that_is_allowed_is_answered_however_large() {
    let server = Server::start(["--max-bytes", "200000000"]);
    let limits = limits(&server);
    assert_eq!((&limits["body_bytes"], &limits["body_memory_bytes"]), (&300_004_096.into(), &300_004_096.into()));
    // More than there is room for by default: it has to be read to the end to be refused for what it lacks.
    let mut body = vec![b' '; 280_000_000];
    body.extend(b"{}");
    let response = server.post("/", "", &body);
    assert_eq!(response.status, 400, "{}", response.text());
    assert!(response.error().contains("inputs"), "{}", response.text());
}

#[test]
fn bodies_have_the_memory_that_they_are_given() {
    let server = Server::start(["--max-bytes", "1000000", "--body-memory", "1600000"]);
    assert_eq!(limits(&server)["body_memory_bytes"], 1_600_000);
    let body = vec![0; 900_000];
    server::until("one of two is refused, whichever comes later", || {
        let mut holding = server.connect();
        let head = format!("POST / HTTP/1.1\r\nhost: earmark\r\ncontent-length: {}\r\n\r\n", body.len() + 1);
        holding.send(&[head.as_bytes(), &body].concat());
        let other = server.post("/", "", &body).status;
        holding.send(b"\0");
        let mut statuses = [holding.response().unwrap().status, other];
        statuses.sort_unstable();
        statuses == [400, 429]
    });
    assert_eq!(server.post("/", "", &body).status, 400);
}
