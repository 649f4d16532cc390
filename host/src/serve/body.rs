//! Bodies of requests: received within limits, and never left unread.
//!
//! Clients that are answered while they still send lose the answer: Node reports a broken pipe. So what a handler did not read
//! is read behind it and thrown away, up to a limit.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;

/// The most bytes that are read only to be thrown away.
const MOST_DRAINED: u64 = 1 << 30;

/// Bytes a second that a body must bring on average once it has had its first pause: a client that sends a byte now and then would keep
/// its connection for ever.
const SLOWEST: u64 = 1 << 10;

/// When the next piece of a body must be there.
fn due(started: Instant, received: u64, stall: Duration) -> Instant {
    let at_slowest = started + stall + Duration::from_secs_f64(received as f64 / SLOWEST as f64);
    at_slowest.min(Instant::now() + stall)
}

/// A body that a handler and the one who cleans up behind it share.
#[derive(Clone)]
pub(super) struct SharedBody(Arc<Mutex<Inner>>);

struct Inner {
    body: Body,
    is_touched: bool,
}

impl SharedBody {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Inner { body, is_touched: false })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what is left and forgets it, unless that would call for a body that the client holds back until it is asked for it
    /// (`expect: 100-continue`). Gives up at a stall or at [`MOST_DRAINED`]; the connection is then closed.
    pub(super) async fn drain(mut self, headers: &HeaderMap, stall: Duration) {
        let is_held_back = headers.contains_key(header::EXPECT) && !self.with(|inner| inner.is_touched);
        let (started, mut drained) = (Instant::now(), 0);
        while !is_held_back && !self.is_end_stream() && drained < MOST_DRAINED {
            match timeout_at(due(started, drained, stall), self.frame()).await {
                Ok(Some(Ok(frame))) => drained += frame.data_ref().map_or(0, |data| data.len() as u64),
                _ => break,
            }
        }
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|inner| {
            inner.is_touched = true;
            Pin::new(&mut inner.body).poll_frame(context)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|inner| inner.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|inner| inner.body.size_hint())
    }
}

/// How many bytes of bodies there may be at the same time.
pub(super) struct Memory {
    used: AtomicU64,
    most: u64,
}

impl Memory {
    pub(super) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), most })
    }

    fn take(&self, bytes: u64) -> Result<(), Failure> {
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.most);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| Failure::overload("as much audio in memory as it takes"))
    }
}

/// A body in memory, or what was made of it; the bytes that came count as long as it lives.
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    counted: u64,
    memory: Arc<Memory>,
}

impl Received {
    fn extend(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.memory.take(bytes.len() as u64)?;
        self.counted += bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// Most bytes that are reserved because a header announces them.
const MOST_RESERVED: u64 = 256 << 10;

/// Receives a body of at most `limit` bytes.
///
/// # Errors
/// 413 where it is longer, 429 where there is no memory for it, 408 where nothing comes for `stall`, 400 where it breaks off.
pub(super) async fn receive(
    mut body: Body,
    limit: u64,
    stall: Duration,
    memory: &Arc<Memory>,
) -> Result<Received, Failure> {
    let too_large = || {
        Failure::too_large(format!(
            "the body is larger than {limit} bytes, the limit for audio with its growth in base64: split the audio"
        ))
    };
    let announced = body.size_hint().lower();
    if announced > limit {
        return Err(too_large());
    }
    let mut received = Received {
        bytes: Vec::with_capacity(announced.min(MOST_RESERVED) as usize),
        counted: 0,
        memory: memory.clone(),
    };
    let started = Instant::now();
    loop {
        let due = due(started, received.bytes.len() as u64, stall);
        let frame = timeout_at(due, body.frame()).await.map_err(|_| {
            let seconds = stall.as_secs_f64();
            let text = format!(
                "nothing came of the body for {seconds} s, or less than {SLOWEST} bytes a second: send it again"
            );
            Failure::new(StatusCode::REQUEST_TIMEOUT, text)
        })?;
        let Some(frame) = frame else { return Ok(received) };
        let frame = frame.map_err(|error| {
            Failure::bad_request(format!("the body breaks off or is encoded wrongly ({error}): send it again"))
        })?;
        if let Some(data) = frame.data_ref() {
            if received.bytes.len() as u64 + data.len() as u64 > limit {
                return Err(too_large());
            }
            received.extend(data)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn what_is_received_counts_until_it_is_dropped() {
        let memory = Memory::new(10);
        let receive = |bytes: &'static [u8]| receive(Body::from(bytes), 8, STALL, &memory);
        let mut first = receive(b"12345678").await.ok().unwrap();
        assert_eq!(first.bytes, b"12345678");
        assert_eq!(receive(b"123").await.err().unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(receive(b"123456789").await.err().unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(memory.used.load(Ordering::Relaxed), 8);
        let second = receive(b"12").await.ok().unwrap();
        first.bytes.clear();
        assert_eq!(memory.used.load(Ordering::Relaxed), 10);
        drop((first, second));
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_is_left_is_drained_unless_it_is_held_back() {
        for (headers, is_read) in [
            (HeaderMap::new(), true),
            (HeaderMap::from_iter([(header::EXPECT, "100-continue".parse().unwrap())]), false),
        ] {
            let body = SharedBody::new(Body::from("left over"));
            body.clone().drain(&headers, STALL).await;
            assert_eq!(body.is_end_stream(), is_read);
        }
    }
}
