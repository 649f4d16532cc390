//! Kernels for x86-64, chosen at run time.

mod avx2;
mod detect;
mod floats;
mod runs;
mod taps;
mod vnni;

use super::{DepthwiseFilter, DepthwiseInput, Kernels, Patches, Product, Rows, Sum};
use detect::Level;
pub(crate) use floats::Eight;

/// AVX2 kernels. One is only to be had where the processor runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The kernels, if the processor runs them.
    #[must_use]
    pub fn detect() -> Option<Self> {
        (detect::level() >= Level::Avx2).then_some(Self(()))
    }
}

/// AVX-512 kernels with the dot products of VNNI. One is only to be had where the processor runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vnni(());

impl Vnni {
    /// The kernels, if the processor runs them.
    #[must_use]
    pub fn detect() -> Option<Self> {
        (detect::level() >= Level::Vnni).then_some(Self(()))
    }
}

/// The kernels of a module, for the type that proves that the processor runs them.
macro_rules! kernels {
    ($proof:ident, $module:ident) => {
        impl Kernels for $proof {
            fn product(self, product: &Product<'_>, rows: Rows<'_>) {
                // SAFETY: there is a value of this type, so the processor has the instructions.
                unsafe { $module::product(product, rows) }
            }

            fn convolution(
                self,
                product: &Product<'_>,
                patches: &Patches<'_>,
                output: &mut [i8],
                output_step: usize,
            ) -> bool {
                // SAFETY: there is a value of this type, so the processor has the instructions.
                unsafe { $module::convolution(product, patches, output, output_step) }
            }

            fn depthwise(self, filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
                // SAFETY: there is a value of this type, so the processor has the instructions.
                unsafe { $module::depthwise(filter, input, output) }
            }

            fn sum(self, sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
                // SAFETY: there is a value of this type, so the processor has the instructions.
                unsafe { $module::sum(sum, a, b, output) }
            }
        }
    };
}

kernels!(Avx2, avx2);
kernels!(Vnni, vnni);
