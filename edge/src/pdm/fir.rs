//! From 64 kHz to samples: the last factor of four, and the CIC filter's droop undone.

use super::cic::SCALE_BITS;

/// Values from one sample to the next.
pub(super) const FACTOR: usize = 4;

/// The first half and the middle of the symmetric impulse response, times 2¹⁵, as `edge/tests/golden/pdm/make.py` designs it.
#[rustfmt::skip]
static TAPS: [i16; MIDDLE + 1] = [
    -1, -2, -2, 0, 4, 6, 6, 1, -6, -13, -13, -4, 10, 22, 24, 10, -15, -36, -40, -18, 20, 55, 63, 32, -27, -80,
    -94, -51, 34, 113, 136, 78, -41, -155, -193, -115, 48, 210, 268, 168, -54, -281, -370, -242, 59, 376, 513,
    352, -61, -512, -728, -525, 55, 728, 1_094, 844, -26, -1_149, -1_896, -1_655, -136, 2_431, 5_328, 7_605,
    8_467,
];
/// The tap in the middle.
const MIDDLE: usize = 64;
const LENGTH: usize = 2 * MIDDLE + 1;
const TAP_BITS: u32 = 15;
/// Values in the buffer. It moves its last ones to the front only once it is full.
const ROOM: usize = LENGTH - FACTOR + 16 * FACTOR;

/// Values of ±2²⁰ in; the sum of the taps' sizes is about 2 · 2¹⁵, so that sums stay far within 64 bits.
#[derive(Debug, Clone)]
pub(super) struct Fir {
    /// The values of the past, then those that wait for a sample to be due.
    values: [i32; ROOM],
    filled: usize,
    /// Values until a sample is due.
    left: usize,
}

impl Fir {
    pub(super) const fn new() -> Self {
        // As if there had been silence before.
        Self { values: [0; ROOM], filled: LENGTH - FACTOR, left: FACTOR }
    }

    /// Takes a value; gives a sample every [`FACTOR`] of them.
    pub(super) fn hear(&mut self, value: i32) -> Option<i16> {
        if self.filled == ROOM {
            self.values.copy_within(ROOM - (LENGTH - FACTOR).., 0);
            self.filled = LENGTH - FACTOR;
        }
        self.values[self.filled] = value;
        self.filled += 1;
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        self.left = FACTOR;
        Some(self.sample())
    }

    /// The sample that the last values make: rounded to nearest, saturating.
    fn sample(&self) -> i16 {
        let (past, recent) = self.values[self.filled - LENGTH..self.filled].split_at(MIDDLE);
        // Pairs that lie symmetrically around the middle share a tap.
        let pairs = past.iter().zip(recent.iter().rev()).zip(&TAPS);
        let sum = pairs.map(|((&a, &b), &tap)| i64::from(a + b) * i64::from(tap)).sum::<i64>()
            + i64::from(recent[0]) * i64::from(TAPS[MIDDLE]);
        const SHIFT: u32 = SCALE_BITS + TAP_BITS - 15;
        let sample = (sum + (1 << (SHIFT - 1))) >> SHIFT;
        sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taps_are_those_of_the_design() {
        let design = include_str!("../../tests/golden/pdm/taps.csv").lines().map(|tap| tap.parse::<i16>().unwrap());
        assert!(TAPS.iter().copied().eq(design));
    }
}
