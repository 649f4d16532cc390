//! One model's life: idle until it is asked for, loading, ready; and loaded anew behind its own back when its file changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tracing::{error, info};

use super::ready::ReadyModel;
use super::scan::{Found, Stamp};
use crate::Error;
use crate::classify::Engine;
use crate::model::{BUILT_IN, LoadedModel};

/// Models that are loaded at the same time at most: each takes a thread, and a disk that does not answer keeps it.
pub(in crate::serve) const MOST_LOADS: usize = 6;

static LOADS: Semaphore = Semaphore::const_new(MOST_LOADS);

/// A model that is served.
pub(in crate::serve) struct Entry {
    id: String,
    engine: Engine,
    /// Absent: the built-in one.
    file: Option<PathBuf>,
    state: watch::Sender<State>,
    seen: Mutex<Seen>,
}

/// What was seen of the file.
struct Seen {
    /// When the directory was last looked at.
    last: Option<Stamp>,
    /// When it was last loaded; absent also if it could not be read then, so that it is tried again.
    loaded: Option<Stamp>,
    is_missed: bool,
    /// The change that was last said to be no good: once is enough.
    refused: Option<Stamp>,
}

#[derive(Clone)]
enum State {
    Idle,
    Loading {
        since: Instant,
    },
    Ready(Arc<ReadyModel>),
    /// Why it cannot be used, until its file changes.
    Failed(Arc<str>),
}

/// A state for people, as `/status` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Status {
    /// Nobody has asked for it.
    Loadable,
    Loading,
    Loaded,
    Failed,
}

impl Entry {
    pub(super) fn built_in(engine: Engine) -> Self {
        Self::with(BUILT_IN.to_owned(), None, None, engine)
    }

    pub(super) fn new(id: String, found: Found, engine: Engine) -> Self {
        Self::with(id, Some(found.path), Some(found.stamp), engine)
    }

    fn with(id: String, file: Option<PathBuf>, last: Option<Stamp>, engine: Engine) -> Self {
        let seen = Mutex::new(Seen { last, loaded: None, is_missed: false, refused: None });
        Self { id, engine, file, state: watch::Sender::new(State::Idle), seen }
    }

    pub(in crate::serve) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_built_in(&self) -> bool {
        self.file.is_none()
    }

    pub(in crate::serve) fn status(&self) -> Status {
        match &*self.state.borrow() {
            State::Idle => Status::Loadable,
            State::Loading { .. } => Status::Loading,
            State::Ready(_) => Status::Loaded,
            State::Failed(_) => Status::Failed,
        }
    }

    /// How long it has been loading.
    pub(in crate::serve) fn loading_for(&self) -> Duration {
        match &*self.state.borrow() {
            State::Loading { since } => since.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// The model, once it is loaded; the first who asks has it loaded.
    ///
    /// # Errors
    /// Why it cannot be used. It is not tried again before its file changes, or the directory is looked at if it could not be read.
    pub(in crate::serve) async fn ready(self: &Arc<Self>) -> Result<Arc<ReadyModel>, Arc<str>> {
        let mut states = self.state.subscribe();
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                State::Ready(model) => return Ok(model),
                State::Failed(why) => return Err(why),
                State::Idle => self.start_loading(),
                State::Loading { .. } => {}
            }
            if states.changed().await.is_err() {
                return Err("the server is closing".into());
            }
        }
    }

    /// Loads on a thread beside those that compute: a slow disk keeps nobody else waiting.
    fn start_loading(self: &Arc<Self>) {
        let is_first = self.state.send_if_modified(|state| {
            let is_idle = matches!(state, State::Idle);
            if is_idle {
                *state = State::Loading { since: Instant::now() };
            }
            is_idle
        });
        if !is_first {
            return;
        }
        let entry = self.clone();
        tokio::spawn(async move {
            let _turn = LOADS.acquire().await;
            let loading = tokio::task::spawn_blocking({
                let entry = entry.clone();
                move || entry.load()
            });
            let state = match loading.await {
                Ok(Ok(model)) => State::Ready(Arc::new(model)),
                Ok(Err(error)) => {
                    error!("model {} cannot be loaded: {error}", entry.id);
                    State::Failed(reason(&error).into())
                }
                Err(fault) => {
                    error!("model {} cannot be loaded: {fault}", entry.id);
                    State::Failed("the server failed on it".into())
                }
            };
            entry.state.send_replace(state);
        });
    }

    fn load(&self) -> Result<ReadyModel, Error> {
        {
            let mut seen = self.seen();
            seen.loaded = seen.last.clone();
        }
        let started = Instant::now();
        let loaded = LoadedModel::open_for(self.file.as_deref(), self.engine);
        if matches!(loaded, Err(Error::ReadModel { .. } | Error::ReadSource { .. })) {
            self.seen().loaded = None;
        }
        let model = ReadyModel::new(loaded?, self.engine)?;
        info!("model {} loaded in {:.1} ms", self.id, started.elapsed().as_secs_f64() * 1e3);
        Ok(model)
    }

    /// Hears how the file looks now. A model that is in use is loaded anew once its file has looked the same twice, for it may still be
    /// being written; the old one serves meanwhile, and stays if the new one is no good.
    pub(super) fn look_at(&self, found: Found) {
        let is_changed = {
            let mut seen = self.seen();
            seen.is_missed = false;
            let is_settled = seen.last.as_ref() == Some(&found.stamp);
            seen.last = Some(found.stamp);
            is_settled && seen.loaded != seen.last
        };
        if !is_changed {
            return;
        }
        let state = self.state.borrow().clone();
        match state {
            State::Ready(_) => match self.load() {
                Ok(model) => {
                    self.state.send_replace(State::Ready(Arc::new(model)));
                }
                Err(error) => {
                    let mut seen = self.seen();
                    if seen.refused != seen.last {
                        seen.refused = seen.last.clone();
                        error!("model {} has changed and cannot be loaded, the old one stays: {error}", self.id);
                    }
                }
            },
            State::Failed(_) => drop(self.state.send_replace(State::Idle)),
            State::Idle | State::Loading { .. } => {}
        }
    }

    /// Whether the file was there when the directory was last looked at: files are sometimes replaced by removing them first.
    pub(super) fn is_missed_for_the_first_time(&self) -> bool {
        !std::mem::replace(&mut self.seen().is_missed, true)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a model cannot be used, without the paths that only the log should tell.
fn reason(error: &Error) -> String {
    match error {
        Error::Model { cause, .. } => cause.to_string(),
        Error::ReadModel { cause, .. } | Error::ReadSource { cause, .. } => format!("its file cannot be read: {cause}"),
        Error::NoCompiler { .. } => {
            "it is an ONNX file and this server was built without the model compiler".to_owned()
        }
        Error::OtherSource { .. } => "its ONNX file is not the one that it was compiled from".to_owned(),
        other => other.to_string(),
    }
}
