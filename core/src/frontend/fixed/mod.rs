//! The front end in integers, for processors without floating point: from samples to the quantised features that the network takes.
//!
//! A frame's window and the cosines of its transform have 31 fractional bits, its numbers 32 bits, its powers and the bands' sums 64. A frame
//! that does not reach full scale has more fractional bits. The logarithm comes from a table; a multiplication and an addition make a feature
//! of it in the model's own scale.
//!
//! Every step is exact or rounds in one way, so that features are the same bits on every target.

mod arithmetic;
mod log;
mod spectrum;

use super::spec::{Compression, FrontEndSpec, MelBand};
use super::{Features, Spectrum};
use crate::Error;
use crate::model::Quantisation;
use arithmetic::{upper_product, weighted};

/// Fractional bits of the window's coefficients.
pub const WINDOW_FRACTION: u32 = 31;
/// The largest weight of a mel band.
pub const MAX_WEIGHT: u16 = 1 << 15;
/// Fractional bits of the logarithm to base 2 that a [`Quantiser`] takes.
pub const LOG_FRACTION: u32 = log::FRACTION;
/// Largest [`floor`](FixedTables::floor): below it a sum and a floor fit into 64 bits.
pub const MAX_FLOOR: u64 = 1 << 62;
/// Largest [`shift`](FixedTables::shift).
pub const MAX_SHIFT: u32 = 24;
/// Largest |[`offset`](Quantiser::offset)|.
pub const MAX_OFFSET: i32 = 1 << 30;

/// Makes a feature of a logarithm: (⌊L · multiplier / 2¹⁶⌋ + offset) / 2ˢʰⁱᶠᵗ, rounded down and saturated, with L in units of
/// 2^−[`LOG_FRACTION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Quantiser {
    /// Steps of the feature an octave of power, times 2ˢʰⁱᶠᵗ; it fits an `i16`.
    pub multiplier: i32,
    /// The feature of a sum of 1, and a half so that rounding down rounds to nearest, times 2ˢʰⁱᶠᵗ; within ±[`MAX_OFFSET`].
    pub offset: i32,
}

/// Tables of a front end in integers; its [`FrontEndSpec`] has the sizes and choices, and no table but the bands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedTables<'m> {
    /// `window_length` coefficients with [`WINDOW_FRACTION`] fractional bits.
    pub window: &'m [i32],
    /// The weights of all bands, one band after the other, in any unit; at most [`MAX_WEIGHT`].
    pub mel_weights: &'m [u16],
    /// What keeps the logarithm finite, in the unit of a band's sum, weight · |X|² · 2¹⁸ / N², for samples as they are and N points of the FFT;
    /// 1..=[`MAX_FLOOR`].
    pub floor: u64,
    /// Fractional bits of the quantisers; at most [`MAX_SHIFT`].
    pub shift: u32,
    /// One a feature.
    pub quantisers: &'m [Quantiser],
    /// What the features stand for.
    pub output: Quantisation,
}

impl FixedTables<'_> {
    /// Accepts tables with which every frame can be computed, whatever the samples.
    pub(super) fn check(&self, spec: &FrontEndSpec<'_>) -> Result<(), Error> {
        let only = |accepted, setting, allowed| {
            if accepted { Ok(()) } else { Err(Error::FixedFrontEnd { setting, allowed }) }
        };
        only(spec.features == Features::LogMel, "features", "log-mel, without coefficients of an MFCC")?;
        only(spec.spectrum == Spectrum::Power, "spectrum", "power")?;
        let table = |table, needed, given| {
            if needed == given { Ok(()) } else { Err(Error::FrontEndTable { table, needed, given }) }
        };
        table("window", spec.window_length, self.window.len())?;
        table("quantisers", spec.mel_bands.len(), self.quantisers.len())?;
        if let Some(index) = self.mel_weights.iter().position(|&weight| weight > MAX_WEIGHT) {
            return Err(Error::FrontEndNumber { table: "mel_weights", index });
        }
        let is_sound = |quantiser: &Quantiser| {
            i16::try_from(quantiser.multiplier).is_ok() && quantiser.offset.unsigned_abs() <= MAX_OFFSET.unsigned_abs()
        };
        if let Some(index) = self.quantisers.iter().position(|quantiser| !is_sound(quantiser)) {
            return Err(Error::FrontEndNumber { table: "quantisers", index });
        }
        if !(1..=MAX_FLOOR).contains(&self.floor) {
            return Err(Error::FrontEndNumber { table: "floor", index: 0 });
        }
        if self.shift > MAX_SHIFT {
            return Err(Error::FrontEndNumber { table: "shift", index: 0 });
        }
        Ok(())
    }

    /// Bits that a frame's samples leave unused, as far as they are of use.
    fn extra_bits(&self, samples: &[i16], pairs: usize) -> u32 {
        // As many bits as the largest sample; of negative ones, of their complement.
        let used = samples.iter().fold(0, |used, &sample| used | (sample ^ (sample >> 15)));
        let unused = used.leading_zeros().saturating_sub(1);
        // The floor is raised with the samples, and keeps within its bound.
        let room = self.floor.leading_zeros().saturating_sub(MAX_FLOOR.leading_zeros() + 1) / 2;
        unused.min(spectrum::dropped_bits(pairs)).min(room)
    }

    /// Computes the features of a frame of `window_length` samples; `spectrum` has half as many places as the transform points.
    #[inline(never)] // Once in a program is enough.
    pub(super) fn frame(
        &self,
        (bands, compression): (&[MelBand], Compression),
        samples: &[i16],
        spectrum: &mut [[i32; 2]],
        features: &mut [i8],
    ) {
        let extra = self.extra_bits(samples, spectrum.len());
        let last = spectrum::power_spectrum(samples, self.window, extra, spectrum);
        let floor = self.floor << (2 * extra);
        let raised = ((2 * extra) << LOG_FRACTION).cast_signed();
        let mut weights = self.mel_weights;
        for ((band, quantiser), feature) in bands.iter().zip(self.quantisers).zip(features) {
            // `FrontEndSpec::check` sees to it that all of them are there.
            let (own, others) = weights.split_at_checked(usize::from(band.bins)).unwrap_or_default();
            weights = others;
            let bins = spectrum.get(usize::from(band.first_bin)..).unwrap_or_default();
            // By Parseval's theorem the powers of half a spectrum are no more in all than that of the loudest bin there can be, 2⁴⁸: with weights
            // of at most 2¹⁵ no sum is above 2⁶³ by more than rounding adds, and 2⁶² for the floor fit on top.
            let mut sum = own.iter().zip(bins).fold(0, |sum, (&weight, bin)| sum + weighted(of_words(bin), weight));
            if let (true, Some(&weight)) = (own.len() > bins.len(), own.last()) {
                sum += weighted(last, weight);
            }
            let sum = match compression {
                Compression::LnPlus => sum + floor,
                Compression::LnMax | Compression::DecibelMax => sum.max(floor),
            };
            let logarithm = log::log2(sum).cast_signed() - raised;
            let value = upper_product(logarithm, quantiser.multiplier << 16) + quantiser.offset;
            *feature = (value >> self.shift).clamp(i8::MIN.into(), i8::MAX.into()) as i8;
        }
    }
}

#[inline(always)]
const fn of_words(&[lower, upper]: &[i32; 2]) -> u64 {
    (upper.cast_unsigned() as u64) << 32 | lower.cast_unsigned() as u64
}
