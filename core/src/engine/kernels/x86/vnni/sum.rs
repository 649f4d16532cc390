//! Sums of two tensors, in 64 bits.

use super::padded;
use crate::engine::kernels::Sum;
use core::arch::x86_64::*;

/// Values worked on at a time.
const LANES: usize = 8;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let terms = Terms::new(sum);
    let length = output.len().min(a.len()).min(b.len());
    let (chunks, rest) = output[..length].as_chunks_mut::<LANES>();
    let (a_chunks, a_rest) = a[..length].as_chunks::<LANES>();
    let (b_chunks, b_rest) = b[..length].as_chunks::<LANES>();
    for ((output, &a), &b) in chunks.iter_mut().zip(a_chunks).zip(b_chunks) {
        *output = terms.add(a, b);
    }
    let values = terms.add(padded(a_rest, 0), padded(b_rest, 0));
    rest.iter_mut().zip(values).for_each(|(place, value)| *place = value);
}

/// The numbers of a [`Sum`] in all lanes.
struct Terms {
    zero_points: [__m512i; 2],
    multipliers: [__m512i; 2],
    shift: __m512i,
    /// Half of the divisor, less one, and what an odd quotient adds: together they round ties to even.
    below_half: __m512i,
    odd: __m512i,
    zero_point: __m512i,
    low: __m512i,
    high: __m512i,
}

impl Terms {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn new(sum: &Sum) -> Self {
        let all = |value: i64| _mm512_set1_epi64(value);
        let zero = i64::from(sum.zero_point);
        let rounds = i64::from(sum.shift > 0);
        Self {
            zero_points: sum.zero_points.map(|value| all(i64::from(value))),
            multipliers: sum.multipliers.map(|value| all(i64::from(value))),
            shift: all(i64::from(sum.shift)),
            below_half: all(((1 << sum.shift) >> 1) - rounds),
            odd: all(rounds),
            zero_point: all(zero),
            low: all(i64::from(sum.clamp[0]) - zero),
            high: all(i64::from(sum.clamp[1]) - zero),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn add(&self, a: [i8; LANES], b: [i8; LANES]) -> [i8; LANES] {
        let exact = _mm512_add_epi64(self.term(0, a), self.term(1, b));
        let odd = _mm512_and_si512(_mm512_srav_epi64(exact, self.shift), self.odd);
        let rounded = _mm512_srav_epi64(_mm512_add_epi64(exact, _mm512_add_epi64(self.below_half, odd)), self.shift);
        let values = _mm512_min_epi64(_mm512_max_epi64(rounded, self.low), self.high);
        bytemuck::cast(_mm_cvtsi128_si64(_mm512_cvtepi64_epi8(_mm512_add_epi64(values, self.zero_point))))
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn term(&self, index: usize, values: [i8; LANES]) -> __m512i {
        let values = _mm512_cvtepi8_epi64(_mm_cvtsi64_si128(bytemuck::cast(values)));
        _mm512_mul_epi32(_mm512_sub_epi64(values, self.zero_points[index]), self.multipliers[index])
    }
}
