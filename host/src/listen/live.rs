//! Listening to a source that goes on until somebody ends it.

use std::time::{Duration, Instant};

use earmark_core::detect::Detection;
use earmark_core::listener::Event;
use earmark_core::signal::SignalCondition;

use super::{Capture, CaptureFormat, Captured, StreamListener};
use crate::Error;
use crate::audio::LiveConverter;

/// How long a source is waited for at a time: so often is it asked whether to stop.
const PATIENCE: Duration = Duration::from_millis(50);
/// Without a sample for that long a source is given up.
const MOST_SILENCE: Duration = Duration::from_secs(5);

/// What is told while listening. Times are samples since the start at the model's rate, lost ones left out.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum LiveEvent<'a> {
    /// Samples as they are shown to the listener, before the events in them.
    Samples(&'a [i16]),
    /// The scores of the window that ended, one a label, before smoothing.
    Scores {
        /// Where the window ends.
        end: u64,
        /// One a label.
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
    /// Samples were lost; listening starts anew.
    Overrun {
        /// Where they are missing.
        at: u64,
        /// How often that was so since the start.
        count: u64,
    },
}

/// How listening ended.
#[derive(Debug)]
pub struct Session {
    /// Samples that were heard, at the model's rate.
    pub samples: u64,
    /// How often samples were lost.
    pub overruns: u64,
    /// Why the source could not go on.
    pub fault: Option<Error>,
}

/// Listens to a source until it ends, fails, or `is_stopped` says so.
///
/// Where samples are lost the listener is reset: what is left of a word on either side of a gap must not be taken for a word.
///
/// # Errors
/// What `on_event` says, and the network; a source that fails is told in the answer.
pub fn listen(
    source: &mut (impl Capture + ?Sized),
    listener: &mut StreamListener<'_>,
    is_stopped: impl Fn() -> bool,
    mut on_event: impl FnMut(LiveEvent<'_>) -> Result<(), Error>,
) -> Result<Session, Error> {
    listener.reset();
    let mut ears = Ears { listener, converter: None, before_reset: 0, overruns: 0 };
    let mut last_sample = Instant::now();
    let fault = loop {
        if is_stopped() {
            break None;
        }
        match source.next(PATIENCE) {
            Ok(Captured::Frames { format, interleaved }) => {
                last_sample = Instant::now();
                if let Some(fault) = ears.hear(format, &interleaved, &mut on_event)? {
                    break Some(fault);
                }
            }
            Ok(Captured::Overrun) => ears.skip(&mut on_event)?,
            Ok(Captured::Nothing) if last_sample.elapsed() > MOST_SILENCE => {
                break Some(Error::MicrophoneStalled { seconds: MOST_SILENCE.as_secs() });
            }
            Ok(Captured::Nothing) => {}
            Ok(Captured::End) => break None,
            Err(fault) => break Some(fault),
        }
    };
    Ok(Session { samples: ears.position(), overruns: ears.overruns, fault })
}

/// A listener behind a converter.
struct Ears<'l, 'a> {
    listener: &'l mut StreamListener<'a>,
    converter: Option<(CaptureFormat, LiveConverter)>,
    /// Samples that were heard before the last reset.
    before_reset: u64,
    overruns: u64,
}

impl Ears<'_, '_> {
    fn position(&self) -> u64 {
        self.before_reset + self.listener.position()
    }

    /// Takes frames, and gives what is wrong with them.
    fn hear(
        &mut self,
        format: CaptureFormat,
        interleaved: &[f32],
        on_event: &mut impl FnMut(LiveEvent<'_>) -> Result<(), Error>,
    ) -> Result<Option<Error>, Error> {
        let CaptureFormat { sample_rate, channels } = format;
        let model_rate = self.listener.model().sample_rate();
        let (_, converter) = match &mut self.converter {
            Some((before, _)) if *before != format => {
                let (from, to) = (before.sample_rate, sample_rate);
                return Ok(Some(Error::MicrophoneChanged { from, to }));
            }
            Some(converter) => converter,
            none => match LiveConverter::new(sample_rate, channels, model_rate) {
                Ok(converter) => none.insert((format, converter)),
                Err(fault) => return Ok(Some(fault)),
            },
        };
        let samples = match converter.push(interleaved) {
            Ok(samples) => samples,
            Err(fault) => return Ok(Some(fault)),
        };
        on_event(LiveEvent::Samples(samples))?;
        let offset = self.before_reset;
        let mut taken = Ok(());
        self.listener.push(samples, |event| {
            if taken.is_err() {
                return;
            }
            taken = match event {
                Event::Scores { end, scores } => on_event(LiveEvent::Scores { end: offset + end, scores }),
                Event::Detection(detection) => {
                    let (start, end) = (offset + detection.start, offset + detection.end);
                    on_event(LiveEvent::Detection(Detection { start, end, ..detection }))
                }
                Event::Signal { at, condition } => on_event(LiveEvent::Signal { at: offset + at, condition }),
                _ => Ok(()),
            };
        })?;
        taken.map(|()| None)
    }

    /// Starts anew behind a gap.
    fn skip(&mut self, on_event: &mut impl FnMut(LiveEvent<'_>) -> Result<(), Error>) -> Result<(), Error> {
        self.before_reset = self.position();
        self.listener.reset();
        // The format stays, what waits in the resampler goes.
        let model_rate = self.listener.model().sample_rate();
        if let Some((format, converter)) = &mut self.converter {
            *converter = LiveConverter::new(format.sample_rate, format.channels, model_rate)?;
        }
        self.overruns += 1;
        on_event(LiveEvent::Overrun { at: self.before_reset, count: self.overruns })
    }
}
