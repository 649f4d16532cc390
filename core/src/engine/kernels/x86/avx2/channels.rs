//! From accumulators to outputs.

use super::lanes::{Shift, multiply, narrow};
use crate::engine::kernels::Requantisation;
use crate::engine::layout::{BLOCK, SHIFT_MASK};
use core::arch::x86_64::*;

/// How the accumulators of eight channels become outputs. Products take 64 bits: those of the even channels and those of the odd ones
/// are worked on apart.
pub(super) struct Channels {
    /// Where the accumulators start.
    pub(super) biases: __m256i,
    multipliers: [__m256i; 2],
    shift: [Shift; 2],
    zero_point: __m256i,
    low: __m256i,
    high: __m256i,
}

impl Channels {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(requantisation: &Requantisation<'_>, first: usize) -> Self {
        let Requantisation { biases, scales, zero_point, clamp } = *requantisation;
        // Both tables are padded to whole blocks.
        let biases: [i32; BLOCK] = biases[first..].first_chunk().copied().unwrap_or_default();
        let scales: [u32; BLOCK] = scales[first..].first_chunk().copied().unwrap_or_default();
        let scales: __m256i = bytemuck::cast(scales);
        let multipliers = _mm256_andnot_si256(_mm256_set1_epi32(SHIFT_MASK as i32), scales);
        let shift_bits = _mm256_set1_epi64x(i64::from(SHIFT_MASK));
        let [even, odd] = [scales, _mm256_srli_epi64::<32>(scales)].map(|shift| _mm256_and_si256(shift, shift_bits));
        let zero = i32::from(zero_point);
        Self {
            biases: bytemuck::cast(biases),
            multipliers: [multipliers, _mm256_srli_epi64::<32>(multipliers)],
            shift: [Shift::new(even), Shift::new(odd)],
            zero_point: _mm256_set1_epi32(zero),
            low: _mm256_set1_epi32(i32::from(clamp[0]) - zero),
            high: _mm256_set1_epi32(i32::from(clamp[1]) - zero),
        }
    }

    /// [`requantise`](crate::engine::arithmetic::requantise) and [`finish`](crate::engine::arithmetic::finish).
    #[target_feature(enable = "avx2")]
    pub(super) fn finish(&self, accumulators: __m256i) -> [i8; BLOCK] {
        let odd = _mm256_srli_epi64::<32>(accumulators);
        let even = self.shift[0].apply(multiply(accumulators, self.multipliers[0]));
        let odd = self.shift[1].apply(multiply(odd, self.multipliers[1]));
        let values = _mm256_blend_epi32::<0b1010_1010>(even, _mm256_slli_epi64::<32>(odd));
        let values = _mm256_min_epi32(_mm256_max_epi32(values, self.low), self.high);
        narrow(_mm256_add_epi32(values, self.zero_point))
    }
}
