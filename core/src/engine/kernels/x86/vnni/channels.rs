//! From accumulators to outputs.

use super::{CHANNELS, padded};
use crate::engine::kernels::Requantisation;
use crate::engine::layout::SHIFT_MASK;
use core::arch::x86_64::*;

/// How the accumulators of sixteen channels become outputs. Products take 64 bits: those of the even channels and those of the odd
/// ones are worked on apart.
pub(super) struct Channels {
    /// Where the accumulators start.
    pub(super) biases: __m512i,
    multipliers: [__m512i; 2],
    /// Half of the divisor, less one: with one more for an odd quotient, ties go to even.
    below_halves: [__m512i; 2],
    shifts: [__m512i; 2],
    zero_point: __m512i,
    low: __m512i,
    high: __m512i,
}

impl Channels {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn new(requantisation: &Requantisation<'_>, first: usize) -> Self {
        let Requantisation { biases, scales, zero_point, clamp } = *requantisation;
        // The tables are padded to whole blocks; of the last pair of blocks only one may be there.
        let (biases, scales) = (&biases[first..], &scales[first..]);
        let biases: [i32; CHANNELS] = biases.first_chunk().copied().unwrap_or_else(|| padded(biases));
        let scales: [u32; CHANNELS] = scales.first_chunk().copied().unwrap_or_else(|| padded(scales));
        let scales = bytemuck::cast(scales);
        let multipliers = _mm512_andnot_si512(_mm512_set1_epi32(SHIFT_MASK as i32), scales);
        let shift_bits = _mm512_set1_epi64(i64::from(SHIFT_MASK));
        let shifts = [scales, _mm512_srli_epi64::<32>(scales)].map(|shifts| _mm512_and_si512(shifts, shift_bits));
        let one = _mm512_set1_epi64(1);
        let below_half = |shifts| _mm512_sub_epi64(_mm512_srli_epi64::<1>(_mm512_sllv_epi64(one, shifts)), one);
        let zero = i32::from(zero_point);
        Self {
            biases: bytemuck::cast(biases),
            multipliers: [multipliers, _mm512_srli_epi64::<32>(multipliers)],
            below_halves: shifts.map(below_half),
            shifts,
            zero_point: _mm512_set1_epi32(zero),
            low: _mm512_set1_epi32(i32::from(clamp[0]) - zero),
            high: _mm512_set1_epi32(i32::from(clamp[1]) - zero),
        }
    }

    /// [`requantise`](crate::engine::arithmetic::requantise) and [`finish`](crate::engine::arithmetic::finish).
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn finish(&self, accumulators: __m512i) -> __m128i {
        let even = self.scale(0, accumulators);
        let odd = self.scale(1, _mm512_srli_epi64::<32>(accumulators));
        let values = _mm512_mask_shuffle_epi32::<0b10_10_00_00>(even, 0xAAAA, odd);
        let values = _mm512_min_epi32(_mm512_max_epi32(values, self.low), self.high);
        _mm512_cvtepi32_epi8(_mm512_add_epi32(values, self.zero_point))
    }

    /// Scales the low halves of the 64-bit lanes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn scale(&self, odd: usize, values: __m512i) -> __m512i {
        let product = _mm512_mul_epi32(values, self.multipliers[odd]);
        let uneven = _mm512_and_si512(_mm512_srlv_epi64(product, self.shifts[odd]), _mm512_set1_epi64(1));
        let raised = _mm512_add_epi64(product, _mm512_add_epi64(self.below_halves[odd], uneven));
        _mm512_srav_epi64(raised, self.shifts[odd])
    }
}
