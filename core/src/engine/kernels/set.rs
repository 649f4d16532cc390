//! Choosing kernels at run time.

#[cfg(earmark_arm_dsp)]
use super::arm_dsp::ArmDsp;
#[cfg(not(earmark_arm_dsp))]
use super::generic::Generic;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Vnni};
use super::{DepthwiseFilter, DepthwiseInput, Extremes, Kernels, Patches, Product, Rows, Runs, Sum};

/// Which kernels to use. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelSet {
    /// Portable Rust. Not there where the target is certain to have better ones: a microcontroller's flash is too small for both.
    #[cfg(not(earmark_arm_dsp))]
    Generic,
    /// Arm's DSP instructions.
    #[cfg(earmark_arm_dsp)]
    ArmDsp(ArmDsp),
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    X86Avx2(Avx2),
    /// AVX-512 with its dot product instructions (VNNI).
    #[cfg(target_arch = "x86_64")]
    X86Vnni(Vnni),
}

impl KernelSet {
    /// All kernels that this machine can run, the fastest first.
    ///
    /// ```
    /// use earmark_core::engine::kernels::KernelSet;
    /// assert_eq!(KernelSet::available().next(), Some(KernelSet::detect()));
    /// assert_eq!(KernelSet::available().last(), Some(KernelSet::Generic));
    /// ```
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let special = [Vnni::detect().map(Self::X86Vnni), Avx2::detect().map(Self::X86Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let special: [Option<Self>; 0] = [];
        special.into_iter().flatten().chain([Self::certain()])
    }

    /// The fastest kernels that this machine can run.
    #[must_use]
    pub fn detect() -> Self {
        Self::available().next().unwrap_or(Self::certain())
    }

    /// Kernels that every machine with the target's instructions can run.
    #[must_use]
    pub const fn certain() -> Self {
        #[cfg(earmark_arm_dsp)]
        return Self::ArmDsp(ArmDsp::new());
        #[cfg(not(earmark_arm_dsp))]
        return Self::Generic;
    }

    /// What people call the instructions that it uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(not(earmark_arm_dsp))]
            Self::Generic => "generic",
            #[cfg(earmark_arm_dsp)]
            Self::ArmDsp(_) => "arm-dsp",
            #[cfg(target_arch = "x86_64")]
            Self::X86Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::X86Vnni(_) => "avx512-vnni",
        }
    }
}

/// Calls the chosen kernels.
macro_rules! dispatch {
    ($set:expr, $kernel:ident($($argument:expr),*)) => {
        match $set {
            #[cfg(not(earmark_arm_dsp))]
            KernelSet::Generic => Generic.$kernel($($argument),*),
            #[cfg(earmark_arm_dsp)]
            KernelSet::ArmDsp(kernels) => kernels.$kernel($($argument),*),
            #[cfg(target_arch = "x86_64")]
            KernelSet::X86Avx2(kernels) => kernels.$kernel($($argument),*),
            #[cfg(target_arch = "x86_64")]
            KernelSet::X86Vnni(kernels) => kernels.$kernel($($argument),*),
        }
    };
}

impl Kernels for KernelSet {
    fn product(self, product: &Product<'_>, rows: Rows<'_>) {
        dispatch!(self, product(product, rows));
    }

    fn runs(self, product: &Product<'_>, runs: &Runs<'_>, output: &mut [i8], scratch: &mut [i8]) {
        dispatch!(self, runs(product, runs, output, scratch));
    }

    fn convolution(self, product: &Product<'_>, patches: &Patches<'_>, output: &mut [i8], output_step: usize) -> bool {
        dispatch!(self, convolution(product, patches, output, output_step))
    }

    fn depthwise(self, filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
        dispatch!(self, depthwise(filter, input, output));
    }

    fn sum(self, sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
        dispatch!(self, sum(sum, a, b, output));
    }

    fn extremes(self, samples: &[i16]) -> Extremes {
        dispatch!(self, extremes(samples))
    }
}
