//! Matrix products.

use super::channels::{self, Channels};
use super::{CHANNELS, store};
use crate::engine::kernels::x86::runs::{self, Lines, Room, Runs};
use crate::engine::kernels::{Patches, Product, Rows};
use crate::engine::layout::{BLOCK, TILE_DEPTH};
use core::arch::x86_64::*;

/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;
/// Most rows worked on at a time, so that each load of weights serves all of them.
const ROWS: usize = 8;
/// Most tiles of a shallow product: its weights are laid out, and its inputs made unsigned, once for many rows. Those of others are each
/// time that they are used.
const SHALLOW: usize = 128;
/// Bytes of inputs that are made unsigned at a time: many times those of a shallow row.
const INPUTS: usize = 8192;

/// What makes inputs unsigned: it adds 128.
const SIGN: i8 = i8::MIN;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn product(product: &Product<'_>, mut rows: Rows<'_>) {
    if !rows.fit(product) {
        return;
    }
    let depth = product.depth;
    if depth > SHALLOW * TILE_DEPTH {
        return all_lines::<false>(product, Lines::of(product, rows));
    }
    let mut room = Room([0; INPUTS]);
    let at_once = (INPUTS - depth).checked_div(rows.input_step).map_or(rows.count, |surplus| surplus + 1);
    while rows.count > 0 {
        let Rows { input_step, output_step, .. } = rows;
        let count = at_once.min(rows.count);
        let (from, input) = (&rows.input[..(count - 1) * input_step + depth], &mut room.0);
        input.iter_mut().zip(from).for_each(|(place, &input)| *place = input ^ SIGN);
        let rows_at_once = Rows { input, input_step, output: rows.output, output_step, count };
        all_lines::<true>(product, Lines::of(product, rows_at_once));
        rows.take_off(count);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn convolution(
    product: &Product<'_>,
    patches: &Patches<'_>,
    output: &mut [i8],
    output_step: usize,
) -> bool {
    if patches.window.taps().saturating_mul(patches.channels) > SHALLOW * TILE_DEPTH / 2 {
        return false;
    }
    runs::in_strips(product, patches, output, output_step, SIGN, |product, lines| all_lines::<true>(product, lines))
}

/// Computes lines of outputs. The inputs of a shallow product are unsigned already.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn all_lines<const IS_SHALLOW: bool>(product: &Product<'_>, mut lines: Lines<'_>) {
    let tiles = product.depth / TILE_DEPTH;
    if !lines.fit(product) || IS_SHALLOW && tiles > SHALLOW {
        return;
    }
    let mut laid_out = [_mm512_setzero_si512(); SHALLOW];
    let weights = product.weights.as_chunks::<TILE>().0;
    for first in (0..product.channels).step_by(CHANNELS) {
        let low = &weights[first / BLOCK * tiles..][..tiles];
        // The last pair of blocks may be a single one: it then stands for both, and its second half is not stored.
        let second = if first + BLOCK < product.channels { first / BLOCK + 1 } else { first / BLOCK };
        let high = &weights[second * tiles..][..tiles];
        let mut channels = Channels::new(&product.requantisation, first);
        for (index, (low, high)) in low.iter().zip(high).enumerate() {
            let weights = in_rows(low, high);
            // What adding 128 to the inputs adds is taken off.
            let surplus = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(SIGN), weights);
            channels.biases = _mm512_sub_epi32(channels.biases, surplus);
            if IS_SHALLOW {
                laid_out[index] = weights;
            }
        }
        let places = [first, CHANNELS.min(product.channels - first)];
        for index in 0..lines.count {
            let runs = lines.runs;
            let rows = lines.line(index);
            if IS_SHALLOW {
                all_rows::<false>(laid_out[..tiles].iter().copied(), &channels, places, runs, rows);
            } else {
                let weights = low.iter().zip(high).map(|(low, high)| in_rows(low, high));
                all_rows::<true>(weights, &channels, places, runs, rows);
            }
        }
    }
}

/// The weights of sixteen channels, four of each in a row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn in_rows(low: &[i8; TILE], high: &[i8; TILE]) -> __m512i {
    let order = _mm_setr_epi8(0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15);
    let packed = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(bytemuck::cast(*low)), bytemuck::cast(*high));
    // Those of even channels come with 128 added.
    let sign_of_even = _mm512_set1_epi64(0x8080_8080);
    _mm512_xor_si512(_mm512_shuffle_epi8(packed, _mm512_broadcast_i32x4(order)), sign_of_even)
}

/// Computes the channels from `first` on, at most `count`, of all rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn all_rows<const IS_SIGNED: bool>(
    weights: impl Iterator<Item = __m512i> + Clone,
    channels: &Channels,
    [first, count]: [usize; 2],
    runs: Runs,
    mut rows: Rows<'_>,
) {
    while rows.count > 0 {
        let (weights, places) = (weights.clone(), [first, count]);
        // In blocks of much the same size.
        match rows.count.div_ceil(rows.count.div_ceil(ROWS)) {
            1 => row_block::<1, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            2 => row_block::<2, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            3 => row_block::<3, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            4 => row_block::<4, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            5 => row_block::<5, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            6 => row_block::<6, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            7 => row_block::<7, IS_SIGNED>(weights, channels, places, runs, &mut rows),
            _ => row_block::<ROWS, IS_SIGNED>(weights, channels, places, runs, &mut rows),
        }
    }
}

/// Computes the first `R` rows and takes them off. As a function of its own it has the registers to itself.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn row_block<const R: usize, const IS_SIGNED: bool>(
    mut weights: impl Iterator<Item = __m512i>,
    channels: &Channels,
    [first, count]: [usize; 2],
    runs: Runs,
    rows: &mut Rows<'_>,
) {
    let mut accumulators = [channels.biases; R];
    for run in 0..runs.count {
        let mut start = rows.input.as_ptr().wrapping_add(run * runs.pitch);
        for (_, weights) in (0..runs.tiles).zip(weights.by_ref()) {
            // SAFETY: there are so many rows, and each has all runs.
            let inputs: [__m512i; R] = unsafe { tile(start, rows.input_step) };
            for row in 0..R {
                let sign = _mm512_set1_epi8(if IS_SIGNED { SIGN } else { 0 });
                let inputs = _mm512_xor_si512(inputs[row], sign);
                accumulators[row] = _mm512_dpbusd_epi32(accumulators[row], inputs, weights);
            }
            start = start.wrapping_add(TILE_DEPTH);
        }
    }
    for first_row in (0..R).step_by(channels::ROWS) {
        let mut four = [channels.biases; channels::ROWS];
        // The last stands for those that are not there.
        for (place, of_four) in four.iter_mut().enumerate() {
            *of_four = accumulators[(first_row + place).min(R - 1)];
        }
        for (row, values) in (first_row..R).zip(channels.finish(four)) {
            store(values, &mut rows.output[row * rows.output_step + first..][..count]);
        }
    }
    rows.take_off(R);
}

/// The four inputs at the start of each of `R` rows, `step` apart, in every lane.
///
/// # Safety
/// They can be read.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile<const R: usize>(start: *const i8, step: usize) -> [__m512i; R] {
    let mut inputs = [_mm512_setzero_si512(); R];
    for (row, input) in inputs.iter_mut().enumerate() {
        // SAFETY: as for this function.
        let four = unsafe { start.add(row * step).cast::<[i8; TILE_DEPTH]>().read() };
        *input = _mm512_set1_epi32(bytemuck::cast(four));
    }
    inputs
}
