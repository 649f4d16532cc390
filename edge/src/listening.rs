//! The run loop that detects sounds as they are heard.

use earmark_core::api::{SIGNAL_BOUND, event_bound, write_event, write_signal};
use earmark_core::detect::Detection;
use earmark_core::engine::Network;
use earmark_core::listener::{self, Listener};
use earmark_core::model::Model;
use earmark_core::signal::SignalChange;
use embedded_hal::digital::OutputPin;
use embedded_io::Write;

use crate::Error;
pub use crate::buffers::Buffers;
use crate::hold::Held;
use crate::lines::{self, Lines};
use crate::source::{AsyncSource, Source};

/// What the loop itself can be told; how to detect is the [`Listener`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Samples for which the pin stays high after a detection; another detection within that time prolongs it.
    pub hold_samples: u32,
}

impl Settings {
    /// Half a second: long enough to be seen.
    #[must_use]
    pub const fn of(model: &Model<'_>) -> Self {
        Self { hold_samples: model.sample_rate() / 2 }
    }
}

/// What a [`step`](Listening::step) came to. Times are samples heard since the start; what was lost is not among them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What the listener tells.
    Heard(listener::Event<'a>),
    /// Samples were lost. What was heard before them is forgotten and the pin is low.
    Overrun {
        /// When.
        at: u64,
        /// How often so far.
        count: u32,
    },
}

/// Listens to a source, writes a line of JSON to `output` for every detection, and holds `pin` high for a while.
///
/// | line | when |
/// |---|---|
/// | `{"start":1.24,"end":1.78,"label":"yes","score":0.97}` | a detection; `earmark stream` prints the same |
/// | `{"overruns":1}` | samples were lost, for that many times so far; the listener starts afresh |
/// | `{"signal":"all_zero","at":1.00}` | something is wrong with the signal, or no longer: [`SignalCondition::name`] |
///
/// Times are in seconds of samples heard since the start, lost ones left out. (`earmark stream` says on stderr what is wrong with the
/// signal; a device has one port, on which the first key tells the lines apart.)
///
/// The loop has no clock but the samples: the pin goes low with the chunk in which its time ends.
///
/// [`SignalCondition::name`]: earmark_core::signal::SignalCondition::name
#[derive(Debug)]
pub struct Listening<'m, 'b, N, S, W, P> {
    listener: Listener<'m, 'b, N>,
    source: S,
    samples: &'b mut [i16],
    lines: Lines<'b, W>,
    pin: Held<P>,
    settings: Settings,
    /// Samples heard before the listener was last reset.
    before_reset: u64,
    overruns: u32,
}

