//! The real server as a child process, and as much of an HTTP client as it takes to misbehave.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::support::earmark;

/// Far longer than anything takes: what lasts longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `earmark serve` on a free port of the loopback, ended when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(options: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = earmark();
        command.args(["serve", "--addr", "127.0.0.1:0"]).args(options).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut log = Vec::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server ended: {log:?}"));
            let address = line.split_once("listening on http://").map(|(_, address)| address.parse().unwrap());
            log.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        let log = Arc::new(Mutex::new(log));
        thread::spawn({
            let log = log.clone();
            move || lines.for_each(|line| log.lock().unwrap().push(line))
        });
        Self { child, address, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory in use.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    /// Lines of the log that hold `words`.
    pub fn logged(&self, words: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    pub fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(BufReader::new(stream))
    }

    pub fn get(&self, path: &str) -> Response {
        let mut connection = self.connect();
        connection.send(format!("GET {path} HTTP/1.1\r\nhost: earmark\r\n\r\n").as_bytes());
        connection.response().unwrap()
    }

    pub fn post(&self, path: &str, headers: &str, body: &[u8]) -> Response {
        let mut connection = self.connect();
        connection.send(&post(path, headers, body));
        connection.response().unwrap()
    }

    /// A number of `/metrics`.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line =
            text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Asks it to end, and for its exit code.
    pub fn stop(self) -> Option<i32> {
        self.terminate();
        self.ended()
    }

    /// Waits until it has ended by itself, or because it was asked to.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        assert!(Command::new("kill").arg(self.id().to_string()).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that stays open.
pub struct Connection(pub BufReader<TcpStream>);

impl Connection {
    /// The server may have closed it: then what comes next tells.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// The next answer; `None` where there is none any more.
    pub fn response(&mut self) -> Option<Response> {
        loop {
            let response = self.next()?;
            if response.status >= 200 {
                return Some(response);
            }
        }
    }

    fn next(&mut self) -> Option<Response> {
        let mut line = String::new();
        // A connection that was reset has no answer either.
        self.0.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let status = line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("{line:?}"))[..3].parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_owned(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some(Response { status, headers, body })
    }
}

/// A request with a body.
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: earmark\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// What `{"error": …}` says, and nothing else may be said.
    pub fn error(&self) -> String {
        assert!(self.headers["content-type"].starts_with("application/json"), "{self:?}");
        let answer: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        answer["error"].as_str().unwrap_or_else(|| panic!("{}", self.text())).to_owned()
    }
}

/// Waits until something is so; that it becomes so is what is tested, not when.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "still not: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A new directory for a test, whose name must be its own.
pub fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}
