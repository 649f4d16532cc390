//! A loaded model and the classifiers that run it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use earmark_core::api::FunctionToApply;
use self_cell::self_cell;

use crate::Error;
use crate::classify::{Classifier, Engine, Window};
use crate::model::LoadedModel;
use crate::serve::stream::Ears;

self_cell!(
    /// A classifier together with the model that it reads.
    struct Prepared {
        owner: Arc<LoadedModel>,
        #[not_covariant]
        dependent: Classifier,
    }
);

/// A model in use. Requests that have one keep it, even if another takes its place meanwhile.
pub(in crate::serve) struct ReadyModel {
    loaded: Arc<LoadedModel>,
    engine: Engine,
    /// Those that nobody uses now; there are never more than requests were computed at the same time.
    classifiers: Mutex<Vec<Prepared>>,
    facts: Facts,
    generation: u64,
}

/// What is asked about a model all the time.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Facts {
    pub(in crate::serve) labels: Vec<String>,
    /// Hertz.
    pub(in crate::serve) sample_rate: u32,
    pub(in crate::serve) window_samples: usize,
    pub(in crate::serve) function_to_apply: FunctionToApply,
}

impl ReadyModel {
    pub(super) fn new(loaded: LoadedModel, engine: Engine) -> Result<Self, Error> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(0);
        let loaded = Arc::new(loaded);
        let facts = {
            let model = loaded.model()?;
            Facts {
                labels: model.labels().map(str::to_owned).collect(),
                sample_rate: model.sample_rate(),
                window_samples: model.window_samples(),
                function_to_apply: model.problem().into(),
            }
        };
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        let ready = Self { loaded, engine, classifiers: Mutex::default(), facts, generation };
        // What this engine cannot run fails here.
        let first = ready.prepare()?;
        ready.put_back(first);
        Ok(ready)
    }

    pub(in crate::serve) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A number that no other model has, and this one only until it is loaded again.
    pub(in crate::serve) fn generation(&self) -> u64 {
        self.generation
    }

    /// The best window of a clip at the model's rate; `None` once `is_cancelled`.
    pub(in crate::serve) fn hear(
        &self,
        clip: &[i16],
        is_cancelled: impl Fn() -> bool,
    ) -> Result<Option<Window>, Error> {
        let waiting = self.classifiers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut prepared = waiting.map_or_else(|| self.prepare(), Ok)?;
        let heard = prepared.with_dependent_mut(|_, classifier| classifier.best_window_unless(clip, is_cancelled));
        self.put_back(prepared);
        heard
    }

    /// The model, to listen without end.
    pub(in crate::serve) fn listen(&self) -> Result<Ears, Error> {
        Ears::new(self.loaded.clone(), self.engine)
    }

    fn prepare(&self) -> Result<Prepared, Error> {
        Prepared::try_new(self.loaded.clone(), |loaded| Classifier::new(loaded, self.engine))
    }

    fn put_back(&self, prepared: Prepared) {
        self.classifiers.lock().unwrap_or_else(PoisonError::into_inner).push(prepared);
    }
}
