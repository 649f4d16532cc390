//! Recorded noise beside a sound, at a stated ratio.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use super::{decibels, rms};
use crate::Error;
use crate::audio::{self, Limits};
use crate::eval::clips::{Skipped, is_named, recordings};
use crate::random::SplitMix;

/// Draws until a stretch of noise is not digital silence; recordings are often padded with it.
const DRAWS: usize = 32;

/// A share of each recording, from its start: `0.6..1.0` is the last 40 %.
pub type Part = Range<f64>;

/// Where noise comes from, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSource<'p> {
    /// Recordings, folders or patterns: see [`recordings`].
    pub paths: &'p [PathBuf],
    /// Only recordings with these names, without their endings.
    pub names: Option<BTreeSet<String>>,
    /// The part of each recording that is used.
    pub part: Part,
}

/// Recordings of noise and the ratio at which they are mixed.
#[derive(Debug)]
pub struct Noise {
    recordings: Vec<Vec<f32>>,
    snr_db: f32,
    seed: u64,
}

impl Noise {
    /// Reads all recordings of a source; those that cannot be read are handed back.
    ///
    /// # Errors
    /// [`Error::EvalInput`] if there is none that could be used.
    pub fn read(
        source: &NoiseSource<'_>,
        snr_db: f32,
        seed: u64,
        sample_rate: u32,
    ) -> Result<(Self, Vec<Skipped>), Error> {
        let limits = Limits::default();
        let is_wanted = |file: &PathBuf| source.names.as_ref().is_none_or(|names| is_named(file, names));
        let (mut kept, mut skipped) = (Vec::new(), Vec::new());
        for path in source.paths {
            for file in recordings(path)?.into_iter().filter(is_wanted) {
                match audio::read_file(&file, &limits).and_then(|bytes| audio::decode(&bytes, sample_rate, &limits)) {
                    Ok(samples) => kept.extend(part_of(&samples, &source.part)),
                    Err(error) => skipped.push(Skipped::new(&file, &error)),
                }
            }
        }
        if kept.is_empty() {
            let what = match source.names {
                Some(_) => "holds no readable noise of the names in the list: they are file names without their ending",
                None => "holds no noise that could be read: give a folder of recordings",
            };
            let path = source.paths.first().cloned().unwrap_or_default();
            return Err(Error::EvalInput { path, what: what.to_owned() });
        }
        Ok((Self::new(kept, snr_db, seed), skipped))
    }

    /// Noise from samples, full scale ±1; at least one recording, each with a sample that is not 0.
    pub(crate) fn new(recordings: Vec<Vec<f32>>, snr_db: f32, seed: u64) -> Self {
        Self { recordings, snr_db, seed }
    }

    /// The ratio of a sound to this noise, in dB.
    #[must_use]
    pub const fn snr_db(&self) -> f32 {
        self.snr_db
    }

    /// `length` samples of noise, the same for the same `name` and seed, whatever else was drawn before.
    ///
    /// A recording and a place in it are drawn; one that is shorter begins again at its start.
    #[must_use]
    pub fn stretch(&self, name: &str, length: usize) -> Vec<f32> {
        let mut random = SplitMix::named(name, self.seed);
        let mut draw = |below: usize| ((f64::from(random.unit()) * below as f64) as usize).min(below - 1);
        let mut stretch = Vec::new();
        for _ in 0..DRAWS {
            let recording = &self.recordings[draw(self.recordings.len())];
            let start = draw(recording.len().saturating_sub(length).max(1));
            stretch = recording.iter().cycle().skip(start).take(length).copied().collect();
            if rms(&stretch) > 0.0 {
                break;
            }
        }
        stretch
    }

    /// Adds noise to a sound over its whole length: the ratio of the two root mean squares over that length is the stated one.
    ///
    /// A sound of digital zeros has no level to relate to: it gets the noise as loud as it was recorded.
    pub fn mix(&self, sound: &mut [f32], name: &str) {
        let stretch = self.stretch(name, sound.len());
        let (loudness, noise) = (rms(sound), rms(&stretch));
        let gain = if loudness > 0.0 && noise > 0.0 { loudness / noise / decibels(self.snr_db) } else { 1.0 };
        for (sample, noise) in sound.iter_mut().zip(stretch) {
            *sample += gain * noise;
        }
    }
}

/// A part of a recording, full scale ±1; none if it holds only zeros.
fn part_of(samples: &[i16], part: &Part) -> Option<Vec<f32>> {
    let place = |share: f64| ((samples.len() as f64 * share) as usize).min(samples.len());
    let samples = &samples[place(part.start)..place(part.end).max(place(part.start))];
    let is_heard = samples.iter().any(|sample| *sample != 0);
    is_heard.then(|| samples.iter().map(|sample| f32::from(*sample) / super::FULL_SCALE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(snr_db: f32) -> Noise {
        let mut random = SplitMix(3);
        Noise::new(vec![(0..5_000).map(|_| random.unit() - 0.5).collect(), vec![0.5, 0.0, -0.5]], snr_db, 1)
    }

    #[test]
    fn the_ratio_is_as_stated() {
        let clean: Vec<f32> = (0..1_000).map(|n| (n as f32 / 9.0).sin() / 8.0).collect();
        for snr_db in [-5.0, 0.0, 10.0] {
            for name in ["a", "b", "c", "d"] {
                let mut mixed = clean.clone();
                noise(snr_db).mix(&mut mixed, name);
                let added: Vec<f32> = mixed.iter().zip(&clean).map(|(mixed, clean)| mixed - clean).collect();
                let measured = 20.0 * (rms(&clean) / rms(&added)).log10();
                assert!((measured - snr_db).abs() < 0.01, "{measured}");
            }
        }
    }

    #[test]
    fn a_name_always_gets_the_same_noise_and_another_another() {
        let noise = noise(0.0);
        assert_eq!(noise.stretch("yes/1.wav", 100), noise.stretch("yes/1.wav", 100));
        assert_ne!(noise.stretch("yes/1.wav", 100), noise.stretch("yes/2.wav", 100));
    }

    #[test]
    fn a_part_begins_and_ends_where_it_is_told() {
        assert_eq!(part_of(&[1, 2, 3, 16_384, -16_384], &(0.6..1.0)), Some(vec![0.5, -0.5]));
        assert_eq!(part_of(&[0, 0, 0, 1, 1], &(0.0..0.6)), None);
        assert_eq!(part_of(&[], &(0.0..1.0)), None);
    }

    #[test]
    fn silence_gets_noise_as_recorded() {
        let mut silence = vec![0.0; 6];
        Noise::new(vec![vec![0.5, 0.25]], 40.0, 0).mix(&mut silence, "");
        assert!(silence.contains(&0.5) && silence.contains(&0.25), "{silence:?}");
    }
}
