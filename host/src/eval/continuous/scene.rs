//! Clips strung together: words in a room with noise, one after the other.

use std::ops::Range;

use super::Word;
use super::speech::spoken;
use crate::eval::stress::{FULL_SCALE, Noise, Room, decibels, rms, to_sample};
use crate::random::SplitMix;

/// How clips are strung together.
#[derive(Debug, Default)]
pub struct Scenery {
    /// The noise, without an end below all clips. Each lies over it at the stated ratio, measured over the clip's length; in the gaps the
    /// noise goes from one level to the next.
    pub noise: Option<Noise>,
    /// The room in which clips are spoken.
    pub room: Option<Room>,
    /// The gain at the end, in dB.
    pub gain_db: f32,
    /// Seconds between two clips on average; they are drawn from half of it to one and a half.
    pub gap_seconds: f64,
    /// What the gaps depend on, besides the scene's name.
    pub seed: u64,
}

/// Noise under a clip counts as no softer than so many dB below the scene's: in a pause of the noise its level says nothing.
const FLOOR_DB: f32 = -20.0;
/// Clips begin and end softly for so long, where their own background begins and ends.
const FADE_MS: usize = 10;
/// What is heard after the last clip at least, so that a late detection is one.
const LEAST_END_MS: usize = 1_000;

/// A clip of a scene.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// Its samples.
    pub samples: Vec<i16>,
    /// The index of its label, if that is a word to be detected.
    pub label: Option<usize>,
}

impl Scenery {
    /// Strings clips together: their samples, and where the words are. `name` and the seed decide on the gaps and the noise. It begins with
    /// a gap and `window` samples, so that the model has heard a window before the first clip.
    pub fn scene(&self, name: &str, clips: &[Spoken], window: usize, sample_rate: u32) -> (Vec<i16>, Vec<Word>) {
        let mut random = SplitMix::named(name, self.seed);
        let mut gap = || ((0.5 + f64::from(random.unit())) * self.gap_seconds * f64::from(sample_rate)) as usize;
        let mut sound = vec![0.0; window + gap()];
        let (mut words, mut places) = (Vec::new(), Vec::new());
        for clip in clips {
            let start = sound.len();
            let mut samples: Vec<f32> = clip.samples.iter().map(|sample| f32::from(*sample) / FULL_SCALE).collect();
            let word = spoken(&samples, sample_rate);
            if let Some(room) = &self.room {
                room.apply(&mut samples);
            }
            places.push((start..start + samples.len(), rms(&samples)));
            fade(&mut samples, FADE_MS * sample_rate as usize / 1_000);
            sound.extend(samples);
            if let Some(label) = clip.label {
                words.push(Word { label, start: (start + word.start) as u64, end: (start + word.end) as u64 });
            }
            sound.resize(sound.len() + gap(), 0.0);
        }
        sound.resize(sound.len() + LEAST_END_MS * sample_rate as usize / 1_000, 0.0);
        if let Some(noise) = &self.noise {
            self.add_noise(noise, name, &mut sound, &places);
        }
        let gain = decibels(self.gain_db);
        (sound.iter().map(|sample| to_sample(sample * gain)).collect(), words)
    }

    /// Lays noise under everything. `places`: where clips are, and how loud.
    fn add_noise(&self, noise: &Noise, name: &str, sound: &mut [f32], places: &[(Range<usize>, f32)]) {
        let stretch = noise.stretch(name, sound.len());
        let softest = rms(&stretch) * decibels(FLOOR_DB);
        // Where a level is reached, and how much the noise is raised there.
        let mut levels: Vec<(usize, f32)> = Vec::new();
        for (place, loudness) in places {
            let below = rms(&stretch[place.clone()]).max(softest);
            // A silent clip has no level to relate to.
            if *loudness > 0.0 && below > 0.0 {
                let gain = loudness / below / decibels(noise.snr_db());
                levels.extend([(place.start, gain), (place.end, gain)]);
            }
        }
        let mut next = 0;
        for (index, (sample, noise)) in sound.iter_mut().zip(stretch).enumerate() {
            while levels.get(next).is_some_and(|(place, _)| *place <= index) {
                next += 1;
            }
            *sample += noise * between(next.checked_sub(1).map(|last| levels[last]), levels.get(next).copied(), index);
        }
    }
}

