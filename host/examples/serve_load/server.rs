//! The server under load.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, Request};

pub struct Server {
    child: Child,
    started: Instant,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one on a free port.
    pub fn start(binary: &str, options: &[&str]) -> io::Result<Self> {
        let started = Instant::now();
        let mut command = Command::new(binary);
        command.args(["serve", "--addr", "127.0.0.1:0"]).args(options).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?).lines();
        for line in &mut lines {
            if let Some((_, address)) = line?.split_once("listening on http://") {
                let address = address.parse().map_err(io::Error::other)?;
                // Nobody may have to wait for room in the pipe.
                thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, started, address });
            }
        }
        Err(io::Error::other("the server ended at once"))
    }

    /// How long after its start it answers.
    pub async fn first_answer(&self, request: &Request) -> io::Result<Duration> {
        let mut client = Client::connect(self.address).await?;
        match client.ask(request).await? {
            200 => Ok(self.started.elapsed()),
            status => Err(io::Error::other(format!("answered with {status}"))),
        }
    }

    /// Bytes in memory.
    pub fn memory(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or(io::ErrorKind::NotFound)?;
        let kibibytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
        Ok(kibibytes.ok_or(io::ErrorKind::InvalidData)? << 10)
    }

    /// Requests that it computes or lets wait, by default.
    pub fn places(&self) -> usize {
        5 * thread::available_parallelism().map_or(1, usize::from)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
