//! The least and the greatest of samples, two at a time.

use super::instructions::{greater_halves, lesser_halves, multiply_pairs};
use crate::engine::kernels::Extremes;

pub(super) fn of(samples: &[i16]) -> Extremes {
    const ONES: u32 = 0x0001_0001;
    let pair = |sample: i16| u32::from(sample.cast_unsigned()) * ONES;
    let Extremes { low, high, mut sum } = Extremes::NONE;
    let (mut low, mut high) = (pair(low), pair(high));
    let mut hear = |&[a, b]: &[i16; 2]| {
        let word = u32::from(a.cast_unsigned()) | u32::from(b.cast_unsigned()) << 16;
        low = lesser_halves(word, low);
        high = greater_halves(word, high);
        sum = multiply_pairs(word, ONES, sum);
    };
    let (pairs, rest) = samples.as_chunks();
    let (fours, pairs) = pairs.as_chunks::<4>();
    fours.iter().for_each(|four| four.iter().for_each(&mut hear));
    pairs.iter().for_each(hear);
    let halves = |pair: u32| [pair as u16, (pair >> 16) as u16].map(u16::cast_signed);
    let ([a, b], [c, d]) = (halves(low), halves(high));
    let mut found = Extremes { low: a.min(b), high: c.max(d), sum };
    found.hear(rest);
    found
}