/// The gain at `index`, on the way from the last level to the next one.
fn between(last: Option<(usize, f32)>, next: Option<(usize, f32)>, index: usize) -> f32 {
    match (last, next) {
        (Some((from, before)), Some((to, after))) => {
            before + (after - before) * (index - from) as f32 / (to - from).max(1) as f32
        }
        (Some((_, gain)), None) | (None, Some((_, gain))) => gain,
        (None, None) => 1.0,
    }
}

/// Lets a sound begin and end softly.
fn fade(sound: &mut [f32], length: usize) {
    let length = length.min(sound.len() / 2);
    let end = sound.len();
    for step in 0..length {
        let gain = step as f32 / length as f32;
        sound[step] *= gain;
        sound[end - 1 - step] *= gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 1_000;

    fn tone(length: usize, amplitude: f32) -> Vec<i16> {
        (0..length).map(|n| ((n as f32).sin() * amplitude * FULL_SCALE) as i16).collect()
    }

    fn scenery(noise: Option<Noise>) -> Scenery {
        Scenery { noise, gap_seconds: 1.0, seed: 3, ..Scenery::default() }
    }

    #[test]
    fn words_are_where_the_track_says() {
        let mut clip = vec![0; 200];
        clip.extend(tone(400, 0.5));
        clip.extend([0; 400]);
        let clips = [Some(1), None, Some(0)].map(|label| Spoken { samples: clip.clone(), label });
        let (sound, words) = scenery(None).scene("a", &clips, 1_000, RATE);
        assert_eq!(words.iter().map(|word| word.label).collect::<Vec<_>>(), [1, 0]);
        assert!(words[0].start >= 1_000 + 500 && words[1].start - words[0].end >= 500);
        for word in words {
            let (start, end) = (word.start as usize, word.end as usize);
            assert!((380..=430).contains(&(end - start)), "{word:?}");
            assert!(sound[start..end].iter().any(|sample| *sample != 0));
            assert!(sound[end + 20..end + 100].iter().all(|sample| *sample == 0));
        }
    }

    #[test]
    fn the_ratio_under_each_clip_is_as_stated() {
        let recording = (0..50_000).map(|n| (n as f32 * 1.7).sin() * (1.0 + n as f32 / 10_000.0)).collect();
        let clips = [0.4, 0.05, 0.2].map(|amplitude| Spoken { samples: tone(1_000, amplitude), label: Some(0) });
        let clean = scenery(None).scene("a", &clips, 1_000, RATE);
        let noisy = scenery(Some(Noise::new(vec![recording], 10.0, 1))).scene("a", &clips, 1_000, RATE);
        assert_eq!(clean.1, noisy.1);
        for word in clean.1 {
            let place = word.start as usize..word.start as usize + 1_000;
            let float = |sound: &[i16]| sound[place.clone()].iter().map(|s| f32::from(*s)).collect::<Vec<_>>();
            let (clean, noisy) = (float(&clean.0), float(&noisy.0));
            let added: Vec<f32> = clean.iter().zip(&noisy).map(|(clean, noisy)| noisy - clean).collect();
            let ratio = 20.0 * (rms(&clean) / rms(&added)).log10();
            assert!((ratio - 10.0).abs() < 0.2, "{ratio}");
        }
    }

    #[test]
    fn a_scene_is_the_same_every_time_and_another_by_another_name() {
        let clips = vec![Spoken { samples: tone(100, 0.5), label: Some(0) }; 3];
        let scene = |name| scenery(None).scene(name, &clips, 1_000, RATE);
        assert_eq!(scene("a"), scene("a"));
        assert_ne!(scene("a"), scene("b"));
    }

    #[test]
    fn the_noise_goes_from_level_to_level() {
        assert_eq!(between(Some((10, 1.0)), Some((20, 3.0)), 15), 2.0);
        assert_eq!(between(None, Some((20, 3.0)), 15), 3.0);
        assert_eq!(between(Some((10, 1.0)), None, 15), 1.0);
    }
}
