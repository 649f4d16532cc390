//! Interleaved frames, as decoders and sound cards give them, to what a model hears.

use super::Limits;
use super::mixdown::{Layout, Mixdown};
use super::resample::Resampler;
use crate::Error;

/// Mixes frames of one layout down and brings them to the model's sample rate.
pub(super) struct Conversion {
    mixdown: Mixdown,
    resampler: Resampler,
    mono: Vec<f32>,
    resampled: Vec<f32>,
    samples: Vec<i16>,
}

impl Conversion {
    /// `sample_rate` is the model's; `block` as in [`Resampler::new`].
    pub(super) fn new(layout: Layout, sample_rate: u32, limits: Option<&Limits>, block: usize) -> Result<Self, Error> {
        Ok(Self {
            mixdown: Mixdown::new(layout, limits),
            resampler: Resampler::new(layout.sample_rate, sample_rate, block)?,
            mono: Vec::new(),
            resampled: Vec::new(),
            samples: Vec::new(),
        })
    }

    pub(super) fn layout(&self) -> Layout {
        self.mixdown.layout()
    }

    /// Takes frames and gives the samples that are ready, which may be none.
    pub(super) fn push(&mut self, interleaved: &[f32]) -> Result<&[i16], Error> {
        self.mono.clear();
        self.mixdown.push(interleaved, &mut self.mono)?;
        self.resampled.clear();
        self.resampler.push(&self.mono, &mut self.resampled)?;
        Ok(self.rounded())
    }

    /// The rest: silence follows the last frame.
    pub(super) fn finish(&mut self) -> Result<&[i16], Error> {
        self.resampled.clear();
        self.resampler.finish(&mut self.resampled)?;
        Ok(self.rounded())
    }

    fn rounded(&mut self) -> &[i16] {
        self.samples.clear();
        self.samples.extend(self.resampled.iter().map(to_sample));
        &self.samples
    }
}

/// Full scale is 32,768, so that 16-bit samples come back as they were; only +1.0 itself and overshoot saturate. Halves are rounded away
/// from zero, as [`f32::round`] does, which is a call for each sample where processors have no instruction for it.
pub(crate) fn to_sample(value: &f32) -> i16 {
    // With the greatest number below a half, what is just below a half stays below 1.
    const BELOW_HALF: f32 = 0.5f32.next_down();
    let scaled = value * 32768.0;
    (scaled + BELOW_HALF.copysign(scaled)) as i16
}

#[cfg(test)]
mod tests {
    use super::super::resample::FILE_BLOCK;
    use super::*;

    #[test]
    fn samples_are_rounded_halves_away_from_zero() {
        let check = |scaled: f32| assert_eq!(to_sample(&(scaled / 32768.0)), scaled.round() as i16, "{scaled}");
        for half_steps in -70_000..=70_000i32 {
            let scaled = half_steps as f32 / 2.0;
            [scaled, scaled.next_up(), scaled.next_down()].into_iter().for_each(check);
        }
        (0..=u32::MAX).step_by(9_973).map(f32::from_bits).for_each(check);
    }

    #[test]
    fn floats_of_any_height_are_resampled() {
        let layout = Layout::new(44_100, 1).unwrap();
        let mut conversion = Conversion::new(layout, 16_000, None, FILE_BLOCK).unwrap();
        let samples: Vec<f32> = (0..44_100).map(|n| if n % 100 < 50 { f32::MAX } else { f32::MIN }).collect();
        let mut resampled = conversion.push(&samples).unwrap().to_vec();
        resampled.extend_from_slice(conversion.finish().unwrap());
        assert_eq!(resampled.len(), 16_000);
        assert!(resampled.contains(&i16::MAX) && resampled.contains(&i16::MIN));
    }
}
