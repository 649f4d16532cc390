//! Scripted sources, networks, ports and pins for the tests of the run loops.
#![allow(dead_code)] // Not every test needs all of it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::task::{Context, Poll, Waker};

use earmark_core::engine::Network;
use earmark_edge::Error;
use earmark_edge::source::{AsyncSource, Source};
use embedded_hal::digital::{self, OutputPin};
use embedded_io::{ErrorKind, Write};

/// Delivers chunks and errors as scripted, then says that there is no more.
pub struct Script(pub VecDeque<Result<Vec<i16>, Error>>);

impl Script {
    pub fn new(chunks: impl IntoIterator<Item = Result<Vec<i16>, Error>>) -> Self {
        Self(chunks.into_iter().collect())
    }

    /// The samples in chunks of these lengths, in turn.
    pub fn chunked(mut samples: &[i16], lengths: &[usize]) -> Self {
        let mut chunks = VecDeque::new();
        for &length in lengths.iter().cycle() {
            let (now, later) = samples.split_at(length.min(samples.len()));
            if now.is_empty() {
                break;
            }
            chunks.push_back(Ok(now.to_vec()));
            samples = later;
        }
        Self(chunks)
    }
}

impl Source for Script {
    type Item = i16;

    fn fill(&mut self, items: &mut [i16]) -> Result<usize, Error> {
        let Some(chunk) = self.0.pop_front() else { return Ok(0) };
        let mut chunk = chunk?;
        let later = chunk.split_off(items.len().min(chunk.len()));
        if !later.is_empty() {
            self.0.push_front(Ok(later));
        }
        items[..chunk.len()].copy_from_slice(&chunk);
        Ok(chunk.len())
    }
}

/// A script whose reader has to wait each time.
pub struct Later(pub Script);

impl AsyncSource for Later {
    type Item = i16;

    async fn fill(&mut self, items: &mut [i16]) -> Result<usize, Error> {
        let mut waited = false;
        std::future::poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
            .await;
        Source::fill(&mut self.0, items)
    }
}

/// Polls a future until it is ready.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Gives scripted raw outputs for window after window.
pub struct Answers(pub VecDeque<Vec<f32>>);

impl Network for Answers {
    fn reset(&mut self) {}

    fn push_frame(&mut self, _: &[f32]) -> Result<(), earmark_core::Error> {
        Ok(())
    }

    fn push_quantised(&mut self, _: &[i8]) -> Result<(), earmark_core::Error> {
        Ok(())
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, earmark_core::Error> {
        let Some(answer) = self.0.pop_front() else { return Ok(false) };
        outputs.copy_from_slice(&answer);
        Ok(true)
    }
}

/// Remembers every state that it was set to; fails when broken.
#[derive(Default)]
pub struct Pin {
    pub states: Vec<bool>,
    pub broken: bool,
}

impl digital::ErrorType for Pin {
    type Error = digital::ErrorKind;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), digital::ErrorKind> {
        self.states.push(false);
        if self.broken { Err(digital::ErrorKind::Other) } else { Ok(()) }
    }

    fn set_high(&mut self) -> Result<(), digital::ErrorKind> {
        self.states.push(true);
        if self.broken { Err(digital::ErrorKind::Other) } else { Ok(()) }
    }
}

/// A port that is unplugged for its first write.
#[derive(Default)]
pub struct Loose {
    plugged: bool,
    pub written: Vec<u8>,
}

impl embedded_io::ErrorType for Loose {
    type Error = ErrorKind;
}

impl Write for Loose {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if !std::mem::replace(&mut self.plugged, true) {
            return Err(ErrorKind::BrokenPipe);
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A port that holds back what is written until it is told to send it.
#[derive(Default)]
pub struct Buffered {
    pub held: Vec<u8>,
    pub sent: Vec<u8>,
}

impl embedded_io::ErrorType for Buffered {
    type Error = ErrorKind;
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.sent.append(&mut self.held);
        Ok(())
    }
}

/// A pin that nobody looks at.
pub struct Quiet;

impl digital::ErrorType for Quiet {
    type Error = Infallible;
}

impl OutputPin for Quiet {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// What was written, line by line.
pub fn lines(output: &[u8]) -> Vec<&str> {
    let text = std::str::from_utf8(output).expect("JSON is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().collect()
}
