//! What can be set about a server.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

use super::Origin;
use crate::audio::Limits;
use crate::classify::Engine;
use crate::model::BUILT_IN;

/// Everything that can be set; [`default`](Self::default) is what `earmark serve` does without options.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 lets the system choose one.
    pub address: SocketAddr,
    /// A directory whose `.ear` and `.onnx` files are served beside the built-in model.
    pub models: Option<PathBuf>,
    /// The model that answers where a request names none.
    pub default_model: String,
    /// What runs the models.
    pub engine: Engine,
    /// The key that requests must bring; absent: none.
    pub api_key: Option<String>,
    /// The one web site that may read answers in browsers; absent: any.
    pub allow_origin: Option<Origin>,
    /// Requests that are computed at the same time.
    pub workers: NonZeroU16,
    /// Requests that wait for their turn; more are answered with 429 a quarter of a second later.
    pub queue: usize,
    /// Connections that are open at the same time; more wait to be accepted.
    pub connections: NonZeroU32,
    /// Streams that are open at the same time; more are answered with 429.
    pub streams: u32,
    /// How many labels to answer with where a request does not say; absent: all.
    pub default_top_k: Option<NonZeroU32>,
    /// The longest audio that is accepted, in bytes as a file and in seconds.
    pub audio: Limits,
    /// Bytes of all bodies that are being received or worked on; a request beyond them is answered with 429. One body has room however
    /// few they are: [`memory_for_bodies`](Self::memory_for_bodies).
    pub body_memory: u64,
    /// Bytes that remembered answers may take; 0: none are.
    pub cache_bytes: u64,
    /// The longest that a request may take once its body is there.
    pub timeout: Duration,
    /// How long a request waits for a model that is still loading before it is answered with 503; at least a second, so that
    /// clients which try again at once do not do so in a loop.
    pub load_wait: Duration,
    /// The longest pause between two pieces of a body, or of an answer that the client does not read; and the longest that headers may
    /// take.
    pub stall: Duration,
    /// How long requests in progress may go on after the signal to stop.
    pub drain: Duration,
    /// How often the directory of models is looked at.
    pub watch: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get());
        let workers = u16::try_from(processors).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MAX);
        Self {
            address: (Ipv4Addr::LOCALHOST, 8080).into(),
            models: None,
            default_model: BUILT_IN.to_owned(),
            engine: Engine::Core,
            api_key: None,
            allow_origin: None,
            workers,
            queue: Self::default_queue(workers),
            connections: const { NonZeroU32::new(2048).unwrap() },
            streams: 32,
            default_top_k: None,
            audio: Limits { bytes: 16 << 20, seconds: 60 },
            body_memory: 256 << 20,
            cache_bytes: 16 << 20,
            timeout: Duration::from_secs(30),
            load_wait: Duration::from_secs(10),
            stall: Duration::from_secs(20),
            drain: Duration::from_secs(10),
            watch: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// How many requests wait by default: so few that the last of them waits about as long as four requests take to compute, and a full
    /// server answers what it accepts nearly as soon as an empty one.
    #[must_use]
    pub const fn default_queue(workers: NonZeroU16) -> usize {
        4 * workers.get() as usize
    }

    /// The most bytes that a body may have: base64 makes four of three, and line breaks or `\/` escapes may come on top.
    #[must_use]
    pub const fn body_bytes(&self) -> u64 {
        self.audio.bytes.saturating_add(self.audio.bytes / 2).saturating_add(4096)
    }

    /// The most bytes that all bodies may have together: [`body_memory`](Self::body_memory), or those of [one](Self::body_bytes) where it
    /// is less, for a file that is allowed must be answered when nobody else asks.
    #[must_use]
    pub const fn memory_for_bodies(&self) -> u64 {
        if self.body_memory > self.body_bytes() { self.body_memory } else { self.body_bytes() }
    }
}
