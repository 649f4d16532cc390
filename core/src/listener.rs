//! Always listening: samples in, detections out.

use crate::Error;
use crate::api::FunctionToApply;
use crate::detect::{Detection, Detector, DetectorSettings, Gate, GateSettings, Timing};
use crate::engine::{Network, PlanEngine};
use crate::model::Model;
use crate::recognizer::Recognizer;
use crate::signal::{Conditioner, Conditioning, SignalCondition};

/// What a [`Listener`] tells. Times are samples since the last reset.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The scores of the window that ended, one a label, before smoothing.
    Scores {
        /// Where the window ends.
        end: u64,
        /// Softmax or sigmoids, as suits the model.
        scores: &'a [f32],
    },
    /// A label was heard.
    Detection(Detection),
    /// Something is wrong with the signal, or no longer.
    Signal {
        /// When it was found.
        at: u64,
        /// What the signal's condition is from now on.
        condition: SignalCondition,
    },
}

/// How to listen.
///
/// ```
/// use earmark_core::listener::ListenerSettings;
/// use earmark_core::model::Model;
/// use earmark_core::signal::Preset;
///
/// fn settings(model: &Model<'_>) -> ListenerSettings {
///     let conditioning = Preset::Inmp441.conditioning(model.sample_rate());
///     ListenerSettings { conditioning, ..ListenerSettings::of(model) }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListenerSettings {
    /// What is done to samples before anything else.
    pub conditioning: Conditioning,
    /// Spares the work of evaluating silence, at the risk of a missed word; see [`Listener`].
    pub gate: Option<GateSettings>,
    /// How scores become detections.
    pub detector: DetectorSettings,
}

impl ListenerSettings {
    /// As the model was calibrated: samples as they are, no gate.
    #[must_use]
    pub const fn of(model: &Model<'_>) -> Self {
        let detector = DetectorSettings::from_defaults(model.detector());
        Self { conditioning: Conditioning::NONE, gate: None, detector }
    }

    /// Bytes of memory that a listener takes with these settings beside its recogniser's; for the settings of [`of`](Self::of) the two
    /// together are [`Sizes::listener`](crate::model::Sizes::listener).
    #[must_use]
    pub const fn memory(&self, model: &Model<'_>) -> usize {
        let detector = self.detector_memory(model);
        if self.gate.is_some() { detector + size_of::<i16>() * model.step_samples() } else { detector }
    }

    const fn detector_memory(&self, model: &Model<'_>) -> usize {
        let timing = Timing::of(model);
        Detector::memory(model.label_count(), self.detector.smoothing_steps(timing), self.detector.talk_steps(timing))
    }
}

/// Conditioning, recogniser and detector in a row, over caller-supplied memory.
///
/// Samples may come in chunks of any size: the events depend on the samples alone, and so does their order. The work of a call is in
/// proportion to its samples.
///
/// # Gate
/// With [`ListenerSettings::gate`], samples are collected for one step, judged by their energy after conditioning, and either go to the
/// recogniser or are left out. While the gate is closed there are neither frames nor evaluations nor [`Event::Scores`], and time stands
/// still for the network: to it, a silence that the gate cut seems shorter than it was. Nothing needs to be recomputed when the gate opens,
/// with the step that holds the first sound, so no call does more work than any other, and that a network streams or not makes no
/// difference. With a hang-over of a window or more the network remembers only silence when the gate closes; silence of the past then
/// stands for that which was cut. What can be lost is an onset too soft to open the gate. Without a gate the scores are those of
/// [`Recognizer::push`], bit for bit.
///
/// ```
/// use earmark_core::listener::{Event, Listener, ListenerSettings};
/// use earmark_core::{api, model::Memory};
///
/// earmark_core::include_model!(static SOUNDS, SIZES = "../tests/plan/every-operator.ear";);
/// let model = SOUNDS;
/// let mut memory = Memory::<{ SIZES.listener }>::new(); // on a device in a `static`
/// let mut listener = Listener::new(model, &ListenerSettings::of(&model), memory.bytes())?;
///
/// let chunk = [0; 160]; // from a microphone, again and again
/// listener.push(&chunk, |event| match event {
///     Event::Detection(detection) => {
///         let label = model.labels().nth(detection.label).unwrap_or("");
///         let mut line = [0; 128];
///         println!("{}", api::write_event(label, &detection, model.sample_rate(), &mut line).unwrap_or(""));
///     }
///     Event::Signal { at, condition } => eprintln!("at sample {at}: {condition}"),
///     _ => {}
/// })?;
/// assert_eq!(listener.position(), 160);
/// # Ok::<(), earmark_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener<'m, 'b, N> {
    conditioner: Conditioner,
    gate: Option<Valve<'b>>,
    ears: Ears<'m, 'b, N>,
    position: u64,
    /// Samples being conditioned.
    block: [i16; BLOCK],
}

