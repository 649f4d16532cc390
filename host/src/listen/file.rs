//! Listening to a file, however long.

use earmark_core::detect::Detection;
use earmark_core::listener::Event;

use super::StreamListener;
use crate::Error;
use crate::audio::AudioStream;

/// How hearing a file ended.
#[derive(Debug)]
pub struct Heard {
    /// Samples that were heard, at the model's rate.
    pub samples: u64,
    /// What was wrong with the file behind them.
    pub fault: Option<Error>,
}

/// Shows a file to a listener from its first sample to its last, or to where it is damaged.
///
/// Half a window of silence precedes it and a window of it follows, so that its first and last word are heard as well as any other. No
/// event lies behind the end of the file: a detection that is made in that silence ends with the file. The listener is reset before.
///
/// # Errors
/// What `on_event` says, and the network; a damaged file is told in the answer.
pub fn hear(
    audio: &mut AudioStream<'_>,
    listener: &mut StreamListener<'_>,
    mut on_event: impl FnMut(Event<'_>) -> Result<(), Error>,
) -> Result<Heard, Error> {
    listener.reset_after_silence()?;
    let fault = loop {
        match audio.next_chunk() {
            Ok(Some(chunk)) => push(listener, chunk, &mut on_event)?,
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    let samples = listener.position();
    if samples > 0 {
        // Scores and the state of the signal are about sound that is not in the file.
        finish(listener, |event| if matches!(event, Event::Detection(_)) { on_event(event) } else { Ok(()) })?;
    }
    Ok(Heard { samples, fault })
}

/// Lets silence of a window's length follow a recording. Detections in it end with the recording.
pub(crate) fn finish(
    listener: &mut StreamListener<'_>,
    mut on_event: impl FnMut(Event<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let samples = listener.position();
    let silence = vec![0; listener.model().window_samples()];
    push(listener, &silence, |event| match event {
        Event::Detection(detection) => {
            let (start, end) = (detection.start.min(samples), detection.end.min(samples));
            on_event(Event::Detection(Detection { start, end, ..detection }))
        }
        other => on_event(other),
    })
}

/// Pushes samples until an event's taker fails.
fn push(
    listener: &mut StreamListener<'_>,
    samples: &[i16],
    mut on_event: impl FnMut(Event<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut taken = Ok(());
    listener.push(samples, |event| {
        if taken.is_ok() {
            taken = on_event(event);
        }
    })?;
    taken
}
