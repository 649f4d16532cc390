//! What is listened to: recordings with label tracks, clips strung together, and recordings without words.

use std::path::{Path, PathBuf};

use super::{Track, Word};
use crate::Error;
use crate::eval::clips::{Clip, Collection, Skipped, recordings};
use crate::random::SplitMix;

/// Clips of one scene.
const CLIPS: usize = 20;
/// Short recordings without words follow each other in one stream until they have so many bytes.
const BYTES: u64 = 4 << 20;

/// One stream, heard from a fresh start.
#[derive(Debug)]
pub(super) struct Stream {
    /// Which source it is a part of.
    pub source: usize,
    pub material: Material,
    /// Bytes of its files: about how long it takes.
    pub bytes: u64,
}

#[derive(Debug)]
pub(super) enum Material {
    /// Recordings one after the other; words are in the first one.
    Recordings { files: Vec<PathBuf>, words: Vec<Word> },
    /// Clips to be strung together.
    Scene { name: String, clips: Vec<Clip> },
}

/// All that is listened to.
#[derive(Debug, Default)]
pub struct Programme {
    /// Where it comes from, as people named it.
    pub sources: Vec<String>,
    pub(super) streams: Vec<Stream>,
    /// What could not be used.
    pub skipped: Vec<Skipped>,
}

/// Which labels count.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'l> {
    /// All of the model, in its order.
    pub names: &'l [&'l str],
    /// Indices of those that are never detected; clips and words with them are left out.
    pub masked: &'l [usize],
}

impl Labels<'_> {
    /// Whether a label is a word to be detected.
    #[must_use]
    pub fn is_word(self, label: usize) -> bool {
        !earmark_core::model::is_background(self.names[label]) && !self.masked.contains(&label)
    }
}

impl Programme {
    /// Adds the clips of a folder that holds a folder a label, in an order that the seed decides, strung together in scenes of 20. Those whose
    /// folder is no word of the model are other sounds: whatever is detected in them is a false alarm. Folders in `left_out` are not
    /// looked at.
    ///
    /// # Errors
    /// As of [`Collection::find`].
    pub fn add_clips(
        &mut self,
        folder: &Path,
        labels: Labels<'_>,
        left_out: &[String],
        seed: u64,
    ) -> Result<(), Error> {
        let Collection { mut clips, skipped } = Collection::find(folder, labels.names, left_out)?;
        self.skipped.extend(skipped);
        clips.retain(|clip| !labels.masked.contains(&clip.truth));
        shuffle(&mut clips, seed);
        let source = self.source(folder);
        for (index, clips) in clips.chunks(CLIPS).enumerate() {
            let bytes = clips.iter().map(|clip| size(&clip.path)).sum();
            let material = Material::Scene { name: format!("{source}/{index}"), clips: clips.to_vec() };
            self.streams.push(Stream { source, material, bytes });
        }
        Ok(())
    }

    /// Adds a recording with its label track: `track`, or the file of the same name that ends in `.txt`.
    ///
    /// # Errors
    /// [`Error::EvalInput`] if the track cannot be read.
    pub fn add_recording(
        &mut self,
        file: &Path,
        track: Option<&Path>,
        labels: Labels<'_>,
        sample_rate: u32,
    ) -> Result<(), Error> {
        let beside = file.with_extension("txt");
        let track = track.unwrap_or(&beside);
        let refused = |what: String| Error::EvalInput { path: track.to_owned(), what };
        let text = std::fs::read_to_string(track).map_err(|cause| {
            let name = file.file_name().unwrap_or_default().display();
            refused(format!(
                "cannot be read: {cause}; {name} needs a label track there or as --track, or if none of the words is said in it, give \
                 it as --negatives"
            ))
        })?;
        let Track { mut words, others } = Track::parse(&text, labels.names, sample_rate)
            .map_err(|what| refused(format!("is no label track: {what}")))?;
        words.retain(|word| labels.is_word(word.label));
        if words.is_empty() && !others.is_empty() {
            let others = others.into_iter().collect::<Vec<_>>().join(", ");
            return Err(refused(format!("holds no word of the model, only {others}: name labels as the model does")));
        }
        let source = self.source(file);
        let material = Material::Recordings { files: vec![file.to_owned()], words };
        self.streams.push(Stream { source, material, bytes: size(file) });
        Ok(())
    }

    /// Adds all recordings at a path (see [`recordings`]) as such without words. Short ones follow each other in one stream, without a
    /// pause; label tracks beside them are not read.
    ///
    /// # Errors
    /// [`Error::EvalInput`] if a folder cannot be read or holds none.
    pub fn add_negatives(&mut self, path: &Path) -> Result<(), Error> {
        let source = self.source(path);
        let mut files = Vec::new();
        let mut bytes = 0;
        let mut streams = Vec::new();
        for file in recordings(path)? {
            let size = size(&file);
            if bytes + size > BYTES && !files.is_empty() {
                streams.push((std::mem::take(&mut files), std::mem::take(&mut bytes)));
            }
            files.push(file);
            bytes += size;
        }
        streams.push((files, bytes));
        self.streams.extend(streams.into_iter().map(|(files, bytes)| Stream {
            source,
            material: Material::Recordings { files, words: Vec::new() },
            bytes,
        }));
        Ok(())
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.bytes).sum()
    }

    fn source(&mut self, path: &Path) -> usize {
        self.sources.push(path.display().to_string());
        self.sources.len() - 1
    }
}

/// Puts clips into an order that only the seed and their number decide.
fn shuffle(clips: &mut [Clip], seed: u64) {
    let mut random = SplitMix::named("order", seed);
    for last in (1..clips.len()).rev() {
        let other = (f64::from(random.unit()) * (last + 1) as f64) as usize;
        clips.swap(last, other.min(last));
    }
}

/// Bytes of a file; 0 of one that will not be read either.
fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}