impl<'m, 'b, N, S, W, P> Listening<'m, 'b, N, S, W, P>
where
    N: Network,
    W: Write,
    P: OutputPin,
{
    /// Sets the pin low and is ready to listen. The listener forgets what it heard.
    ///
    /// # Errors
    /// [`Error::Core`] with the length that the buffer for a line, or that for samples, must have; [`Error::Pin`].
    pub fn new(
        mut listener: Listener<'m, 'b, N>,
        source: S,
        (output, pin): (W, P),
        settings: Settings,
        buffers: Buffers<'b>,
    ) -> Result<Self, Error> {
        let longest = listener.model().labels().map(event_bound).fold(SIGNAL_BOUND, usize::max);
        let (samples, line) = buffers.split(lines::needed(longest))?;
        let (lines, pin) = (Lines::new(output, line), Held::new(pin)?);
        listener.reset();
        Ok(Self { listener, source, samples, lines, pin, settings, before_reset: 0, overruns: 0 })
    }

    /// Samples heard since the start.
    pub const fn position(&self) -> u64 {
        self.before_reset.saturating_add(self.listener.position())
    }

    /// How often samples were lost so far.
    pub const fn overruns(&self) -> u32 {
        self.overruns
    }

    /// The listener, to turn its knobs while listening.
    pub const fn listener(&mut self) -> &mut Listener<'m, 'b, N> {
        &mut self.listener
    }

    /// The pin, for a look at its state.
    pub const fn pin(&mut self) -> &mut P {
        self.pin.pin()
    }

    /// Deals with what the source said; `false` if it has ended.
    fn hear(&mut self, delivered: Result<usize, Error>, mut on_event: impl FnMut(Event<'_>)) -> Result<bool, Error> {
        match delivered {
            Ok(0) => Ok(false),
            Ok(count) => self.listen(count.min(self.samples.len()), on_event).map(|()| true),
            Err(Error::Overrun) => {
                self.before_reset = self.position();
                self.listener.reset();
                self.overruns = self.overruns.saturating_add(1);
                on_event(Event::Overrun { at: self.before_reset, count: self.overruns });
                // Whatever the pin says, the line is written.
                let lowered = self.pin.lower();
                self.lines.send_overruns(self.overruns).and(lowered).map(|()| true)
            }
            Err(error) => Err(error),
        }
    }

    /// Hears the first `count` samples of the buffer, all of them whatever fails.
    fn listen(&mut self, count: usize, mut on_event: impl FnMut(Event<'_>)) -> Result<(), Error> {
        let Self { listener, samples, lines, pin, settings, before_reset: offset, .. } = self;
        let (model, offset, hold) = (*listener.model(), *offset, u64::from(settings.hold_samples));
        let rate = model.sample_rate();
        let mut outcome = Ok(());
        let heard = listener.push(samples.get(..count).unwrap_or(&[]), |event| {
            let event = since_start(event, offset);
            let told = match event {
                listener::Event::Detection(detection) => {
                    let label = model.labels().nth(detection.label).unwrap_or_default();
                    let raised = pin.raise(detection.end.saturating_add(hold));
                    let line = lines.compose(|buffer| write_event(label, &detection, rate, buffer));
                    line.and_then(|line| lines.send(line)).and(raised)
                }
                listener::Event::Signal { at, condition } => {
                    let change = SignalChange { at, condition };
                    let line = lines.compose(|buffer| write_signal(&change, rate, buffer));
                    line.and_then(|line| lines.send(line))
                }
                _ => Ok(()),
            };
            on_event(Event::Heard(event));
            // The first failure is the one to tell of.
            outcome = outcome.and(told);
        });
        let passed = self.pin.pass(self.position());
        heard.map_err(Error::Core).and(outcome).and(passed)
    }
}

impl<N: Network, S: Source<Item = i16>, W: Write, P: OutputPin> Listening<'_, '_, N, S, W, P> {
    /// Listens until the source ends, which that of a microphone never does.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run(&mut self) -> Result<(), Error> {
        while self.step(|_| ())? {}
        Ok(())
    }

    /// Hears what the source delivers next, and tells what comes of it after it was written; `false` when the source has ended.
    ///
    /// # Errors
    /// What the source, the output or the pin says. After a failure of the output or the pin the loop can go on: nothing but the line was
    /// lost.
    pub fn step(&mut self, on_event: impl FnMut(Event<'_>)) -> Result<bool, Error> {
        let delivered = self.source.fill(self.samples);
        self.hear(delivered, on_event)
    }
}

impl<N: Network, S: AsyncSource<Item = i16>, W: Write, P: OutputPin> Listening<'_, '_, N, S, W, P> {
    /// As [`run`](Self::run), for a source that is waited for without blocking.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub async fn run_async(&mut self) -> Result<(), Error> {
        while self.step_async(|_| ()).await? {}
        Ok(())
    }

    /// As [`step`](Self::step), for a source that is waited for without blocking. Lines are written blocking.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub async fn step_async(&mut self, on_event: impl FnMut(Event<'_>)) -> Result<bool, Error> {
        let delivered = self.source.fill(self.samples).await;
        self.hear(delivered, on_event)
    }
}

/// An event with its times counted from the start, `offset` samples before the listener's last reset.
fn since_start(event: listener::Event<'_>, offset: u64) -> listener::Event<'_> {
    use listener::Event;
    match event {
        Event::Scores { end, scores } => Event::Scores { end: end.saturating_add(offset), scores },
        Event::Detection(detection) => {
            let (start, end) = (detection.start.saturating_add(offset), detection.end.saturating_add(offset));
            Event::Detection(Detection { start, end, ..detection })
        }
        Event::Signal { at, condition } => Event::Signal { at: at.saturating_add(offset), condition },
        other => other,
    }
}
