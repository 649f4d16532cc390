//! From the bits of a PDM microphone to samples.
//!
//! A PDM microphone sends one bit a clock, whose density is the sound pressure. [`Decimator`] makes samples at 16 kHz of them: a CIC
//! filter of order 5 to 64 kHz (the first eighth of it a byte at a time, by tables) and an FIR filter with 129 taps that undoes the CIC
//! filter's droop and takes the last factor of four.
//!
//! | bit clock | passband | ripple | aliases |
//! |---|---|---|---|
//! | 1.024 MHz, 2.048 MHz | 20 Hz to 7 kHz | 0.032 dB from peak to peak | what would fold into the passband is at least 64.7 dB down |
//!
//! `edge/tests/golden/pdm/make.py` designs the filter and gives these figures. A stream of ones only is full scale, 32767. The filter
//! delays by 1.0 ms (64 taps at 64 kHz).

mod bits;
mod cic;
mod fir;

use bits::Bytes;
use cic::Cic;
use fir::Fir;

use crate::decoded::Decode;

/// The microphone's bit clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// 1.024 MHz, 64 bits a sample.
    Mhz1_024,
    /// 2.048 MHz, 128 bits a sample.
    Mhz2_048,
}

impl Clock {
    /// Bytes of bits from one sample to the next.
    const fn bytes(self) -> usize {
        match self {
            Self::Mhz1_024 => 8,
            Self::Mhz2_048 => 16,
        }
    }
}

/// Makes samples at 16 kHz of bits, in chunks of any length.
///
/// Bits come as bytes, the first bit the most significant, as SPI and I2S peripherals shift them in; of words that are sent most
/// significant bit first, `to_be_bytes` gives them.
///
/// ```
/// use earmark_edge::pdm::{Clock, Decimator};
///
/// let mut decimator = Decimator::new(Clock::Mhz1_024);
/// // Silence: as many ones as zeros. 8 bytes make a sample.
/// let samples: Vec<i16> = decimator.decimate(&[0b0101_0101; 8 * 100]).collect();
/// assert_eq!(samples[90..], [0; 10]);
/// ```
///
/// Behind a [`Source`](crate::source::Source) of bytes, [`Decoded`](crate::slots::Decoded) makes one of samples.
#[derive(Debug, Clone)]
pub struct Decimator {
    clock: Clock,
    bytes: Bytes,
    cic: Cic,
    fir: Fir,
}

impl Decimator {
    /// For bits at this clock.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        // Of the factor 16 or 32, 8 are in a byte.
        let factor = clock.bytes() / fir::FACTOR;
        Self { clock, bytes: Bytes::new(), cic: Cic::new(factor as u8), fir: Fir::new() }
    }

    /// The samples that these bits complete. Bits are taken as the iterator gets to them: run it to its end.
    pub fn decimate(&mut self, bits: &[u8]) -> impl Iterator<Item = i16> {
        let Self { bytes, cic, fir, .. } = self;
        bits.iter().filter_map(|&byte| fir.hear(cic.hear(bytes.hear(byte))?))
    }

    /// Forgets all bits.
    pub const fn reset(&mut self) {
        *self = Self::new(self.clock);
    }
}

impl Decode<u8> for Decimator {
    fn step(&self) -> usize {
        self.clock.bytes()
    }

    fn decode(&mut self, bits: &[u8], samples: &mut [i16]) -> usize {
        // Bits are asked for first, so that those after the last sample are taken, too.
        self.decimate(bits).zip(samples).map(|(sample, place)| *place = sample).count()
    }

    fn reset(&mut self) {
        self.reset();
    }
}
