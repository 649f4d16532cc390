//! From one sample rate to another.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use crate::Error;

/// Input frames in a block of the transform for files, at least: longer blocks have a steeper filter.
pub(super) const FILE_BLOCK: usize = 4096;

/// Resamples by the FFT (a windowed sinc as long as a block), a block at a time. Equal rates pass through untouched.
///
/// n samples become round(n × `to` / `from`), at least 1 if there are any; the filter's delay is taken out, so that the output
/// begins where the input does.
pub(super) struct Resampler {
    from: u32,
    to: u32,
    /// Samples taken.
    taken: u64,
    /// Samples given.
    given: u64,
    /// Absent where both rates are the same.
    blocks: Option<Blocks>,
}

/// The transform and what surrounds it.
struct Blocks {
    transform: Fft<f32>,
    /// Input that fills no block yet.
    input: Vec<f32>,
    output: Vec<f32>,
    /// Samples of the filter's delay that are still to come out.
    delay: usize,
}

impl Resampler {
    /// Both rates are in hertz and not 0. `block` is the least number of input frames that are transformed together: the output
    /// falls behind the input by up to one and a half of them.
    pub(super) fn new(from: u32, to: u32, block: usize) -> Result<Self, Error> {
        let blocks = if from == to { None } else { Some(Blocks::new(from, to, block)?) };
        Ok(Self { from, to, taken: 0, given: 0, blocks })
    }

    /// Takes samples and appends what is ready to `resampled`.
    pub(super) fn push(&mut self, samples: &[f32], resampled: &mut Vec<f32>) -> Result<(), Error> {
        let before = resampled.len();
        self.taken += samples.len() as u64;
        match &mut self.blocks {
            None => resampled.extend_from_slice(samples),
            Some(blocks) => blocks.push(samples, resampled).map_err(|detail| self.cannot(detail))?,
        }
        self.given += (resampled.len() - before) as u64;
        Ok(())
    }

    /// Appends the rest: silence follows the last sample.
    pub(super) fn finish(&mut self, resampled: &mut Vec<f32>) -> Result<(), Error> {
        let before = resampled.len();
        // In 128 bits, because a stream may go on for ever.
        let exact = u128::from(self.taken) * u128::from(self.to);
        let wanted = ((exact + u128::from(self.from) / 2) / u128::from(self.from)) as u64;
        let missing = wanted.max(self.taken.min(1)).saturating_sub(self.given) as usize;
        if let Some(blocks) = &mut self.blocks {
            blocks.finish(missing, resampled).map_err(|detail| self.cannot(detail))?;
        }
        resampled.resize(before + missing, 0.0);
        self.given += missing as u64;
        Ok(())
    }

    fn cannot(&self, detail: String) -> Error {
        Error::AudioResample { from: self.from, to: self.to, detail }
    }
}

impl Blocks {
    fn new(from: u32, to: u32, block: usize) -> Result<Self, Error> {
        // A block holds a whole number of the shortest stretches that are whole at both rates. An even number of them, because half
        // a block is the filter's delay: otherwise it could not be taken out to the sample.
        let stretch = (from / greatest_common_divisor(from, to)) as usize;
        let block = stretch * block.div_ceil(stretch).next_multiple_of(2);
        let window = WindowFunction::BlackmanHarris2;
        let transform = Fft::<f32>::new_custom(from as usize, to as usize, block, 1, 1, window, FixedSync::Both)
            .map_err(|error| Error::AudioResample { from, to, detail: error.to_string() })?;
        Ok(Self {
            input: Vec::with_capacity(transform.input_frames_next()),
            output: vec![0.0; transform.output_frames_next()],
            delay: transform.output_delay(),
            transform,
        })
    }

    fn push(&mut self, mut samples: &[f32], resampled: &mut Vec<f32>) -> Result<(), String> {
        let block = self.transform.input_frames_next();
        while !samples.is_empty() {
            let (taken, rest) = samples.split_at(samples.len().min(block - self.input.len()));
            self.input.extend_from_slice(taken);
            samples = rest;
            if self.input.len() == block {
                self.transform(resampled)?;
            }
        }
        Ok(())
    }

