//! The same clips under worse conditions, the same ones every time.
//!
//! A clip goes through them in the order of nature: it is spoken earlier or later ([`shift_ms`](Stress::shift_ms)), in a room
//! ([`Room`]), with noise beside it ([`Noise`]), and the microphone's gain comes last ([`gain_db`](Stress::gain_db)). A clip
//! shorter than the model's window is put in the middle of it first, so that noise covers the whole window.

mod noise;
mod room;

pub use noise::{Noise, NoiseSource, Part};
pub use room::Room;

/// Full scale of samples.
pub(super) const FULL_SCALE: f32 = 32_768.0;

/// What to do to clips before a model hears them; the default is nothing, which leaves every bit as it is.
#[derive(Debug, Default)]
pub struct Stress {
    /// Milliseconds by which the sound comes later, or, below 0, earlier. The clip's length stays: what is pushed over its end is lost and
    /// zeros come in.
    pub shift_ms: f64,
    /// The room.
    pub room: Option<Room>,
    /// The noise.
    pub noise: Option<Noise>,
    /// The gain at the end, in dB. Samples beyond full scale saturate.
    pub gain_db: f32,
}

impl Stress {
    /// Whether clips stay as they are.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.shift_ms == 0.0 && self.room.is_none() && self.noise.is_none() && self.gain_db == 0.0
    }

    /// Puts a clip under stress. `name` chooses the noise; `window` is the model's in samples.
    #[must_use]
    pub fn apply(&self, clip: Vec<i16>, name: &str, window: usize, sample_rate: u32) -> Vec<i16> {
        if self.is_none() {
            return clip;
        }
        let mut sound = centred(&clip, window);
        shift(&mut sound, (self.shift_ms * f64::from(sample_rate) / 1000.0).round() as i64);
        if let Some(room) = &self.room {
            room.apply(&mut sound);
        }
        if let Some(noise) = &self.noise {
            noise.mix(&mut sound, name);
        }
        let gain = decibels(self.gain_db);
        sound.iter().map(|sample| to_sample(sample * gain)).collect()
    }
}

/// The clip, full scale ±1, in the middle of a window if it is shorter.
fn centred(clip: &[i16], window: usize) -> Vec<f32> {
    let missing = window.saturating_sub(clip.len());
    let mut sound = vec![0.0; clip.len() + missing];
    for (sample, &value) in sound[missing / 2..].iter_mut().zip(clip) {
        *sample = f32::from(value) / FULL_SCALE;
    }
    sound
}

/// Moves a sound by so many samples; zeros come in.
fn shift(sound: &mut [f32], by: i64) {
    let length = sound.len();
    let amount = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX).min(length);
    if by >= 0 {
        sound.copy_within(..length - amount, amount);
        sound[..amount].fill(0.0);
    } else {
        sound.copy_within(amount.., 0);
        sound[length - amount..].fill(0.0);
    }
}

/// The factor of an amplitude that `level` dB are.
pub(super) fn decibels(level: f32) -> f32 {
    10.0_f32.powf(level / 20.0)
}

/// Full scale ±1 to 16 bits, saturating.
pub(super) fn to_sample(value: f32) -> i16 {
    (value * FULL_SCALE).round() as i16
}

/// The root of the mean square of a sound; 0 of none.
pub(super) fn rms(sound: &[f32]) -> f32 {
    let squares: f64 = sound.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (squares / sound.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stress_leaves_the_bits() {
        let clip = vec![1, -32_768, 32_767];
        assert_eq!(Stress::default().apply(clip.clone(), "", 10, 16_000), clip);
    }

    #[test]
    fn shifts_keep_the_length_and_bring_zeros() {
        let shifted = |shift_ms| Stress { shift_ms, ..Stress::default() }.apply(vec![1, 2, 3, 4], "", 4, 1_000);
        assert_eq!(shifted(1.0), [0, 1, 2, 3]);
        assert_eq!(shifted(-3.0), [4, 0, 0, 0]);
        assert_eq!(shifted(9.0), [0; 4]);
        assert_eq!(shifted(-1e30), [0; 4]);
    }

    #[test]
    fn gain_saturates() {
        let stress = Stress { gain_db: 6.020_6, ..Stress::default() };
        assert_eq!(stress.apply(vec![100, -20_000, 20_000], "", 3, 16_000), [200, -32_768, 32_767]);
    }

    #[test]
    fn a_short_clip_stands_in_the_middle() {
        assert_eq!(centred(&[16_384], 4), [0.0, 0.5, 0.0, 0.0]);
    }
}
