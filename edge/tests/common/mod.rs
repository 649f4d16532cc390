//! The model and the sounds that the tests share.
#![allow(dead_code)] // Not every test needs all of it.

use std::path::{Path, PathBuf};

use earmark_core::model::Model;
use earmark_edge::{Error, source::Source};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("edge/ is in the repository").into()
}

/// The model under test: the firmware's default, or the one that EARMARK_MODEL names.
pub fn model_path() -> PathBuf {
    std::env::var_os("EARMARK_MODEL").map_or_else(|| root().join("models/commands-m.ear"), PathBuf::from)
}

/// The small shipped model with a front end in integers.
pub fn fixed_model_path() -> PathBuf {
    root().join("models/commands-s-fixed.ear")
}

/// The model, for as long as the tests run.
pub fn model() -> Model<'static> {
    model_at(&model_path())
}

/// The model in a file, for as long as the tests run.
pub fn model_at(path: &Path) -> Model<'static> {
    let file = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let memory = Vec::leak(vec![0; file.len() + 15]);
    let start = memory.as_ptr().align_offset(16);
    let aligned = &mut memory[start..][..file.len()];
    aligned.copy_from_slice(&file);
    Model::new(aligned).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The samples of a WAV file.
pub fn samples(path: &Path) -> Vec<i16> {
    let mut wav = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    wav.samples().collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Sound that is in memory.
pub struct Recording<'r>(pub &'r [i16]);

impl Source for Recording<'_> {
    type Item = i16;

    fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let (now, later) = self.0.split_at(samples.len().min(self.0.len()));
        samples[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

/// Writes a WAV file at the model's sample rate.
pub fn write_wav(name: &str, samples: &[i16]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let sample_rate = model().sample_rate();
    let spec =
        hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    samples.iter().for_each(|&sample| wav.write_sample(sample).unwrap());
    wav.finalize().unwrap();
    path
}

/// All recordings of the fixtures' own folder, in order.
pub fn fixtures() -> Vec<PathBuf> {
    let folder = root().join("models/fixtures");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry of the folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    assert!(files.len() >= 12, "{} holds a recording for every label", folder.display());
    files
}
