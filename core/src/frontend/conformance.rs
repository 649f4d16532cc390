//! The proof that a target computes the same bits as every other.
//!
//! On a new target, [`front_end`] must return [`FRONT_END`]; the firmware tests and the host's own tests ask for it. With
//! [`TestSignal`] and [`Fingerprint`] any model's features can be compared in the same way.

use super::fixed::{FixedTables, Quantiser};
use super::{
    Arithmetic, ClipSettings, Compression, Features, Framer, FrontEnd, FrontEndSpec, MelBand, Spectrum, scratch_len_for,
};
use crate::Error;
use crate::model::Quantisation;

/// The fingerprint that [`front_end`] has on a target that keeps to IEEE 754.
pub const FRONT_END: u64 = 0xbc87_3439_4341_8179;

/// The 64-bit FNV-1a hash of the bit patterns of floating-point values.
///
/// ```
/// use earmark_core::frontend::conformance::Fingerprint;
///
/// let of = |values: &[f32]| {
///     let mut fingerprint = Fingerprint::default();
///     fingerprint.update(values);
///     fingerprint.value()
/// };
/// assert_eq!(of(&[1.0, 2.0]), of(&[1.0, 2.0]));
/// assert_ne!(of(&[0.0]), of(&[-0.0])); // equal values, other bits
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// Adds values, in their order.
    pub fn update(&mut self, values: &[f32]) {
        self.update_bytes(values.iter().flat_map(|x| x.to_bits().to_le_bytes()));
    }

    /// Adds bytes, in their order.
    pub fn update_bytes(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The hash of all values so far.
    pub const fn value(&self) -> u64 {
        self.0
    }
}

/// An endless signal made of integers only: noise of many loudnesses, full-scale square waves, and silence.
#[derive(Debug, Clone)]
pub struct TestSignal {
    position: u32,
    noise: u32,
}

impl Default for TestSignal {
    fn default() -> Self {
        Self { position: 0, noise: 0x9e37_79b9 }
    }
}

impl Iterator for TestSignal {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        /// Samples of one kind in a row.
        const PASSAGE: u32 = 256;
        let passage = self.position / PASSAGE % 18;
        // Marsaglia's xorshift generator with the shifts 13, 17 and 5.
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        let noise = (self.noise >> 16) as u16 as i16;
        let sample = match passage {
            0..16 => noise >> passage,
            16 if self.position & 8 == 0 => i16::MIN,
            16 => i16::MAX,
            _ => 0,
        };
        self.position = self.position.wrapping_add(1);
        Some(sample)
    }
}

/// The fingerprint of all features of the [`TestSignal`] in four front ends that together use every option.
///
/// Their tables are small fractions, exact or rounded once, so that nothing but the front end can differ. It takes some
/// 6 KiB of stack.
///
/// # Errors
/// None, unless [`FrontEndSpec::check`] itself went wrong on this target.
pub fn front_end() -> Result<u64, Error> {
    const WINDOW: usize = 100;
    const HOP: usize = 40;
    const FFT: usize = 128;
    const BANDS: usize = 10;
    const COEFFICIENTS: usize = 6;
    const SAMPLES: usize = 18 * 256;

    // A triangle, with its peak in the middle.
    let window: [f32; WINDOW] = core::array::from_fn(|i| i.min(WINDOW - i) as f32 / 50.0);
    // Bands that overlap by half: band b covers 2 + 2·b bins.
    let mut first_bin = 0;
    let bands: [MelBand; BANDS] = core::array::from_fn(|b| {
        let bins = 2 + 2 * b as u16;
        let band = MelBand { first_bin, bins };
        first_bin += bins / 2;
        band
    });
    let weights: [f32; BANDS * (BANDS + 1)] = core::array::from_fn(|i| (1 + i % 7) as f32 / 7.0);
    let dct: [f32; COEFFICIENTS * BANDS] = core::array::from_fn(|i| (i * 37 % 17) as f32 / 8.0 - 1.0);
    let offset: [f32; COEFFICIENTS] = core::array::from_fn(|i| i as f32 / 3.0);
    let scale: [f32; COEFFICIENTS] = core::array::from_fn(|i| 1.0 / (1 + i) as f32);

    let log_mel = FrontEndSpec {
        sample_rate: 16_000,
        window_length: WINDOW,
        hop_length: HOP,
        fft_length: FFT,
        features: Features::LogMel,
        spectrum: Spectrum::Power,
        compression: Compression::LnPlus,
        floor: 1e-6,
        pcm_scale: 1.0 / 32_768.0,
        arithmetic: Arithmetic::Float,
        window: &window,
        mel_bands: &bands,
        mel_weights: &weights,
        dct: &[],
        offset: &[],
        scale: &[],
        clip: ClipSettings::NONE,
    };
    let magnitude = FrontEndSpec {
        // Twice a power of four complex numbers, where the others have a power of four.
        fft_length: 2 * FFT,
        spectrum: Spectrum::Magnitude,
        compression: Compression::LnMax,
        floor: 1e-3,
        pcm_scale: 1.0,
        ..log_mel
    };
    let mfcc = FrontEndSpec {
        features: Features::Mfcc,
        compression: Compression::DecibelMax,
        floor: 1e-10,
        dct: &dct,
        offset: &offset,
        scale: &scale,
        ..log_mel
    };

    let fixed_window: [i32; WINDOW] = core::array::from_fn(|i| 42_598_401 * i.min(WINDOW - i) as i32);
    let fixed_weights: [u16; BANDS * (BANDS + 1)] = core::array::from_fn(|i| 4_096 * (1 + i % 7) as u16);
    let quantisers = [Quantiser { multiplier: 23_000, offset: -400_000 }; BANDS];
    let fixed = FrontEndSpec {
        arithmetic: Arithmetic::Fixed(FixedTables {
            window: &fixed_window,
            mel_weights: &fixed_weights,
            floor: 1_000_000,
            shift: 12,
            quantisers: &quantisers,
            output: Quantisation { scale: 0.125, zero_point: 3 },
        }),
        window: &[],
        mel_weights: &[],
        ..log_mel
    };

    let mut fingerprint = Fingerprint::default();
    let mut scratch = [0.0; scratch_len_for(2 * FFT, BANDS)];
    let mut features = [0.0; BANDS];
    let mut frame = [0; WINDOW];
    for spec in [log_mel, magnitude, mfcc, fixed] {
        let front_end = FrontEnd::new(spec)?;
        let features = &mut features[..front_end.features()];
        let mut framer = Framer::new(&mut frame, HOP)?;
        for sample in TestSignal::default().take(SAMPLES) {
            if let Some(frame) = framer.next_frame(&mut &[sample][..]) {
                front_end.frame(frame, &mut scratch, features)?;
                fingerprint.update(features);
            }
        }
    }
    Ok(fingerprint.value())
}
