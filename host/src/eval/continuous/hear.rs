//! All streams through the model, on all cores.

use earmark_core::listener::{Event, ListenerSettings};
use rayon::prelude::*;

use super::Word;
use super::programme::{Material, Programme, Stream};
use super::scene::{Scenery, Spoken};
use super::scores::Scores;
use crate::Error;
use crate::audio::{self, AudioStream, Limits};
use crate::classify::{Classifier, Engine};
use crate::eval::clips::Skipped;
use crate::model::LoadedModel;

/// A stream as the model heard it.
#[derive(Debug)]
pub struct Heard {
    /// Which source it is a part of.
    pub source: usize,
    /// Its length.
    pub samples: u64,
    /// The words that are said in it, by their start.
    pub words: Vec<Word>,
    /// What the model said, window by window.
    pub scores: Scores,
}

/// How streams are listened to.
#[derive(Debug)]
pub struct Listening<'s> {
    /// What runs the model.
    pub engine: Engine,
    /// Conditioning and gate; the detector's settings do not matter yet.
    pub settings: ListenerSettings,
    /// How clips are strung together.
    pub scenery: &'s Scenery,
}

/// Listens to a programme, and keeps all scores: about 9 MB an hour for twelve labels and a score every 10 ms.
///
/// What cannot be read is added to the programme's skipped files; of a file that is damaged, what comes before the fault is heard.
/// `on_bytes` is called with the size of what was heard, from any thread.
///
/// # Errors
/// The model is damaged or the engine cannot run it.
pub fn hear(
    loaded: &LoadedModel,
    programme: &mut Programme,
    listening: &Listening<'_>,
    labels: super::Labels<'_>,
    on_bytes: impl Fn(u64) + Sync,
) -> Result<Vec<Heard>, Error> {
    // One to begin with, so that a model that cannot run is an error of its own and not one of every stream.
    Classifier::new(loaded, listening.engine)?;
    let heard: Vec<_> = programme
        .streams
        .par_iter()
        .map(|stream| {
            let heard = Classifier::new(loaded, listening.engine)
                .and_then(|mut classifier| hear_one(&mut classifier, stream, listening, labels));
            on_bytes(stream.bytes);
            heard
        })
        .collect();
    let mut all = Vec::new();
    for heard in heard {
        let (heard, skipped) = heard?;
        all.push(heard);
        programme.skipped.extend(skipped);
    }
    Ok(all)
}

fn hear_one(
    classifier: &mut Classifier<'_>,
    stream: &Stream,
    listening: &Listening<'_>,
    labels: super::Labels<'_>,
) -> Result<(Heard, Vec<Skipped>), Error> {
    let (sample_rate, window) = (classifier.sample_rate(), classifier.window_samples());
    let (mut words, mut skipped, mut samples) = (Vec::new(), Vec::new(), 0);
    let mut scores = Scores::default();
    let on_event = |event: Event<'_>| {
        if let Event::Scores { end, scores: row } = event {
            scores.push(end, row);
        }
    };
    classifier.listen(
        &listening.settings,
        |push| match &stream.material {
            Material::Recordings { files, words: track } => {
                words.clone_from(track);
                for file in files {
                    let heard = AudioStream::open(file, sample_rate).and_then(|mut audio| {
                        while let Some(chunk) = audio.next_chunk()? {
                            samples += chunk.len() as u64;
                            push(chunk)?;
                        }
                        Ok(())
                    });
                    skipped.extend(heard.err().map(|error| Skipped::new(file, &error)));
                }
                Ok(())
            }
            Material::Scene { name, clips } => {
                let mut spoken = Vec::new();
                let limits = Limits::default();
                for clip in clips {
                    let bytes = audio::read_file(&clip.path, &limits);
                    match bytes.and_then(|bytes| audio::decode(&bytes, sample_rate, &limits)) {
                        Ok(samples) => {
                            spoken.push(Spoken {
                                samples,
                                label: Some(clip.truth).filter(|label| labels.is_word(*label)),
                            });
                        }
                        Err(error) => skipped.push(Skipped::new(&clip.path, &error)),
                    }
                }
                let (sound, said) = listening.scenery.scene(name, &spoken, window, sample_rate);
                (words, samples) = (said, sound.len() as u64);
                push(&sound)
            }
        },
        on_event,
    )?;
    Ok((Heard { source: stream.source, samples, words, scores }, skipped))
}
