//! All streams through the model, on all cores.

use std::path::Path;

use earmark_core::listener::{Event, ListenerSettings};
use rayon::prelude::*;

use super::Word;
use super::programme::{Labels, Material, Programme, Stream};
use super::scene::{Scenery, Spoken};
use super::scores::{Scores, Sieve};
use crate::Error;
use crate::audio::{self, AudioStream, Limits};
use crate::classify::Engine;
use crate::eval::clips::{Clip, Skipped};
use crate::listen::{ListenerMemory, finish};
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
    /// Which scores are kept.
    pub sieve: Sieve,
}

/// Listens to a programme, and keeps the scores that matter: at most 11 MB an hour for twelve labels and a score every 10 ms.
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
    labels: Labels<'_>,
    on_bytes: impl Fn(u64) + Sync,
) -> Result<Vec<Heard>, Error> {
    // One to begin with, so that a model that cannot run is an error of its own and not one of every stream.
    ListenerMemory::new(loaded, listening.engine)?;
    let heard: Vec<_> = programme
        .streams
        .par_iter()
        .map(|stream| {
            let heard = ListenerMemory::new(loaded, listening.engine)
                .and_then(|mut memory| hear_one(&mut memory, stream, listening, labels));
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
    memory: &mut ListenerMemory<'_>,
    stream: &Stream,
    listening: &Listening<'_>,
    labels: Labels<'_>,
) -> Result<(Heard, Vec<Skipped>), Error> {
    let (sample_rate, window) = (memory.model().sample_rate(), memory.model().window_samples());
    let mut listener = memory.listener(&listening.settings)?;
    // As a file is heard: silence before and after it, in which its first and last word are heard as well as any other.
    listener.reset_after_silence()?;
    let mut scores = Scores::new(listening.sieve.clone());
    let mut take = |event: Event<'_>| {
        if let Event::Scores { end, scores: row } = event {
            scores.push(end, row);
        }
    };
    let mut push = |samples: &[i16]| listener.push(samples, &mut take);
    let mut skipped = Vec::new();
    let words = match &stream.material {
        Material::Recordings { files, words } => {
            for file in files {
                let fault = push_file(file, sample_rate, &mut push).err();
                skipped.extend(fault.map(|error| Skipped::new(file, &error)));
            }
            let heard = listener.position();
            let (within, beyond): (Vec<Word>, Vec<Word>) = words.iter().partition(|word| word.start < heard);
            if let (Some(file), true) = (files.first(), skipped.is_empty() && !beyond.is_empty()) {
                let reason = format!("{} of the words of its label track lie beyond its end", beyond.len());
                skipped.push(Skipped { file: file.clone(), reason });
            }
            within
        }
        Material::Scene { name, clips } => {
            let spoken = read_clips(clips, sample_rate, labels, &mut skipped);
            let (sound, words) = listening.scenery.scene(name, &spoken, window, sample_rate);
            push(&sound)?;
            words
        }
    };
    let samples = listener.position();
    finish(&mut listener, |event| {
        take(event);
        Ok(())
    })?;
    Ok((Heard { source: stream.source, samples, words, scores }, skipped))
}

/// Pushes a whole file; after an error all before it was.
fn push_file(file: &Path, sample_rate: u32, push: &mut impl FnMut(&[i16]) -> Result<(), Error>) -> Result<(), Error> {
    let mut audio = AudioStream::open(file, sample_rate)?;
    while let Some(chunk) = audio.next_chunk()? {
        push(chunk)?;
    }
    Ok(())
}

/// Reads the clips of a scene; those that cannot be read are left out.
fn read_clips(clips: &[Clip], sample_rate: u32, labels: Labels<'_>, skipped: &mut Vec<Skipped>) -> Vec<Spoken> {
    let limits = Limits::default();
    let mut spoken = Vec::new();
    for clip in clips {
        let bytes = audio::read_file(&clip.path, &limits);
        match bytes.and_then(|bytes| audio::decode(&bytes, sample_rate, &limits)) {
            Ok(samples) => {
                let label = Some(clip.truth).filter(|label| labels.is_word(*label));
                spoken.push(Spoken { samples, label });
            }
            Err(error) => skipped.push(Skipped::new(&clip.path, &error)),
        }
    }
    spoken
}
