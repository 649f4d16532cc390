//! Matrix products.

use super::channels::Channels;
use super::store;
use crate::engine::kernels::x86::runs::{self, Lines, Runs};
use crate::engine::kernels::{Patches, Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH};
use core::arch::x86_64::*;

/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;
/// Most rows worked on at a time, so that each load of weights serves all of them.
const ROWS: usize = 4;

#[target_feature(enable = "avx2")]
pub(in super::super) fn product(product: &Product<'_>, rows: Rows<'_>) {
    all_lines(product, Lines::of(product, rows));
}

#[target_feature(enable = "avx2")]
pub(in super::super) fn convolution(
    product: &Product<'_>,
    patches: &Patches<'_>,
    output: &mut [i8],
    output_step: usize,
) -> bool {
    runs::in_strips(product, patches, output, output_step, 0, |product, lines| all_lines(product, lines))
}

/// Bytes are widened to 16 bits, whose products `vpmaddwd` adds in pairs, exactly.
#[target_feature(enable = "avx2")]
fn all_lines(product: &Product<'_>, mut lines: Lines<'_>) {
    if !lines.fit(product) {
        return;
    }
    let runs = lines.runs;
    for index in 0..lines.count {
        let mut rows = lines.line(index);
        while rows.count > 0 {
            match rows.count {
                1 => row_block::<1>(product, runs, &mut rows),
                2 => row_block::<2>(product, runs, &mut rows),
                3 => row_block::<3>(product, runs, &mut rows),
                _ => row_block::<ROWS>(product, runs, &mut rows),
            }
        }
    }
}

/// The weights of four channels, four of each in a row.
#[target_feature(enable = "avx2")]
fn rows_of(packed: __m128i) -> __m128i {
    let order = _mm_setr_epi8(0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15);
    // Those of even channels come with 128 added.
    let sign = i32::from_ne_bytes([0x80; 4]);
    _mm_xor_si128(_mm_shuffle_epi8(packed, order), _mm_setr_epi32(sign, 0, sign, 0))
}

/// Computes the first `R` rows and takes them off.
#[target_feature(enable = "avx2")]
fn row_block<const R: usize>(product: &Product<'_>, runs: Runs, rows: &mut Rows<'_>) {
    let tiles = product.depth / TILE_DEPTH;
    let (input_step, output_step) = (rows.input_step, rows.output_step);
    let inputs = rows.input.as_ptr();
    let weights = product.weights.as_chunks::<TILE>().0;
    for first in (0..product.channels).step_by(BLOCK) {
        let weights = &weights[first / BLOCK * tiles..][..tiles];
        // For each row the sums of four channels and those of the four others, each in two parts.
        let mut parts = [[_mm256_setzero_si256(); 2]; R];
        for (weights, at) in weights.iter().zip(runs.offsets()) {
            let halves: [__m128i; 2] = bytemuck::cast(*weights);
            let weights = halves.map(|half| _mm256_cvtepi8_epi16(rows_of(half)));
            for (row, parts) in parts.iter_mut().enumerate() {
                // SAFETY: there are so many rows, and each has all runs.
                let input = unsafe { inputs.add(at).add(row * input_step).cast::<[i8; TILE_DEPTH]>().read() };
                let input = _mm256_cvtepi8_epi16(_mm_set1_epi32(bytemuck::cast(input)));
                for (part, weights) in parts.iter_mut().zip(weights) {
                    *part = _mm256_add_epi32(*part, _mm256_madd_epi16(weights, input));
                }
            }
        }
        let channels = Channels::new(&product.requantisation, first);
        let count = BLOCK.min(product.channels - first);
        for (row, &[four, others]) in parts.iter().enumerate() {
            let sums = _mm256_hadd_epi32(four, others);
            let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(sums);
            let output = &mut rows.output[row * output_step + first..][..count];
            store(channels.finish(_mm256_add_epi32(sums, channels.biases)), output);
        }
    }
    rows.take_off(R);
}
