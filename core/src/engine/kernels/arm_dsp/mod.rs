//! Kernels with the DSP instructions of Cortex-M4, M7 and, where the chip's maker chose them, M33 and up.
//!
//! `SMLAD` multiplies two pairs of 16-bit numbers and adds both products to a sum; `SXTB16` and `UXTB16` make a pair of two bytes of a
//! word. Rust's intrinsics for them are not stable, so the loops that count are assembly.

/// A naked function's assembly. Where the instructions are an extension, the assembler must be told that they are there, by the name of some
/// processor that has them: what the function is compiled for does not count.
#[cfg(not(earmark_dsp_extension))]
macro_rules! dsp_asm {
    ($($assembly:tt)*) => { core::arch::naked_asm!($($assembly)*) };
}
#[cfg(earmark_dsp_extension)]
macro_rules! dsp_asm {
    ($($assembly:tt)*) => { core::arch::naked_asm!(".cpu cortex-m33", $($assembly)*) };
}

mod depthwise;
mod extremes;
mod instructions;
mod outputs;
mod patch;
mod product;
mod runs;
mod sum;
mod taps;
mod tiles;

use super::{DepthwiseFilter, DepthwiseInput, Extremes, Kernels, Product, Rows, Runs, Sum};

/// Kernels with Arm's DSP instructions. One is only to be had where the code is built for a processor that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmDsp(());

impl ArmDsp {
    /// The kernels.
    #[must_use]
    #[allow(clippy::new_without_default)] // An empty value says nothing; this proves that the target has the instructions.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Kernels for ArmDsp {
    fn product(self, product: &Product<'_>, rows: Rows<'_>) {
        product::product(product, rows);
    }

    fn runs(self, product: &Product<'_>, runs: &Runs<'_>, output: &mut [i8], scratch: &mut [i8]) {
        runs::product(product, runs, output, scratch);
    }

    fn depthwise(self, filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
        depthwise::depthwise(filter, input, output);
    }

    fn sum(self, sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
        sum::sum(sum, a, b, output);
    }

    fn extremes(self, samples: &[i16]) -> Extremes {
        extremes::of(samples)
    }
}

/// Brings outputs into the range of the activation, where that is narrower than a byte's.
fn clamp([low, high]: [i8; 2], outputs: &mut [i8]) {
    if [low, high] != [i8::MIN, i8::MAX] {
        outputs.iter_mut().for_each(|output| *output = (*output).max(low).min(high));
    }
}
