//! One connection: sends a request whose bytes are ready, and reads as much of the answer as counting takes.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, ready to be sent.
pub struct Request(Vec<u8>);

impl Request {
    pub fn new(audio: &[u8], use_cache: bool) -> Self {
        let head = format!(
            "POST /models/earmark/commands HTTP/1.1\r\nhost: earmark\r\nx-use-cache: {use_cache}\r\ncontent-length: {}\r\n\r\n",
            audio.len()
        );
        Self([head.as_bytes(), audio].concat())
    }
}

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// The answer's status.
    pub async fn ask(&mut self, request: &Request) -> io::Result<u16> {
        self.stream.write_all(&request.0).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            let head_text = std::str::from_utf8(&self.buffer[..head]).map_err(io::Error::other)?;
            let length: usize = head_text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|length| length.parse().ok())
                .ok_or(io::ErrorKind::InvalidData)?;
            if self.buffer.len() >= head + 4 + length {
                return head_text[9..12].parse().map_err(io::Error::other);
            }
        }
    }
}
