//! The run loop that classifies window after window.

use core::num::{NonZeroU32, NonZeroUsize};

use earmark_core::api::{FunctionToApply, Ranked, Ranking, response_bound, write_response};
use earmark_core::engine::Network;
use earmark_core::model::{Model, is_background};
use earmark_core::recognizer::Recognizer;
use embedded_hal::digital::{Error as _, OutputPin, PinState};
use embedded_io::Write;

pub use crate::buffers::Buffers;
use crate::lines::{self, Lines};
use crate::{Error, source::Source};

/// How windows follow one another and what is made of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Frames of the front end from the start of one window to that of the next; below the model's number of frames, windows overlap.
    pub hop_frames: NonZeroUsize,
    /// What makes scores of the network's raw outputs.
    pub function_to_apply: FunctionToApply,
    /// Labels in an answer; all if absent.
    pub top_k: Option<NonZeroU32>,
    /// Score from which the first label of a window raises the pin; if absent, each label's own threshold in the model.
    pub threshold: Option<f32>,
}

impl Settings {
    /// What the model's maker chose, with windows that follow one another without a gap.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Self {
        let hop = model.front_end().hop_length.max(1);
        Self {
            // Rounded down: rather hear a frame twice than not at all.
            hop_frames: NonZeroUsize::new(model.window_samples() / hop).unwrap_or(NonZeroUsize::MIN),
            function_to_apply: model.problem().into(),
            top_k: None,
            threshold: None,
        }
    }

    /// Whether a window raises the pin whose best label is this one.
    #[must_use]
    pub fn raises(&self, model: &Model<'_>, best: Ranked) -> bool {
        let own = || model.thresholds().get(best.index).copied();
        let is_sound = model.labels().nth(best.index).is_some_and(|label| !is_background(label));
        is_sound && self.threshold.or_else(own).is_some_and(|threshold| best.score >= threshold)
    }
}

/// What a [`step`](Windowed::step) came to.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A window was classified; its best label, and whether that raised the pin.
    Window {
        /// The best label.
        best: Ranked,
        /// Whether the pin is high now.
        raised: bool,
    },
    /// Samples were lost. What was heard before them is forgotten, the pin is low, and the next window starts after the gap.
    Overrun,
}

/// Listens to a source and answers for every window: a line of JSON to `output`, and `pin` is high while the best label of the
/// last window is a sound (no [background](is_background)) whose score reaches its threshold.
///
/// A line is the API's array, best label first. After samples were lost there is the line `{"overruns":1}` instead, with the number of
/// times so far.
///
/// Window k holds the same frames as [`Recognizer::classify`] computes from the samples that start k · hop after the first one (or
/// after the last loss), so its scores are the same bits. No samples are kept but those of one frame.
#[derive(Debug)]
pub struct Windowed<'m, 'b, N, S, W, P> {
    recognizer: Recognizer<'m, 'b, N>,
    source: S,
    lines: Lines<'b, W>,
    pin: P,
    settings: Settings,
    samples: &'b mut [i16],
    /// Samples in the buffer that were not looked at yet.
    unheard: core::ops::Range<usize>,
    /// Frames until a window is complete.
    frames_due: usize,
    overruns: u32,
}

impl<'m, 'b, N, S, W, P> Windowed<'m, 'b, N, S, W, P>
where
    N: Network,
    S: Source<Item = i16>,
    W: Write,
    P: OutputPin,
{
    /// Sets the pin low and is ready to listen. The recogniser forgets what it heard.
    ///
    /// # Errors
    /// [`Error::Core`] with the length that the buffer for a line, or that for samples, must have; [`Error::Pin`].
    pub fn new(
        recognizer: Recognizer<'m, 'b, N>,
        source: S,
        (output, pin): (W, P),
        settings: Settings,
        buffers: Buffers<'b>,
    ) -> Result<Self, Error> {
        let (samples, line) = buffers.split(lines::needed(response_bound(recognizer.model().labels())))?;
        let lines = Lines::new(output, line);
        let mut windowed =
            Self { recognizer, source, lines, pin, settings, samples, unheard: 0..0, frames_due: 0, overruns: 0 };
        windowed.start_afresh()?;
        Ok(windowed)
    }

    /// Listens until the source ends, which that of a microphone never does.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run(&mut self) -> Result<(), Error> {
        while self.step()?.is_some() {}
        Ok(())
    }

    /// Listens until there is something to say, and says it; `None` when the source has ended.
    ///
    /// # Errors
    /// What the source, the output or the pin says. After a failure of the output or the pin the loop can go on with the next window:
    /// a line that the output took is whole, whatever the pin says.
    pub fn step(&mut self) -> Result<Option<Event>, Error> {
        loop {
            while self.hear()? {
                if let Some(event) = self.answer()? {
                    return Ok(Some(event));
                }
            }
            match self.source.fill(self.samples) {
                Ok(0) => return Ok(None),
                Ok(count) => self.unheard = 0..count.min(self.samples.len()),
                Err(Error::Overrun) => return self.give_up().map(Some),
                Err(error) => return Err(error),
            }
        }
    }

    /// How often samples were lost so far.
    pub const fn overruns(&self) -> u32 {
        self.overruns
    }

    /// The recogniser, for a look at the network's values.
    pub const fn recognizer(&mut self) -> &mut Recognizer<'m, 'b, N> {
        &mut self.recognizer
    }

    /// The pin, for a look at its state.
    pub const fn pin(&mut self) -> &mut P {
        &mut self.pin
    }

    /// Goes through the samples fetched, up to the end of a window; `false` if there was none.
    fn hear(&mut self) -> Result<bool, Error> {
        while !self.unheard.is_empty() {
            let mut rest = &self.samples[self.unheard.clone()];
            let complete = self.recognizer.next_frame(&mut rest)?;
            self.unheard.start = self.unheard.end - rest.len();
            if complete {
                self.frames_due -= 1;
                if self.frames_due == 0 {
                    self.frames_due = self.settings.hop_frames.get();
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Classifies the window that is complete now; `None` if the network makes nothing of it.
    fn answer(&mut self) -> Result<Option<Event>, Error> {
        let model = *self.recognizer.model();
        let label = |index| model.labels().nth(index).unwrap_or_default();
        let Some(scores) = self.recognizer.outputs()? else { return Ok(None) };
        self.settings.function_to_apply.apply(scores);
        let ranking = Ranking::new(scores, self.settings.top_k);
        let Some(best) = ranking.clone().next() else { return Ok(None) };
        let raised = self.settings.raises(&model, best);

        let entries = ranking.map(|ranked| (label(ranked.index), ranked.score));
        // Whatever the pin says, the line is written.
        let shown = self.pin.set_state(PinState::from(raised)).map_err(|error| Error::Pin(error.kind()));
        let line = self.lines.compose(|buffer| write_response(entries, buffer));
        line.and_then(|line| self.lines.send(line)).and(shown)?;
        Ok(Some(Event::Window { best, raised }))
    }

    /// Samples were lost: says so and starts afresh.
    fn give_up(&mut self) -> Result<Event, Error> {
        self.overruns = self.overruns.saturating_add(1);
        let lowered = self.start_afresh();
        self.lines.send_overruns(self.overruns).and(lowered)?;
        Ok(Event::Overrun)
    }

    fn start_afresh(&mut self) -> Result<(), Error> {
        self.recognizer.reset();
        self.unheard = 0..0;
        self.frames_due = self.recognizer.model().frames();
        self.pin.set_low().map_err(|error| Error::Pin(error.kind()))
    }
}
