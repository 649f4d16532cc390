//! Sums of two tensors, in 64 bits.

use super::lanes::{Shift, multiply, narrow};
use super::{padded, store};
use crate::engine::kernels::Sum;
use crate::engine::layout::BLOCK;
use core::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub(in super::super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let terms = Terms::new(sum);
    let length = output.len().min(a.len()).min(b.len());
    let (chunks, rest) = output[..length].as_chunks_mut::<BLOCK>();
    let (a_chunks, a_rest) = a[..length].as_chunks::<BLOCK>();
    let (b_chunks, b_rest) = b[..length].as_chunks::<BLOCK>();
    for ((output, &a), &b) in chunks.iter_mut().zip(a_chunks).zip(b_chunks) {
        *output = terms.add(a, b);
    }
    store(terms.add(padded(a_rest), padded(b_rest)), rest);
}

/// The numbers of a [`Sum`] in all lanes.
struct Terms {
    zero_points: [__m256i; 2],
    multipliers: [__m256i; 2],
    shift: Shift,
    zero_point: __m256i,
    low: __m256i,
    high: __m256i,
}

impl Terms {
    #[target_feature(enable = "avx2")]
    fn new(sum: &Sum) -> Self {
        let all = |value: i64| _mm256_set1_epi64x(value);
        let zero = i64::from(sum.zero_point);
        Self {
            zero_points: sum.zero_points.map(|value| all(i64::from(value))),
            multipliers: sum.multipliers.map(|value| all(i64::from(value))),
            shift: Shift::new(all(i64::from(sum.shift))),
            zero_point: all(zero),
            low: all(i64::from(sum.clamp[0]) - zero),
            high: all(i64::from(sum.clamp[1]) - zero),
        }
    }

    #[target_feature(enable = "avx2")]
    fn add(&self, a: [i8; BLOCK], b: [i8; BLOCK]) -> [i8; BLOCK] {
        let [a, b]: [[i32; 2]; 2] = [bytemuck::cast(a), bytemuck::cast(b)];
        let halves = [self.four(a[0], b[0]), self.four(a[1], b[1])];
        // The low words of eight 64-bit values.
        let words = _mm256_shuffle_epi32::<0b11_01_10_00>(halves[0]);
        let others = _mm256_shuffle_epi32::<0b11_01_10_00>(halves[1]);
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_unpacklo_epi64(words, others));
        narrow(words)
    }

    #[target_feature(enable = "avx2")]
    fn four(&self, a: i32, b: i32) -> __m256i {
        let rounded = self.shift.apply(_mm256_add_epi64(self.term(0, a), self.term(1, b)));
        let raised = _mm256_blendv_epi8(rounded, self.low, _mm256_cmpgt_epi64(self.low, rounded));
        let clamped = _mm256_blendv_epi8(raised, self.high, _mm256_cmpgt_epi64(raised, self.high));
        _mm256_add_epi64(clamped, self.zero_point)
    }

    #[target_feature(enable = "avx2")]
    fn term(&self, index: usize, values: i32) -> __m256i {
        let values = _mm256_cvtepi8_epi64(_mm_cvtsi32_si128(values));
        multiply(_mm256_sub_epi64(values, self.zero_points[index]), self.multipliers[index])
    }
}