    /// Puts silence behind the last sample until `missing` more have come out.
    fn finish(&mut self, missing: usize, resampled: &mut Vec<f32>) -> Result<(), String> {
        let wanted = resampled.len() + missing;
        while resampled.len() < wanted {
            self.input.resize(self.transform.input_frames_next(), 0.0);
            self.transform(resampled)?;
        }
        Ok(())
    }

    /// Turns the full block of input into output.
    fn transform(&mut self, resampled: &mut Vec<f32>) -> Result<(), String> {
        let (taken, given) = (self.input.len(), self.output.len());
        let input = InterleavedSlice::new(&self.input, 1, taken).map_err(|error| error.to_string())?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, given).map_err(|error| error.to_string())?;
        self.transform.process_into_buffer(&input, &mut output, None).map_err(|error| error.to_string())?;
        self.input.clear();
        let late = self.delay.min(given);
        self.delay -= late;
        resampled.extend_from_slice(&self.output[late..]);
        Ok(())
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rubato::audioadapter_buffers::owned::InterleavedOwned;

    use super::*;

    /// In chunks of these lengths, over and over.
    fn resample_in(chunks: &[usize], samples: &[f32], from: u32, to: u32) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to, FILE_BLOCK).unwrap();
        let (mut resampled, mut rest) = (Vec::new(), samples);
        for &length in chunks.iter().cycle() {
            let (chunk, behind) = rest.split_at(length.min(rest.len()));
            resampler.push(chunk, &mut resampled).unwrap();
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        resampler.finish(&mut resampled).unwrap();
        resampled
    }

    fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
        resample_in(&[samples.len()], samples, from, to)
    }

    fn tone(hertz: f64, rate: u32, frames: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * hertz / f64::from(rate);
        (0..frames).map(|n| (step * n as f64).sin() as f32 * 0.5).collect()
    }

    #[test]
    fn a_tone_keeps_its_place_and_height_at_any_rate() {
        for from in [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 15_999, 44_101] {
            let resampled = resample(&tone(1_000.0, from, from as usize), from, 16_000);
            assert_eq!(resampled.len(), 16_000, "{from}");
            // The tone begins and ends out of nothing; its middle is compared.
            let expected = tone(1_000.0, 16_000, 16_000);
            let worst = (2_000..14_000).map(|n| (resampled[n] - expected[n]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{from} Hz: off by {worst}");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_carry_is_removed() {
        let resampled = resample(&tone(9_000.0, 48_000, 48_000), 48_000, 16_000);
        let loudest = resampled[2_000..14_000].iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest < 1e-4, "{loudest}");
    }

    #[test]
    fn lengths_are_rounded() {
        for (frames, from, to, expected) in [
            (0, 48_000, 16_000, 0),
            (1, 48_000, 16_000, 1),
            (1, 8_000, 16_000, 2),
            (44_100, 44_100, 16_000, 16_000),
            (7, 44_100, 16_000, 3),
        ] {
            assert_eq!(resample(&vec![0.1; frames], from, to).len(), expected, "{frames} {from} {to}");
        }
        assert_eq!(resample(&[0.1, 0.7], 8_000, 8_000), [0.1, 0.7]);
    }

    /// What rubato gives for a whole clip at once.
    fn at_once(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
        let mut transform = Blocks::new(from, to, FILE_BLOCK).unwrap().transform;
        let input = InterleavedOwned::new_from(samples.to_vec(), 1, samples.len()).unwrap();
        transform.process_all(&input, samples.len(), None).unwrap().take_data()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn chunks_of_any_length_give_the_same_bits_as_the_whole(
            frames in 1_usize..30_000,
            from in prop::sample::select(vec![8_000_u32, 11_025, 22_050, 44_100, 48_000, 96_000]),
            chunks in prop::collection::vec(1_usize..9_000, 1..6),
        ) {
            let samples: Vec<f32> = (0..frames).map(|n| (((n * 7_919) % 4_001) as f32 - 2_000.0) / 4_000.0).collect();
            let resampled = resample_in(&chunks, &samples, from, 16_000);
            let whole = at_once(&samples, from, 16_000);
            let common = resampled.len().min(whole.len());
            prop_assert!(whole.len().abs_diff(resampled.len()) <= 1);
            prop_assert_eq!(&resampled[..common], &whole[..common]);
        }
    }
}
