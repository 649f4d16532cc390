//! The HTTP server: the audio-classification API over the same classifiers that the command line runs.
//!
//! ```text
//! connection ─► observe ─► router ─► answer: body ─► question ─► pool: cache, decoding, inference, JSON
//! accepts,      request     auth,      receives,     raw, base64,   so many at a time, so many waiting
//! times out,    id, log,    CORS,      drains        JSON, form
//! drains        metrics     gzip                                 registry: models, loaded when asked for
//! ```
//!
//! Nothing in it grows without end: connections, bodies in memory, waiting requests, remembered answers and streams all have
//! their limits in [`Config`], and what is beyond them is told so (413, and 429 after a moment) or has to wait.

mod answer;
mod auth;
mod body;
mod cache;
mod config;
mod connection;
mod failure;
mod headers;
mod metrics;
mod multipart;
mod observe;
mod openapi;
mod operations;
mod origin;
mod page;
mod pool;
mod question;
mod registry;
mod router;
mod stream;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::Error;
use auth::Auth;
use body::Memory;
use cache::Cache;
pub use config::Config;
use failure::Failure;
use metrics::Metrics;
pub use origin::Origin;
use pool::Pool;
use registry::{Entry, MOST_LOADS, ReadyModel, Registry, Status};

/// What all requests share.
struct App {
    config: Config,
    auth: Auth,
    registry: Registry,
    pool: Pool,
    cache: Cache,
    memory: Arc<Memory>,
    metrics: Metrics,
    /// Places for streams.
    streams: Arc<Semaphore>,
    /// Turns true when the server is told to stop.
    stopping: watch::Receiver<bool>,
    /// Of the random numbers.
    keys: RandomState,
    drawn: AtomicU64,
}

