//! Matrix products.

use super::channels::Channels;
use super::{CHANNELS, store};
use crate::engine::kernels::{Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH};
use core::arch::x86_64::*;

/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;
/// Rows worked on at a time, so that each load of weights serves all of them.
const ROWS: usize = 8;

/// The weights become unsigned, so that the inputs are taken as they lie in memory.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn product(product: &Product<'_>, mut rows: Rows<'_>) {
    if !rows.fit(product) {
        return;
    }
    while rows.count >= ROWS {
        row_block::<ROWS>(product, &mut rows);
    }
    if rows.count >= ROWS / 2 {
        row_block::<{ ROWS / 2 }>(product, &mut rows);
    }
    while rows.count > 0 {
        row_block::<1>(product, &mut rows);
    }
}

/// Computes the first `R` rows and takes them off.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn row_block<const R: usize>(product: &Product<'_>, rows: &mut Rows<'_>) {
    let tiles = product.depth / TILE_DEPTH;
    let (input_step, output_step) = (rows.input_step, rows.output_step);
    let mut inputs = [rows.input.as_ptr(); R];
    let mut corrections = [_mm512_setzero_si512(); R];
    for row in 0..R {
        let input = &rows.input[row * input_step..][..product.depth];
        inputs[row] = input.as_ptr();
        corrections[row] = _mm512_set1_epi32(total(input).wrapping_mul(-128));
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
        let mut accumulators = corrections;
        for accumulator in &mut accumulators {
            *accumulator = _mm512_add_epi32(*accumulator, channels.biases);
        }
        for tile in 0..tiles {
            let low = _mm512_castsi256_si512(bytemuck::cast(low[tile]));
            let packed = _mm512_inserti64x4::<1>(low, bytemuck::cast(high[tile]));
            // Four of each channel in a row; those of even channels have come with 128 added.
            let weights = _mm512_xor_si512(_mm512_shuffle_epi8(packed, order), add_to_odd);
            for row in 0..R {
                // SAFETY: each of the inputs has a row's depth, which is that many tiles.
                let input = unsafe { inputs[row].cast::<[i8; TILE_DEPTH]>().add(tile).read() };
                let input = _mm512_set1_epi32(bytemuck::cast(input));
                accumulators[row] = _mm512_dpbusd_epi32(accumulators[row], weights, input);
            }
        }
        let count = CHANNELS.min(product.channels - first);
        for (row, &accumulator) in accumulators.iter().enumerate() {
            let output = &mut rows.output[row * output_step + first..][..count];
            store(channels.finish(accumulator), output);
        }
    }
    rows.count -= R;
    if rows.count > 0 {
        rows.input = &rows.input[R * input_step..];
        rows.output = &mut core::mem::take(&mut rows.output)[R * output_step..];
    }
}

/// The sum of all values.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn total(values: &[i8]) -> i32 {
    let ones = _mm512_set1_epi8(1);
    let (chunks, rest) = values.as_chunks::<64>();
    let mut sums = _mm512_setzero_si512();
    for chunk in chunks {
        sums = _mm512_dpbusd_epi32(sums, ones, bytemuck::cast(*chunk));
    }
    let within = (1 << rest.len()) - 1;
    // SAFETY: the mask lets through the bytes of `rest` alone.
    let rest = unsafe { _mm512_maskz_loadu_epi8(within, rest.as_ptr()) };
    sums = _mm512_dpbusd_epi32(sums, ones, rest);
    _mm512_reduce_add_epi32(sums)
}
