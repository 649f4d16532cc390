//! Eight single-precision numbers in a register, for the front end's transform.
//!
//! There are numbers only where there was an [`Avx2`], so that every function that takes them knows that the processor has AVX2. What is
//! built of these functions belongs into [`Avx2::run`], whose instructions it then takes; elsewhere each would be a call.

use core::arch::x86_64::*;
use core::ops::{Add, Mul, Neg, Sub};

use super::Avx2;

impl Avx2 {
    /// Does some work in AVX2's instructions: what is inlined into it is compiled for them.
    #[inline(always)]
    pub(crate) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2")]
        fn run<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: there is a value of this type, so the processor has the instructions.
        unsafe { run(work) }
    }
}

/// Eight numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eight(__m256);

impl Eight {
    /// The first and the second numbers of pairs, in an order that [`together`](Self::together) undoes.
    #[inline(always)]
    pub(crate) fn apart(_: Avx2, pairs: [[[f32; 2]; 4]; 2]) -> [Self; 2] {
        let [four, others]: [__m256; 2] = bytemuck::cast(pairs);
        // SAFETY: the processor has AVX2.
        unsafe {
            [
                Self(_mm256_shuffle_ps::<0b10_00_10_00>(four, others)),
                Self(_mm256_shuffle_ps::<0b11_01_11_01>(four, others)),
            ]
        }
    }

    /// Pairs of two numbers.
    #[inline(always)]
    pub(crate) fn together([first, second]: [Self; 2]) -> [[[f32; 2]; 4]; 2] {
        // SAFETY: there are numbers, so the processor has AVX2.
        bytemuck::cast(unsafe { [_mm256_unpacklo_ps(first.0, second.0), _mm256_unpackhi_ps(first.0, second.0)] })
    }

    /// Pairs of samples times pairs of coefficients, the first and the second ones [`apart`](Self::apart).
    #[inline(always)]
    pub(crate) fn windowed(proof: Avx2, samples: [[i16; 2]; 8], coefficients: [[[f32; 2]; 4]; 2]) -> [Self; 2] {
        let (samples, coefficients): ([__m128i; 2], [__m256; 2]) =
            (bytemuck::cast(samples), bytemuck::cast(coefficients));
        // SAFETY: the processor has AVX2.
        let products = unsafe {
            let four = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(samples[0]));
            let others = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(samples[1]));
            [_mm256_mul_ps(four, coefficients[0]), _mm256_mul_ps(others, coefficients[1])]
        };
        Self::apart(proof, bytemuck::cast(products))
    }

    /// The last first.
    #[inline(always)]
    pub(crate) fn reversed(self) -> Self {
        // SAFETY: there are numbers, so the processor has AVX2.
        unsafe { Self(_mm256_permutevar8x32_ps(self.0, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0))) }
    }
}

/// An operator, number by number.
macro_rules! operator {
    ($operator:ident, $function:ident, $intrinsic:ident) => {
        impl $operator for Eight {
            type Output = Self;
            #[inline(always)]
            fn $function(self, other: Self) -> Self {
                // SAFETY: there are numbers, so the processor has AVX2.
                unsafe { Self($intrinsic(self.0, other.0)) }
            }
        }
    };
}

operator!(Add, add, _mm256_add_ps);
operator!(Sub, sub, _mm256_sub_ps);
operator!(Mul, mul, _mm256_mul_ps);

impl Neg for Eight {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: there are numbers, so the processor has AVX2.
        unsafe { Self(_mm256_xor_ps(self.0, _mm256_set1_ps(-0.0))) }
    }
}