impl App {
    fn new(config: Config, registry: Registry, stopping: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            auth: Auth::new(config.api_key.as_deref()),
            registry,
            pool: Pool::new(config.workers.get().into(), config.queue),
            cache: Cache::new(config.cache_bytes),
            memory: Memory::new(config.memory_for_bodies()),
            metrics: Metrics::new(),
            streams: Arc::new(Semaphore::new(config.streams as usize)),
            stopping,
            keys: RandomState::new(),
            drawn: AtomicU64::new(0),
            config,
        })
    }

    fn entry(&self, id: &str) -> Result<Arc<Entry>, Failure> {
        self.registry.get(id).ok_or_else(|| {
            Failure::new(StatusCode::NOT_FOUND, format!("there is no model {id}: GET /models lists those there are"))
        })
    }

    /// The model, loaded; a request that is not ready to wait is told to come again after `load_wait`.
    async fn ready(&self, entry: &Arc<Entry>, is_patient: bool) -> Result<Arc<ReadyModel>, Failure> {
        let patience = if is_patient { self.config.timeout } else { self.config.load_wait };
        match timeout(patience, entry.ready()).await {
            Ok(Ok(model)) => Ok(model),
            Ok(Err(why)) => Err(Failure::internal(format!("model {} cannot be loaded: {why}", entry.id()))),
            Err(_) if is_patient => Err(self.timed_out(entry)),
            // Nobody knows how long it takes; as long again as until now is a fair guess.
            Err(_) => Err(Failure::loading(entry.id(), entry.loading_for())),
        }
    }

    /// What a request is told that took as long as it may. Where the model was what it waited for, the audio is not to blame.
    fn timed_out(&self, entry: &Entry) -> Failure {
        let limit = self.config.timeout;
        match entry.status() {
            Status::Loading => Failure::loading_timeout(entry.id(), limit),
            _ => Failure::timeout(limit),
        }
    }

    /// Another number each time, which nobody else can foresee.
    fn random(&self) -> u64 {
        self.keys.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

/// A server that listens, but does not answer yet.
pub struct Server {
    listener: TcpListener,
    config: Config,
    registry: Registry,
}

impl Server {
    /// Opens the address and looks through the directory of models.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address cannot be used; [`Error::ModelsDirectory`] if the directory cannot be read;
    /// [`Error::ModelUnknown`] if there is no such default model.
    pub fn bind(config: Config) -> Result<Self, Error> {
        let registry = Registry::new(config.models.clone(), config.engine)?;
        if registry.get(&config.default_model).is_none() {
            let known = registry.all().iter().map(|entry| entry.id().to_owned()).collect::<Vec<_>>().join(", ");
            return Err(Error::ModelUnknown { id: config.default_model, known });
        }
        let cannot = |cause| Error::Listen { address: config.address, cause };
        let listener = TcpListener::bind(config.address).map_err(cannot)?;
        listener.set_nonblocking(true).map_err(cannot)?;
        Ok(Self { listener, config, registry })
    }

    /// Where it listens: the port is a real one, even if port 0 was asked for.
    ///
    /// # Errors
    /// [`Error::Listen`] if the system does not say.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(|cause| Error::Listen { address: self.config.address, cause })
    }

    /// Serves until the process is told to stop (SIGTERM or SIGINT), then lets requests in progress finish. A second signal
    /// ends it at once.
    ///
    /// # Errors
    /// [`Error::Server`] if the system does not let it start.
    pub fn run(self) -> Result<(), Error> {
        // Each connection is a file; where there are few, connections wait. More is a favour that the system may refuse.
        let needed = u64::from(self.config.connections.get()) + FILES_BESIDE;
        if rlimit::increase_nofile_limit(needed).is_ok_and(|files| files < needed) {
            warn!("the system allows few open files: fewer connections than configured can be open");
        }
        let workers = usize::from(self.config.workers.get());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .max_blocking_threads(workers + LOADING_THREADS)
            .enable_all()
            .build()
            .map_err(Error::Server)?;
        let outcome = runtime.block_on(self.serve());
        // A file that does not answer keeps its thread; the process need not wait for it.
        runtime.shutdown_background();
        outcome
    }

    async fn serve(self) -> Result<(), Error> {
        let (stop, stopping) = watch::channel(false);
        let signals = Signals::new().map_err(Error::Server)?;
        let Self { listener, config, registry } = self;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Server)?;
        let app = App::new(config, registry, stopping.clone());
        // Loaded before anybody asks, so that the first answer is quick and /ready means something.
        let first = app.entry(&app.config.default_model);
        tokio::spawn(async move {
            if let Ok(entry) = first {
                drop(entry.ready().await)
            }
        });
        app.registry.warn_of_hidden_models();
        if app.registry.has_directory() {
            tokio::spawn(watch_models(app.clone()));
        }
        tokio::spawn(signals.wait(stop));
        let unfinished = connection::serve(listener, router::router(&app), &app, stopping).await;
        if unfinished > 0 {
            warn!("stopped with {unfinished} connections still open");
        } else {
            info!("stopped");
        }
        Ok(())
    }
}

/// Files and sockets that a server has open beside its connections.
const FILES_BESIDE: u64 = 64;

/// Threads on which models are loaded, and one that looks for changed ones, beside those that compute.
const LOADING_THREADS: usize = MOST_LOADS + 1;

/// Looks at the directory of models again and again.
async fn watch_models(app: Arc<App>) {
    let mut ticks = tokio::time::interval(app.config.watch);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let app = app.clone();
        // A look that panics or hangs is one look.
        let _ = tokio::task::spawn_blocking(move || app.registry.refresh()).await;
    }
}

/// The signals that end a server.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn wait(mut self, stop: watch::Sender<bool>) {
        self.next().await;
        info!("stopping: requests in progress are finished, the next signal ends them");
        stop.send_replace(true);
        self.next().await;
        std::process::exit(SECOND_SIGNAL);
    }
}

/// What shells call a process that was interrupted: 128 and the signal's number.
const SECOND_SIGNAL: i32 = 130;
