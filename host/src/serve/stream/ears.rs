//! A listener with all that it needs, so that a stream can own it.

use std::sync::Arc;

use earmark_core::detect::Detection;
use earmark_core::listener::{Event, ListenerSettings};
use self_cell::{MutBorrow, self_cell};

use crate::Error;
use crate::classify::Engine;
use crate::listen::{ListenerMemory, StreamListener, finish};
use crate::model::LoadedModel;

type Memory<'m> = MutBorrow<ListenerMemory<'m>>;

self_cell!(
    /// A model, and the memory to listen with it.
    struct Prepared {
        owner: Arc<LoadedModel>,
        #[not_covariant]
        dependent: Memory,
    }
);

self_cell!(
    struct Listening {
        owner: Prepared,
        #[not_covariant]
        dependent: StreamListener,
    }
);

/// A listener that owns what it reads and works in.
pub(in crate::serve) struct Ears(Listening);

impl Ears {
    /// Sets a listener up as the model was calibrated: the same as `earmark stream` has without options.
    pub(in crate::serve) fn new(loaded: Arc<LoadedModel>, engine: Engine) -> Result<Self, Error> {
        let prepared = Prepared::try_new(loaded, |loaded| ListenerMemory::new(loaded, engine).map(MutBorrow::new))?;
        let listening = Listening::try_new(prepared, |prepared| {
            prepared.with_dependent(|_, memory| {
                let memory = memory.borrow_mut();
                let settings = ListenerSettings::of(memory.model());
                let mut listener = memory.listener(&settings)?;
                listener.reset_after_silence()?;
                Ok::<_, Error>(listener)
            })
        })?;
        Ok(Self(listening))
    }

    /// Takes the next samples at the model's rate, and tells what is detected in them and at which rate its times are. After the last ones
    /// come those of the silence in which their last word is heard.
    pub(in crate::serve) fn push(
        &mut self,
        samples: &[i16],
        is_last: bool,
        mut on_detection: impl FnMut(&Detection, u32),
    ) -> Result<(), Error> {
        self.0.with_dependent_mut(|_, listener| {
            let sample_rate = listener.model().sample_rate();
            let mut on_event = |event: Event<'_>| {
                if let Event::Detection(detection) = event {
                    on_detection(&detection, sample_rate);
                }
            };
            listener.push(samples, &mut on_event)?;
            if !is_last {
                return Ok(());
            }
            finish(listener, |event| {
                on_event(event);
                Ok(())
            })
        })
    }
}
