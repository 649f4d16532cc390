//! What AVX2 lacks: arithmetic on 64-bit lanes.

use crate::engine::layout::BLOCK;
use core::arch::x86_64::*;

/// The 64-bit products of the low halves of 64-bit lanes: `_mm256_mul_epi32`, of which LLVM would move the sign extension of `b` out
/// of loops; inside it would then no longer see that one instruction does it all.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn multiply(a: __m256i, b: __m256i) -> __m256i {
    let products;
    // SAFETY: the instruction is of AVX2 and touches nothing but its registers.
    unsafe {
        core::arch::asm!("vpmuldq {}, {}, {}", lateout(ymm_reg) products, in(ymm_reg) a, in(ymm_reg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    products
}

/// Eight values that fit a byte each.
#[target_feature(enable = "avx2")]
pub(super) fn narrow(values: __m256i) -> [i8; BLOCK] {
    let words = _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256::<1>(values));
    bytemuck::cast(_mm_cvtsi128_si64(_mm_packs_epi16(words, words)))
}

/// Divides 64-bit values by powers of two, ties to even: half of the divisor, less one, is added, and one more where the quotient is
/// odd. AVX2 only shifts zeros in, so the values are moved up by 2^63 first, and what became of that is taken off.
pub(super) struct Shift {
    by: __m256i,
    addend: __m256i,
    odd: __m256i,
    moved: __m256i,
}

impl Shift {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(by: __m256i) -> Self {
        let top = _mm256_set1_epi64x(i64::MIN);
        let half = _mm256_srli_epi64::<1>(_mm256_sllv_epi64(_mm256_set1_epi64x(1), by));
        // A shift by nothing rounds nothing.
        let odd = _mm256_srli_epi64::<63>(_mm256_cmpgt_epi64(by, _mm256_setzero_si256()));
        let addend = _mm256_add_epi64(_mm256_sub_epi64(half, odd), top);
        Self { by, addend, odd, moved: _mm256_srlv_epi64(top, by) }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn apply(&self, values: __m256i) -> __m256i {
        let odd = _mm256_and_si256(_mm256_srlv_epi64(values, self.by), self.odd);
        let raised = _mm256_add_epi64(values, _mm256_add_epi64(self.addend, odd));
        _mm256_sub_epi64(_mm256_srlv_epi64(raised, self.by), self.moved)
    }
}