/// The samples conditioned at a time: 10 ms at 16 kHz, what a DMA controller often delivers.
const BLOCK: usize = 160;

impl<'m, 'b> Listener<'m, 'b, PlanEngine<'m, 'b>> {
    /// Listens with a model's streaming plan, or windowed if it has none. Takes
    /// [`Sizes::streaming_recognizer`](crate::model::Sizes::streaming_recognizer) and [`ListenerSettings::memory`] bytes of memory, whatever is
    /// in them, that start at a multiple of 4: [`Memory`](crate::model::Memory) does.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`] with the number of bytes needed; [`Error::MisalignedMemory`]; [`Error::ClipsOnly`] for a model whose front
    /// end no stream can have.
    pub fn new(model: Model<'m>, settings: &ListenerSettings, memory: &'b mut [u8]) -> Result<Self, Error> {
        let recognizer = model.sizes().streaming_recognizer;
        let too_small = Error::MemoryTooSmall { needed: recognizer + settings.memory(&model), given: memory.len() };
        let (recognizer, rest) = memory.split_at_mut_checked(recognizer).ok_or(too_small)?;
        Self::with_recognizer(Recognizer::streaming(model, recognizer)?, settings, rest).map_err(|error| match error {
            Error::MemoryTooSmall { .. } => too_small,
            other => other,
        })
    }
}

impl<'m, 'b, N: Network> Listener<'m, 'b, N> {
    /// Listens with a recogniser that may run another network; `memory` as in [`new`](Listener::new), but only
    /// [`ListenerSettings::memory`] bytes of it. The recogniser is reset.
    ///
    /// # Errors
    /// As [`new`](Listener::new).
    pub fn with_recognizer(
        recognizer: Recognizer<'m, 'b, N>,
        settings: &ListenerSettings,
        memory: &'b mut [u8],
    ) -> Result<Self, Error> {
        let model = *recognizer.model();
        if let Some(why) = model.front_end().clip.refusal() {
            return Err(Error::ClipsOnly { why });
        }
        let too_small = Error::MemoryTooSmall { needed: settings.memory(&model), given: memory.len() };
        let (detector, rest) = memory.split_at_mut_checked(settings.detector_memory(&model)).ok_or(too_small)?;
        let labels = model.labels().zip(model.thresholds().iter().copied());
        let detector = Detector::new(Timing::of(&model), &settings.detector, labels, detector)?;
        let gate = match &settings.gate {
            None => None,
            Some(gate) => {
                let block = rest.get_mut(..size_of::<i16>() * model.step_samples()).ok_or(too_small)?;
                Some(Valve::new(
                    gate,
                    &model,
                    bytemuck::try_cast_slice_mut(block).map_err(|_| Error::MisalignedMemory)?,
                ))
            }
        };
        let function = FunctionToApply::from(model.problem());
        let mut listener = Self {
            conditioner: Conditioner::new(settings.conditioning, model.sample_rate()),
            gate,
            ears: Ears { recognizer, detector, function, left_out: 0, preceding: 0 },
            position: 0,
            block: [0; BLOCK],
        };
        listener.reset();
        Ok(listener)
    }

    /// Takes the next samples, any number of them, and tells what is heard in them.
    ///
    /// # Errors
    /// What the network says; none from [`PlanEngine`]. Call [`reset`](Self::reset) then.
    pub fn push(&mut self, samples: &[i16], mut on_event: impl FnMut(Event<'_>)) -> Result<(), Error> {
        let mut rest = samples;
        while !rest.is_empty() {
            // A block ends where the signal is judged: what is found there comes after all scores up to there.
            let length = rest.len().min(BLOCK).min(self.conditioner.until_judgement());
            let (taken, later) = rest.split_at(length);
            let block = &mut self.block[..length];

            let mut change = None;
            self.conditioner.process_into(taken, block, |found| change = Some(found));
            match &mut self.gate {
                None => self.ears.hear(block, &mut on_event)?,
                Some(valve) => valve.pass(block, &mut self.ears, &mut on_event)?,
            }
            self.position += length as u64;
            if let Some(change) = change {
                on_event(Event::Signal { at: change.at, condition: change.condition });
            }
            rest = later;
        }
        Ok(())
    }

    /// Samples heard since the start or the last reset.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Of these, the samples that the gate has kept from the recogniser.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.ears.left_out
    }

