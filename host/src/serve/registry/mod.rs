//! The models that are served: the built-in one, and those of a directory, which are loaded when somebody asks for them and again
//! when their files change.

mod entry;
mod ready;
mod scan;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::{error, info, warn};

use crate::Error;
use crate::classify::Engine;
use crate::model::BUILT_IN;

pub(super) use entry::{Entry, MOST_LOADS, Status};
pub(super) use ready::{Facts, ReadyModel};
use scan::{Found, scan};

/// All models by their ids.
pub(super) struct Registry {
    directory: Option<PathBuf>,
    engine: Engine,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// Whether the directory could not be looked at when it last should have been.
    is_lost: AtomicBool,
}

impl Registry {
    /// Looks through the directory.
    ///
    /// # Errors
    /// [`Error::ModelsDirectory`] if it cannot be read.
    pub(super) fn new(directory: Option<PathBuf>, engine: Engine) -> Result<Self, Error> {
        let built_in = Entry::built_in(engine);
        let entries = RwLock::new(BTreeMap::from([(BUILT_IN.to_owned(), Arc::new(built_in))]));
        let registry = Self { directory, engine, entries, is_lost: AtomicBool::new(false) };
        if let Some(directory) = &registry.directory {
            let cannot = |cause| Error::ModelsDirectory { path: directory.clone(), cause };
            registry.update(scan(directory).map_err(cannot)?);
        }
        Ok(registry)
    }

    /// The model of that name.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// All models, by id.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether there is a directory to look at.
    pub(super) fn has_directory(&self) -> bool {
        self.directory.is_some()
    }

    /// Looks at the directory again. Where it cannot be read, everything stays as it is.
    pub(super) fn refresh(&self) {
        let Some(directory) = &self.directory else { return };
        match scan(directory) {
            Ok(found) => {
                if self.is_lost.swap(false, Ordering::Relaxed) {
                    info!("the models in {} can be looked at again", directory.display());
                }
                self.update(found);
            }
            Err(cause) => {
                // Once is enough.
                if !self.is_lost.swap(true, Ordering::Relaxed) {
                    error!("the models in {} cannot be looked at and stay as they are: {cause}", directory.display());
                }
            }
        }
    }

    fn update(&self, found: BTreeMap<String, Found>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|id, entry| {
            let stays = entry.is_built_in() || found.contains_key(id) || entry.is_missed_for_the_first_time();
            if !stays {
                info!("model {id} is gone");
            }
            stays
        });
        for (id, found) in found {
            if id == BUILT_IN {
                continue;
            }
            match entries.get(&id) {
                Some(entry) => entry.look_at(found),
                None => {
                    info!("model {id}: {}", found.path.display());
                    entries.insert(id.clone(), Arc::new(Entry::new(id, found, self.engine)));
                }
            }
        }
    }

    /// Says what a person who looks at the log wants to know of names that cannot be served.
    pub(super) fn warn_of_hidden_models(&self) {
        let hides_built_in = |directory: &PathBuf| scan(directory).is_ok_and(|found| found.contains_key(BUILT_IN));
        if self.directory.as_ref().is_some_and(hides_built_in) {
            warn!("{BUILT_IN} is the built-in model: the file of that name is not served");
        }
    }
}
