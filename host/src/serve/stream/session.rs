//! One stream from its first message to its last.
//!
//! Nothing is read before what came last has been worked on and its events are sent, so a client that sends faster than it is listened to
//! is held back by TCP, and at most a message of it is in memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use earmark_core::api::{event_bound, write_event};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::debug;
use tungstenite::Error as SocketError;

use super::super::App;
use super::super::metrics::Counted;
use super::super::registry::ReadyModel;
use super::LONGEST_MESSAGE;
use super::ears::Ears;
use crate::Error;
use crate::audio::PcmConverter;

/// Bytes that are worked on in one turn, so that a stream keeps others waiting only shortly: at 16 kHz, a second.
const PIECE: usize = 32 << 10;

/// How long a client that is told the end may take to hear it.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a stream consists of.
pub(super) struct Session {
    pub(super) app: Arc<App>,
    pub(super) model: Arc<ReadyModel>,
    pub(super) chain: Chain,
    /// Given back at the end.
    pub(super) _place: OwnedSemaphorePermit,
    pub(super) _counted: Counted,
}

/// Bytes to detections.
pub(super) struct Chain {
    pub(super) converter: PcmConverter,
    pub(super) ears: Ears,
}

/// Why a stream ends.
enum End {
    /// The client has gone, or no longer reads.
    Gone,
    /// It is told why.
    Told { code: u16, error: Option<String> },
}

impl End {
    fn error(code: u16, error: impl Into<String>) -> Self {
        Self::Told { code, error: Some(error.into()) }
    }
}

impl End {
    /// What follows from a message that cannot be received, with the codes that RFC 6455, section 7.4.1, has for it.
    fn of_error(error: axum::Error) -> Self {
        let error = error.into_inner();
        match error.downcast_ref() {
            Some(SocketError::Capacity(_)) => {
                let text = format!("a message has more than {LONGEST_MESSAGE} bytes: send the samples in shorter ones");
                Self::error(close_code::SIZE, text)
            }
            Some(SocketError::Utf8(_)) => {
                Self::error(close_code::INVALID, "text came that is no UTF-8: send samples as binary messages")
            }
            Some(SocketError::Protocol(fault)) => Self::error(close_code::PROTOCOL, fault.to_string()),
            _ => Self::Gone,
        }
    }
}

impl Session {
    /// Serves to the end.
    pub(super) async fn run(self, mut socket: WebSocket) {
        let Self { app, model, chain, _place, _counted } = self;
        match listen(&app, &model, chain, &mut socket).await {
            End::Gone => debug!("a stream's client has gone"),
            End::Told { code, error } => {
                if !matches!(timeout(FAREWELL, say_goodbye(&mut socket, code, error)).await, Ok(Ok(()))) {
                    debug!("a stream's client did not wait for its end");
                }
            }
        }
    }
}

/// Tells a client why its stream ends, and waits until it has seen it: closing with messages of its unread would take ours from it.
async fn say_goodbye(socket: &mut WebSocket, code: u16, error: Option<String>) -> Result<(), axum::Error> {
    let reason = short(error.clone().unwrap_or_default());
    if let Some(error) = error {
        socket.send(Message::Text(error_text(error))).await?;
    }
    socket.send(Message::Close(Some(CloseFrame { code, reason }))).await?;
    while let Some(Ok(_)) = socket.recv().await {}
    Ok(())
}

/// Hears a stream to its end, and says why it ended.
async fn listen(app: &App, model: &Arc<ReadyModel>, mut chain: Chain, socket: &mut WebSocket) -> End {
    let mut stopping = app.stopping.clone();
    let mut is_asked = false;
    loop {
        let received = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return End::error(close_code::AWAY, "the server is stopping: connect again"),
            received = timeout(app.config.stall, socket.recv()) => received,
        };
        let message = match received {
            // Who is silent is asked once whether it is still there.
            Err(_) if is_asked => return End::Gone,
            Err(_) => {
                is_asked = true;
                if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    return End::Gone;
                }
                continue;
            }
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return End::of_error(error),
            Ok(None) => return End::Gone,
        };
        is_asked = false;
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(_) => {
                return End::error(
                    close_code::UNSUPPORTED,
                    "text came: send samples as binary messages, an empty one at the end",
                );
            }
            Message::Close(_) => return End::Gone,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        let is_last = bytes.is_empty();
        let pieces = if is_last { 1 } else { bytes.len().div_ceil(PIECE) };
        for piece in 0..pieces {
            let start = piece * PIECE;
            let bytes = bytes.slice(start..bytes.len().min(start + PIECE));
            let worked = app.pool.run_in_turn({
                let model = model.clone();
                move || {
                    let heard = chain.hear(&bytes, is_last, &model.facts().labels);
                    (chain, heard)
                }
            });
            let heard = match worked.await {
                Ok((back, heard)) => {
                    chain = back;
                    heard
                }
                Err(failure) => return End::error(close_code::ERROR, failure.text()),
            };
            let Heard { events, samples } = match heard {
                Ok(heard) => heard,
                Err(error) => return End::error(close_code::INVALID, error.to_string()),
            };
            app.metrics.streamed(samples as f64 / f64::from(model.facts().sample_rate));
            for event in events {
                match timeout(app.config.stall, socket.send(Message::Text(event.into()))).await {
                    Ok(Ok(())) => {}
                    _ => return End::Gone,
                }
            }
        }
        if is_last {
            return End::Told { code: close_code::NORMAL, error: None };
        }
    }
}

/// What came of some bytes.
struct Heard {
    events: Vec<String>,
    /// At the model's rate.
    samples: usize,
}

impl Chain {
    fn hear(&mut self, bytes: &[u8], is_last: bool, labels: &[String]) -> Result<Heard, Error> {
        let samples = if is_last { self.converter.finish()? } else { self.converter.push(bytes)? };
        let mut events = Vec::new();
        let mut outcome = Ok(());
        self.ears.push(samples, is_last, |detection, sample_rate| {
            let label = labels.get(detection.label).map_or("", String::as_str);
            let mut buffer = vec![0; event_bound(label)];
            match write_event(label, detection, sample_rate, &mut buffer) {
                Ok(event) => events.push(event.to_owned()),
                Err(error) => outcome = Err(error),
            }
        })?;
        outcome?;
        Ok(Heard { events, samples: samples.len() })
    }
}

/// An error as a message.
fn error_text(error: String) -> Utf8Bytes {
    #[derive(Serialize)]
    struct Text {
        error: String,
    }
    serde_json::to_string(&Text { error })
        .unwrap_or_else(|_| r#"{"error":"the error cannot be written"}"#.to_owned())
        .into()
}

/// A reason as a close frame can hold it: 123 bytes.
fn short(mut reason: String) -> Utf8Bytes {
    let mut length = reason.len().min(123);
    while !reason.is_char_boundary(length) {
        length -= 1;
    }
    reason.truncate(length);
    reason.into()
}
