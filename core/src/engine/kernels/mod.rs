//! The inner loops, one file an instruction set, behind one trait.
//!
//! Every kernel gives the same bits as [`generic`]: sums wrap in 32 bits, and rounding is that of
//! [`arithmetic`](super::arithmetic). One test-suite, `tests/kernels`, runs all of them against `generic`; `edge/tests/kernels.rs` runs it on an
//! emulated Cortex-M4.

#[cfg(earmark_arm_dsp)]
#[allow(unsafe_code)]
pub mod arm_dsp;
pub mod generic;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
pub mod x86;

mod depthwise;
mod extremes;
mod patches;
mod runs;
mod set;

pub use depthwise::{DepthwiseFilter, DepthwiseInput};
pub use extremes::Extremes;
pub use patches::Patches;
pub use runs::Runs;
pub(in crate::engine) use runs::short;
pub use set::KernelSet;

/// A matrix product: each row of inputs gives one value an output channel.
#[derive(Debug, Clone, Copy)]
pub struct Product<'m> {
    /// Inputs in a row: a multiple of [`TILE_DEPTH`](super::layout::TILE_DEPTH).
    pub depth: usize,
    /// Tiles of weights, as [`layout`](super::layout) says. They begin at a multiple of 4 in memory, as all tables of a model do.
    pub weights: &'m [i8],
    /// How accumulators become outputs.
    pub requantisation: Requantisation<'m>,
    /// Output channels; the tables hold them padded to whole blocks.
    pub channels: usize,
}

impl Product<'_> {
    /// Whether its tables are whole, and there is something to compute.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let padded = self.channels.next_multiple_of(super::layout::BLOCK);
        self.depth > 0
            && self.channels > 0
            && self.depth.is_multiple_of(super::layout::TILE_DEPTH)
            && self.weights.as_ptr().cast::<u32>().is_aligned()
            && self.weights.len() >= padded.saturating_mul(self.depth)
            && self.requantisation.biases.len() >= padded
            && self.requantisation.scales.len() >= padded
    }
}

/// How accumulators become outputs.
#[derive(Debug, Clone, Copy)]
pub struct Requantisation<'m> {
    /// Where each channel's accumulator starts, padded to whole blocks of [`BLOCK`](super::layout::BLOCK).
    pub biases: &'m [i32],
    /// Each channel's packed scale, padded likewise.
    pub scales: &'m [u32],
    /// The output's zero point.
    pub zero_point: i8,
    /// Least and greatest output.
    pub clamp: [i8; 2],
}

/// Where a product reads and writes.
#[derive(Debug)]
pub struct Rows<'a> {
    /// The inputs.
    pub input: &'a [i8],
    /// Values from the start of one row of inputs to that of the next.
    pub input_step: usize,
    /// The outputs.
    pub output: &'a mut [i8],
    /// Values from the start of one row of outputs to that of the next.
    pub output_step: usize,
    /// Number of rows.
    pub count: usize,
}

impl Rows<'_> {
    /// Whether all rows lie inside the slices and the product's tables are whole: what kernels with raw loads rely on.
    #[must_use]
    pub fn fit(&self, product: &Product<'_>) -> bool {
        self.fit_span(product, product.depth)
    }

    /// The same for rows whose inputs, wherever they are, reach so far from the first.
    #[inline(always)]
    fn fit_span(&self, product: &Product<'_>, span: usize) -> bool {
        let last = self.count.saturating_sub(1);
        let end = |step: usize, length: usize| last.saturating_mul(step).saturating_add(length);
        self.count > 0
            && end(self.input_step, span) <= self.input.len()
            && end(self.output_step, product.channels) <= self.output.len()
            && product.is_whole()
    }
}

#[cfg(target_arch = "x86_64")]
impl Rows<'_> {
    /// Takes off the first rows, at most as many as there are.
    #[inline(always)]
    fn take_off(&mut self, count: usize) {
        self.count -= count;
        if self.count > 0 {
            self.input = &self.input[count * self.input_step..];
            self.output = &mut core::mem::take(&mut self.output)[count * self.output_step..];
        }
    }
}

/// `(a − zero points[0])·multipliers[0] + (b − zero points[1])·multipliers[1]`, scaled by 2^−shift.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// Zero points of the two terms.
    pub zero_points: [i8; 2],
    /// Fixed-point factors of the two terms.
    pub multipliers: [i32; 2],
    /// Binary places of the factors; 0..=62.
    pub shift: u32,
    /// The output's zero point.
    pub zero_point: i8,
    /// Least and greatest output.
    pub clamp: [i8; 2],
}

/// The inner loops of an instruction set. A value that implements it proves that the processor has the instructions.
pub trait Kernels: Copy {
    /// Computes all rows of a product. Writes nothing if they do not [`fit`](Rows::fit).
    fn product(self, product: &Product<'_>, rows: Rows<'_>);

    /// Computes a product whose inputs are gathered, output after output. Takes [`PATCHES`](super::layout::PATCHES) times the product's depth of
    /// scratch memory. Writes nothing to the outputs if they do not [`fit`](Runs::fit) or the scratch memory is too small.
    fn runs(self, product: &Product<'_>, runs: &Runs<'_>, output: &mut [i8], scratch: &mut [i8]) {
        runs::by_patches(self, product, runs, output, scratch);
    }

    /// Computes a convolution of all channels straight from its inputs, where that is faster than gathering patches for
    /// [`product`](Self::product); else it gives `false` and writes nothing. The outputs of the next position begin `output_step` values
    /// behind those of a position.
    #[inline(always)]
    fn convolution(
        self,
        _product: &Product<'_>,
        _patches: &Patches<'_>,
        _output: &mut [i8],
        _output_step: usize,
    ) -> bool {
        false
    }

    /// Computes all positions of a depthwise convolution. Writes nothing if the input does not [`fit`](DepthwiseInput::fit) the filter.
    fn depthwise(self, filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]);

    /// Adds two slices into as many outputs as the shortest of the three has values.
    fn sum(self, sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]);

    /// Finds the extremes of samples.
    fn extremes(self, samples: &[i16]) -> Extremes {
        Extremes::of(samples)
    }
}
