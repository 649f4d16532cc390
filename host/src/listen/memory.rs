//! The core's listener on the host: its memory, and the choice of the engine behind it.

use earmark_core::detect::Detector;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::listener::{Event, Listener, ListenerSettings};
use earmark_core::model::{Mode, Model};
use earmark_core::recognizer::Recognizer;
use earmark_core::signal::SignalCondition;

use crate::Error;
use crate::classify::Engine;
use crate::model::LoadedModel;

/// What a listener lives in: its memory, and the reference runtime if that is asked for.
///
/// ```
/// use earmark::classify::Engine;
/// use earmark::listen::ListenerMemory;
/// use earmark::model::LoadedModel;
/// use earmark_core::listener::{Event, ListenerSettings};
///
/// let model = LoadedModel::built_in();
/// let mut memory = ListenerMemory::new(&model, Engine::Core)?;
/// let settings = ListenerSettings::of(memory.model());
/// let mut listener = memory.listener(&settings)?;
/// listener.push(&[0; 480], |event| {
///     if let Event::Detection(detection) = event {
///         println!("label {} at sample {}", detection.label, detection.start);
///     }
/// })?;
/// # Ok::<(), earmark::Error>(())
/// ```
pub struct ListenerMemory<'m> {
    model: Model<'m>,
    /// In words of the strictest alignment that the core asks for.
    words: Vec<u128>,
    /// What runs in the place of the core's engine.
    reference: Option<Box<dyn Network + Send>>,
}

impl<'m> ListenerMemory<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// The model is damaged, or the engine cannot run it.
    pub fn new(loaded: &'m LoadedModel, engine: Engine) -> Result<Self, Error> {
        let model = loaded.model()?;
        Ok(Self { model, words: Vec::new(), reference: engine.network(loaded, &model)? })
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// A listener that has heard nothing yet.
    ///
    /// # Errors
    /// None with a checked model.
    pub fn listener(&mut self, settings: &ListenerSettings) -> Result<StreamListener<'_>, Error> {
        let model = self.model;
        let sizes = model.sizes();
        self.words.resize((sizes.streaming_recognizer + settings.memory(&model)).div_ceil(size_of::<u128>()), 0);
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        let ears = match &mut self.reference {
            None => Ears::Core(Listener::new(model, settings, memory)?),
            Some(network) => {
                let (recognizer, rest) = memory.split_at_mut(sizes.recognizer - sizes.engine);
                let recognizer = Recognizer::with_network(model, OnGrid::new(&mut **network, &model), recognizer)?;
                Ears::Reference(Listener::with_recognizer(recognizer, settings, rest)?)
            }
        };
        Ok(StreamListener { ears })
    }
}

/// A [`Listener`] on either engine.
pub struct StreamListener<'a> {
    ears: Ears<'a>,
}

enum Ears<'a> {
    Core(Listener<'a, 'a, PlanEngine<'a, 'a>>),
    Reference(Listener<'a, 'a, OnGrid<'a>>),
}

/// A network that evaluates any window, held to the windows that the model's stream has.
struct OnGrid<'n> {
    network: &'n mut (dyn Network + Send),
    /// Frames of a window, and from one window's end to the next one's.
    window: usize,
    stride: usize,
    /// Frames to come until a window ends.
    missing: usize,
}

impl<'n> OnGrid<'n> {
    fn new(network: &'n mut (dyn Network + Send), model: &Model<'_>) -> Self {
        let stride = match model.mode() {
            Mode::Streaming { stride_frames } => stride_frames.max(1),
            Mode::Windowed => 1,
        };
        Self { network, window: model.frames(), stride, missing: model.frames() }
    }

    /// Counts a frame.
    fn count(&mut self) {
        self.missing = if self.missing == 0 { self.stride } else { self.missing } - 1;
    }
}

impl Network for OnGrid<'_> {
    fn reset(&mut self) {
        self.missing = self.window;
        self.network.reset();
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), earmark_core::Error> {
        self.count();
        self.network.push_frame(features)
    }

    fn push_quantised(&mut self, features: &[i8]) -> Result<(), earmark_core::Error> {
        self.count();
        self.network.push_quantised(features)
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, earmark_core::Error> {
        if self.missing == 0 { self.network.outputs(outputs) } else { Ok(false) }
    }
}

/// The same call on whichever it is.
macro_rules! either {
    ($self:expr, $listener:ident => $call:expr) => {
        match $self {
            Ears::Core($listener) => $call,
            Ears::Reference($listener) => $call,
        }
    };
}

impl<'a> StreamListener<'a> {
    /// Takes the next samples, any number of them, and tells what is heard in them.
    ///
    /// # Errors
    /// What the network says; none from the core.
    pub fn push(&mut self, samples: &[i16], on_event: impl FnMut(Event<'_>)) -> Result<(), Error> {
        Ok(either!(&mut self.ears, listener => listener.push(samples, on_event))?)
    }

    /// Samples heard since the start or the last reset.
    #[must_use]
    pub const fn position(&self) -> u64 {
        either!(&self.ears, listener => listener.position())
    }

    /// Of these, the samples that the gate has kept from the network.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        either!(&self.ears, listener => listener.left_out())
    }

    /// The detector, to turn its knobs while listening.
    pub const fn detector(&mut self) -> &mut Detector<'a> {
        either!(&mut self.ears, listener => listener.detector())
    }

    /// What is wrong with the signal at present, if anything.
    #[must_use]
    pub const fn signal(&self) -> Option<SignalCondition> {
        either!(&self.ears, listener => listener.signal())
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model<'a> {
        either!(&self.ears, listener => listener.model())
    }

    /// Forgets everything heard, as after samples were lost. The detector's thresholds and sensitivities stay.
    pub fn reset(&mut self) {
        either!(&mut self.ears, listener => listener.reset());
    }

    /// As [`reset`](Self::reset), and then as if there had been silence before: see [`Listener::reset_after_silence`].
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn reset_after_silence(&mut self) -> Result<(), Error> {
        Ok(either!(&mut self.ears, listener => listener.reset_after_silence())?)
    }
}
