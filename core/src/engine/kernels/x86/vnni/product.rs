//! Matrix products.

use super::channels::{self, Channels};
use super::{CHANNELS, store};
use crate::engine::kernels::x86::runs::{self, Runs};
use crate::engine::kernels::{Patches, Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH};
use core::arch::x86_64::*;

/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;
/// Most rows worked on at a time, so that each load of weights serves all of them.
const ROWS: usize = 8;
/// Inputs that a register holds.
const WIDE: usize = 64;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn product(product: &Product<'_>, rows: Rows<'_>) {
    all_rows(product, Runs::of(product), rows);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn convolution(
    product: &Product<'_>,
    patches: &Patches<'_>,
    output: &mut [i8],
    output_step: usize,
) -> bool {
    runs::in_strips(product, patches, output, output_step, |product, runs, rows| all_rows(product, runs, rows))
}

/// The weights become unsigned, so that the inputs are taken as they lie in memory.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn all_rows(product: &Product<'_>, runs: Runs, mut rows: Rows<'_>) {
    if !runs.fit(product, &rows) {
        return;
    }
    while rows.count > 0 {
        // In blocks of much the same size.
        match rows.count.div_ceil(rows.count.div_ceil(ROWS)) {
            1 => row_block::<1>(product, runs, &mut rows),
            2 => row_block::<2>(product, runs, &mut rows),
            3 => row_block::<3>(product, runs, &mut rows),
            4 => row_block::<4>(product, runs, &mut rows),
            5 => row_block::<5>(product, runs, &mut rows),
            6 => row_block::<6>(product, runs, &mut rows),
            7 => row_block::<7>(product, runs, &mut rows),
            _ => row_block::<ROWS>(product, runs, &mut rows),
        }
    }
}

/// Computes the first `R` rows and takes them off.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn row_block<const R: usize>(product: &Product<'_>, runs: Runs, rows: &mut Rows<'_>) {
    let tiles = product.depth / TILE_DEPTH;
    let output_step = rows.output_step;
    // SAFETY: as many rows as these lie inside the inputs with all their runs.
    let block = unsafe { Block::<R>::new(rows) };
    // SAFETY: they are the block's runs.
    let mut corrections = unsafe { block.totals(runs) };
    for correction in &mut corrections {
        // Minus 128 times the sum.
        *correction = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32::<7>(*correction));
    }
    let weights = product.weights.as_chunks::<TILE>().0;
    let order = _mm_setr_epi8(0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15);
    let order = _mm512_broadcast_i32x4(order);
    let add_to_odd = _mm512_set1_epi64((0x8080_8080_u64 << 32).cast_signed());
    for first in (0..product.channels).step_by(CHANNELS) {
        let low = &weights[first / BLOCK * tiles..][..tiles];
        // The last pair of blocks may be a single one: it then stands for both, and its second half is not stored.
        let second = if first + BLOCK < product.channels { first / BLOCK + 1 } else { first / BLOCK };
        let high = &weights[second * tiles..][..tiles];
        let channels = Channels::new(&product.requantisation, first);
        let mut accumulators = [_mm512_setzero_si512(); ROWS];
        for row in 0..R {
            accumulators[row] = _mm512_add_epi32(corrections[row], channels.biases);
        }
        for ((low, high), at) in low.iter().zip(high).zip(runs.offsets()) {
            let low = _mm512_castsi256_si512(bytemuck::cast(*low));
            let packed = _mm512_inserti64x4::<1>(low, bytemuck::cast(*high));
            // Four of each channel in a row; those of even channels have come with 128 added.
            let weights = _mm512_xor_si512(_mm512_shuffle_epi8(packed, order), add_to_odd);
            // SAFETY: that is inside a run.
            let inputs = unsafe { block.tile(at) };
            for row in 0..R {
                accumulators[row] = _mm512_dpbusd_epi32(accumulators[row], weights, inputs[row]);
            }
        }
        let count = CHANNELS.min(product.channels - first);
        for (group, accumulators) in accumulators[..R.next_multiple_of(channels::ROWS)].as_chunks().0.iter().enumerate()
        {
            let first_row = group * channels::ROWS;
            for (row, values) in (first_row..R).zip(channels.finish(*accumulators)) {
                store(values, &mut rows.output[row * output_step + first..][..count]);
            }
        }
    }
    rows.take_off(R);
}

/// The first rows of inputs.
#[derive(Clone, Copy)]
struct Block<const R: usize> {
    start: *const i8,
    step: usize,
}

impl<const R: usize> Block<R> {
    /// # Safety
    /// There are as many rows.
    unsafe fn new(rows: &Rows<'_>) -> Self {
        Self { start: rows.input.as_ptr(), step: rows.input_step }
    }

    /// The four inputs of each row at `at`, in every lane.
    ///
    /// # Safety
    /// They are inside a run.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn tile(self, at: usize) -> [__m512i; R] {
        let mut inputs = [_mm512_setzero_si512(); R];
        for (row, input) in inputs.iter_mut().enumerate() {
            // SAFETY: as for this function. Two starts and three steps tell all addresses of eight rows, in registers.
            let four = unsafe {
                self.start
                    .add(at)
                    .add(row / 4 * 4 * self.step)
                    .add(row % 4 * self.step)
                    .cast::<[i8; TILE_DEPTH]>()
                    .read()
            };
            *input = _mm512_set1_epi32(bytemuck::cast(four));
        }
        inputs
    }

    /// The sum of all inputs of each row, in every lane.
    ///
    /// # Safety
    /// The rows have these runs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn totals(self, runs: Runs) -> [__m512i; R] {
        let ones = _mm512_set1_epi8(1);
        let mut sums = [_mm512_setzero_si512(); R];
        if runs.count > 1 || runs.span() < WIDE {
            for at in runs.offsets() {
                // SAFETY: that is inside a run.
                let inputs = unsafe { self.tile(at) };
                for row in 0..R {
                    sums[row] = _mm512_dpbusd_epi32(sums[row], ones, inputs[row]);
                }
            }
            return sums;
        }
        for (row, sum) in sums.iter_mut().enumerate() {
            for at in (0..runs.span()).step_by(WIDE) {
                let count = (runs.span() - at).min(WIDE);
                // SAFETY: the mask lets through bytes of the run alone.
                let inputs = unsafe {
                    _mm512_maskz_loadu_epi8(u64::MAX >> (WIDE - count), self.start.add(row * self.step + at))
                };
                *sum = _mm512_dpbusd_epi32(*sum, ones, inputs);
            }
            *sum = _mm512_set1_epi32(_mm512_reduce_add_epi32(*sum));
        }
        sums
    }
}
