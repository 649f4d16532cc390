//! A model that listens without end, with all that it needs.

use std::sync::Arc;

use earmark_core::Error as CoreError;
use earmark_core::detect::Detection;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::listener::{Event, Listener, ListenerSettings};
use earmark_core::recognizer::Recognizer;
use self_cell::{MutBorrow, self_cell};

use crate::Error;
use crate::classify::Engine;
use crate::model::LoadedModel;
#[cfg(feature = "tract")]
use crate::reference::ReferenceNetwork;

/// What a listener reads and works in.
struct Parts {
    model: Arc<LoadedModel>,
    /// In words of the strictest alignment that the core asks for.
    memory: MutBorrow<Vec<u128>>,
    /// What runs in the place of the core.
    reference: MutBorrow<Option<Box<dyn Network + Send>>>,
}

enum Chain<'p> {
    Core(Listener<'p, 'p, PlanEngine<'p, 'p>>),
    Reference(Listener<'p, 'p, &'p mut (dyn Network + Send + 'static)>),
}

self_cell!(
    struct Cell {
        owner: Parts,
        #[not_covariant]
        dependent: Chain,
    }
);

/// A listener that owns what it reads.
pub(in crate::serve) struct Ears {
    cell: Cell,
    sample_rate: u32,
}

impl Ears {
    /// Sets a listener up as the model was calibrated: the same as `earmark stream` has without options.
    pub(in crate::serve) fn new(loaded: Arc<LoadedModel>, engine: Engine) -> Result<Self, Error> {
        let sample_rate = loaded.model()?.sample_rate();
        let parts = {
            let model = loaded.model()?;
            let reference: Option<Box<dyn Network + Send>> = match engine {
                Engine::Core => None,
                #[cfg(feature = "tract")]
                Engine::Tract => Some(Box::new(ReferenceNetwork::new(&loaded.source()?, &model)?)),
            };
            let bytes = model.sizes().recognizer + ListenerSettings::of(&model).memory(&model);
            Parts {
                memory: MutBorrow::new(vec![0; bytes.div_ceil(size_of::<u128>())]),
                reference: MutBorrow::new(reference),
                model: loaded.clone(),
            }
        };
        Ok(Self { cell: Cell::try_new(parts, |parts| Chain::new(parts))?, sample_rate })
    }

    /// Takes the next samples at the model's rate, and tells what is detected in them and at which rate its times are.
    pub(in crate::serve) fn push(
        &mut self,
        samples: &[i16],
        mut on_detection: impl FnMut(&Detection, u32),
    ) -> Result<(), CoreError> {
        let sample_rate = self.sample_rate;
        let on_event = |event: Event<'_>| {
            if let Event::Detection(detection) = event {
                on_detection(&detection, sample_rate);
            }
        };
        self.cell.with_dependent_mut(|_, chain| match chain {
            Chain::Core(listener) => listener.push(samples, on_event),
            Chain::Reference(listener) => listener.push(samples, on_event),
        })
    }
}

impl<'p> Chain<'p> {
    fn new(parts: &'p Parts) -> Result<Self, Error> {
        let model = parts.model.model()?;
        let settings = ListenerSettings::of(&model);
        let memory: &mut [u8] = bytemuck::cast_slice_mut(parts.memory.borrow_mut());
        Ok(match parts.reference.borrow_mut() {
            None => Self::Core(Listener::new(model, &settings, memory)?),
            Some(network) => {
                let (recognizer, detector) = memory.split_at_mut(model.sizes().recognizer);
                let recognizer = Recognizer::with_network(model, &mut **network, recognizer)?;
                Self::Reference(Listener::with_recognizer(recognizer, &settings, detector)?)
            }
        })
    }
}
