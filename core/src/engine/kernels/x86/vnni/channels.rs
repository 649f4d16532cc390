//! From accumulators to outputs.

use super::{CHANNELS, padded};
use crate::engine::kernels::Requantisation;
use crate::engine::layout::SHIFT_MASK;
use core::arch::x86_64::*;

/// Rows of accumulators that become outputs at a time.
pub(super) const ROWS: usize = 4;

/// How the accumulators of sixteen channels become outputs. Products take 64 bits: those of the even channels and those of the odd ones
/// are worked on apart.
pub(super) struct Channels {
    /// Where the accumulators start.
    pub(super) biases: __m512i,
    multipliers: [__m512i; 2],
    shifts: [__m512i; 2],
    /// The bit of a product that tells whether its quotient is odd.
    lowest: [__m512i; 2],
    /// Half of the divisor, less one, and the output's zero point times the divisor: with one more for an odd quotient, ties go to even.
    addends: [__m512i; 2],
    /// Of each channel how far the upper half of a product is shifted, where every shift is more than the lower half.
    upper_shifts: Option<__m512i>,
    low: __m512i,
    high: __m512i,
}

impl Channels {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn new(requantisation: &Requantisation<'_>, first: usize) -> Self {
        let Requantisation { biases, scales, zero_point, clamp } = *requantisation;
        // The tables are padded to whole blocks; of the last pair of blocks only one may be there.
        let (biases, scales) = (&biases[first..], &scales[first..]);
        let biases: [i32; CHANNELS] = biases.first_chunk().copied().unwrap_or_else(|| padded(biases, 0));
        let scales: [u32; CHANNELS] = scales.first_chunk().copied().unwrap_or_else(|| padded(scales, SHIFT_MASK));
        let scales = bytemuck::cast(scales);
        let shift_bits = _mm512_set1_epi32(SHIFT_MASK as i32);
        let multipliers = _mm512_andnot_si512(shift_bits, scales);
        let all_shifts = _mm512_and_si512(shift_bits, scales);
        let upper_half = _mm512_set1_epi32(32);
        let are_upper = _mm512_cmpge_epi32_mask(all_shifts, upper_half) == u16::MAX;
        let even_lanes = _mm512_set1_epi64(i64::from(u32::MAX));
        let shifts = [_mm512_and_si512(all_shifts, even_lanes), _mm512_srli_epi64::<32>(all_shifts)];
        let one = _mm512_set1_epi64(1);
        let lowest = [_mm512_sllv_epi64(one, shifts[0]), _mm512_sllv_epi64(one, shifts[1])];
        let zero_points = _mm512_set1_epi64(i64::from(zero_point));
        let addend = |odd: usize| {
            let below_half = _mm512_sub_epi64(_mm512_srli_epi64::<1>(lowest[odd]), one);
            _mm512_add_epi64(below_half, _mm512_sllv_epi64(zero_points, shifts[odd]))
        };
        Self {
            biases: bytemuck::cast(biases),
            multipliers: [multipliers, _mm512_srli_epi64::<32>(multipliers)],
            shifts,
            lowest,
            addends: [addend(0), addend(1)],
            upper_shifts: are_upper.then_some(_mm512_sub_epi32(all_shifts, upper_half)),
            low: _mm512_set1_epi8(clamp[0]),
            high: _mm512_set1_epi8(clamp[1]),
        }
    }

    /// [`requantise`](crate::engine::arithmetic::requantise) and [`finish`](crate::engine::arithmetic::finish).
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn finish(&self, accumulators: [__m512i; ROWS]) -> [__m128i; ROWS] {
        let [a, b, c, d] = match self.upper_shifts {
            Some(shifts) => {
                let mut values = accumulators;
                for value in &mut values {
                    *value = self.by_upper_half(*value, shifts);
                }
                values
            }
            None => self.by_whole(accumulators),
        };
        let values = _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        let values = _mm512_min_epi8(_mm512_max_epi8(values, self.low), self.high);
        // Four channels of each row in turn.
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        bytemuck::cast(_mm512_permutexvar_epi32(order, values))
    }

    /// Products of the even or the odd channels, with all that rounding and the zero point add.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn raised(&self, odd: usize, values: __m512i) -> __m512i {
        let product = _mm512_mul_epi32(values, self.multipliers[odd]);
        let is_odd = _mm512_test_epi64_mask(product, self.lowest[odd]);
        let raised = _mm512_add_epi64(product, self.addends[odd]);
        _mm512_mask_add_epi64(raised, is_odd, raised, _mm512_set1_epi64(1))
    }

    /// Outputs that the upper halves of products tell. They are far within 32 bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn by_upper_half(&self, accumulators: __m512i, shifts: __m512i) -> __m512i {
        let even = self.raised(0, accumulators);
        let odd = self.raised(1, _mm512_srli_epi64::<32>(accumulators));
        _mm512_srav_epi32(_mm512_mask_shuffle_epi32::<0b11_11_01_01>(odd, 0x5555, even), shifts)
    }

    /// Outputs that whole products tell. They may need more than 32 bits.
    #[cold]
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn by_whole(&self, mut accumulators: [__m512i; ROWS]) -> [__m512i; ROWS] {
        for values in &mut accumulators {
            let even = _mm512_srav_epi64(self.raised(0, *values), self.shifts[0]);
            let odd = _mm512_srav_epi64(self.raised(1, _mm512_srli_epi64::<32>(*values)), self.shifts[1]);
            let (even, odd) = (_mm512_cvtsepi64_epi32(even), _mm512_cvtsepi64_epi32(odd));
            let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(even), odd);
            let order = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
            *values = _mm512_permutexvar_epi32(order, both);
        }
        accumulators
    }
}
