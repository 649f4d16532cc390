//! From one sample rate to another.

use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use crate::Error;

/// Input frames in an FFT block, at least: longer blocks have a steeper filter.
const BLOCK: usize = 4096;

/// Resamples by the FFT (a windowed sinc as long as a block). Equal rates pass through untouched.
///
/// `samples` is not empty and both rates are not 0. The output begins where the input does.
pub(super) fn resample(samples: Vec<f32>, from: u32, to: u32) -> Result<Vec<f32>, Error> {
    if from == to {
        return Ok(samples);
    }
    let frames = samples.len();
    let wanted = (frames as u64 * u64::from(to) + u64::from(from) / 2) / u64::from(from);
    let cannot = |detail: String| Error::AudioResample { from, to, detail };

    // A block holds a whole number of the shortest stretches that are whole at both rates. An even number of them, because half a
    // block is the filter's delay: otherwise it could not be taken out to the sample.
    let stretch = (from / greatest_common_divisor(from, to)) as usize;
    let block = stretch * BLOCK.div_ceil(stretch).next_multiple_of(2);
    let window = WindowFunction::BlackmanHarris2;
    let mut resampler = Fft::<f32>::new_custom(from as usize, to as usize, block, 1, 1, window, FixedSync::Both)
        .map_err(|error| cannot(error.to_string()))?;
    let input = InterleavedOwned::new_from(samples, 1, frames).map_err(|error| cannot(error.to_string()))?;
    let output = resampler.process_all(&input, frames, None).map_err(|error| cannot(error.to_string()))?;

    let mut output = output.take_data();
    output.resize((wanted as usize).max(1), 0.0);
    Ok(output)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, rate: u32, frames: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * hertz / f64::from(rate);
        (0..frames).map(|n| (step * n as f64).sin() as f32 * 0.5).collect()
    }

    #[test]
    fn a_tone_keeps_its_place_and_height_at_any_rate() {
        for from in [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 15_999, 44_101] {
            let resampled = resample(tone(1_000.0, from, from as usize), from, 16_000).unwrap();
            assert_eq!(resampled.len(), 16_000, "{from}");
            // The tone begins and ends out of nothing; its middle is compared.
            let expected = tone(1_000.0, 16_000, 16_000);
            let worst = (2_000..14_000).map(|n| (resampled[n] - expected[n]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{from} Hz: off by {worst}");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_carry_is_removed() {
        let resampled = resample(tone(9_000.0, 48_000, 48_000), 48_000, 16_000).unwrap();
        let loudest = resampled[2_000..14_000].iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest < 1e-4, "{loudest}");
    }

    #[test]
    fn lengths_are_rounded() {
        for (frames, from, to, expected) in
            [(1, 48_000, 16_000, 1), (1, 8_000, 16_000, 2), (44_100, 44_100, 16_000, 16_000), (7, 44_100, 16_000, 3)]
        {
            assert_eq!(resample(vec![0.1; frames], from, to).unwrap().len(), expected, "{frames} {from} {to}");
        }
        assert_eq!(resample(vec![0.1, 0.7], 8_000, 8_000).unwrap(), [0.1, 0.7]);
    }
}