    /// The detector, to turn its knobs while listening.
    pub const fn detector(&mut self) -> &mut Detector<'b> {
        &mut self.ears.detector
    }

    /// What is wrong with the signal at present, if anything.
    #[must_use]
    pub const fn signal(&self) -> Option<SignalCondition> {
        self.conditioner.present()
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model<'m> {
        self.ears.recognizer.model()
    }

    /// Forgets everything heard, as after samples were lost. The detector's thresholds and sensitivities stay.
    pub fn reset(&mut self) {
        self.conditioner.reset();
        if let Some(valve) = &mut self.gate {
            valve.reset();
        }
        self.ears.reset();
        self.position = 0;
    }

    /// As [`reset`](Self::reset), and then as if there had been silence before: half a window of it, in whole steps.
    ///
    /// A recording may begin with a word. Windows that end less than a window after its start then hold the word as well, as they do in
    /// midstream, and the smoothed score can rise as high. Their [`Event::Scores`] have an `end` of less than a window's length; those of all
    /// later windows are the same as without, unless the network carries a state. Nothing changes for a model whose steps are as long as its
    /// window. What is cut off in the midst of a word or of talk is heard as if it had begun there.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn reset_after_silence(&mut self) -> Result<(), Error> {
        self.reset();
        let model = self.model();
        let silence = (model.window_samples() / 2).next_multiple_of(model.step_samples().max(1));
        if silence < model.first_window_end() { self.ears.precede(silence) } else { Ok(()) }
    }
}

/// What hears: recogniser and detector.
#[derive(Debug)]
struct Ears<'m, 'b, N> {
    recognizer: Recognizer<'m, 'b, N>,
    detector: Detector<'b>,
    function: FunctionToApply,
    /// Samples that never got here.
    left_out: u64,
    /// Samples of silence that were heard before the first one; no window ended in them.
    preceding: u64,
}

impl<N: Network> Ears<'_, '_, N> {
    fn hear(&mut self, samples: &[i16], on_event: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
        let Self { recognizer, detector, function, left_out, preceding } = self;
        let mut answer = Ok(());
        recognizer.push(samples, |end, outputs| {
            let end = (end + *left_out).saturating_sub(*preceding);
            function.apply(outputs);
            on_event(Event::Scores { end, scores: outputs });
            answer = answer.and(detector.step(end, outputs, |detection| on_event(Event::Detection(detection))));
        })?;
        answer
    }

    /// Lets silence precede what is heard; no window may end in it.
    fn precede(&mut self, samples: usize) -> Result<(), Error> {
        let silence = [0; BLOCK];
        let mut left = samples;
        while left > 0 {
            let length = left.min(BLOCK);
            self.hear(silence.get(..length).unwrap_or(&[]), &mut |_| ())?;
            left -= length;
        }
        self.preceding = samples as u64;
        Ok(())
    }

    fn reset(&mut self) {
        self.recognizer.reset();
        self.detector.reset();
        (self.left_out, self.preceding) = (0, 0);
    }
}

/// The gate with the step that it is to judge next.
#[derive(Debug)]
struct Valve<'b> {
    gate: Gate,
    step: &'b mut [i16],
    filled: usize,
    /// Samples of the first step, after which steps end where windows do.
    first: usize,
    /// Samples of the present step.
    length: usize,
}

impl<'b> Valve<'b> {
    fn new(settings: &GateSettings, model: &Model<'_>, step: &'b mut [i16]) -> Self {
        let length = step.len();
        let first = match model.first_window_end() % length.max(1) {
            0 => length,
            rest => rest,
        };
        Self { gate: Gate::new(settings, model.sample_rate(), length), step, filled: 0, first, length: first }
    }

    /// Collects samples, and lets those of each full step through or leaves them out.
    fn pass<N: Network>(
        &mut self,
        samples: &[i16],
        ears: &mut Ears<'_, '_, N>,
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        let mut rest = samples;
        while !rest.is_empty() {
            let missing = self.step.get_mut(self.filled..self.length).unwrap_or(&mut []);
            let (taken, later) = rest.split_at(missing.len().min(rest.len()));
            let (place, _) = missing.split_at_mut(taken.len());
            place.copy_from_slice(taken);
            self.filled += taken.len();
            rest = later;
            if self.filled < self.length {
                break;
            }
            let step = self.step.get(..self.length).unwrap_or(&[]);
            (self.filled, self.length) = (0, self.step.len());
            if self.gate.block(step) {
                ears.hear(step, on_event)?;
            } else {
                ears.left_out += step.len() as u64;
            }
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.gate.reset();
        (self.filled, self.length) = (0, self.first);
    }
}
