//! AVX-512 with VNNI: sixteen channels at a time.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes, four to a sum, without saturation. The weights become unsigned by adding 128;
//! 128 times the sum of a row's inputs is taken off where that row starts.

use core::arch::x86_64::*;

use super::super::{DepthwiseFilter, Product, Requantisation, Rows, Sum, generic};
use super::taps::Taps;
use crate::engine::layout::{BLOCK, SHIFT_MASK, TILE_DEPTH};

/// Channels worked on at a time: two blocks.
const CHANNELS: usize = 2 * BLOCK;
/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;
/// Rows worked on at a time, so that each load of weights serves all of them.
const ROWS: usize = 8;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn product(product: &Product<'_>, mut rows: Rows<'_>) {
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
    let mut inputs: [&[[i8; TILE_DEPTH]]; R] = [&[]; R];
    let mut corrections = [_mm512_setzero_si512(); R];
    for row in 0..R {
        let input = &rows.input[row * input_step..][..product.depth];
        inputs[row] = &input.as_chunks().0[..tiles];
        corrections[row] = _mm512_set1_epi32(total(input).wrapping_mul(-128));
    }
    let weights = product.weights.as_chunks::<TILE>().0;
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
            let weights = _mm512_inserti64x4::<1>(low, bytemuck::cast(high[tile]));
            let weights = _mm512_xor_si512(weights, _mm512_set1_epi8(i8::MIN));
            for row in 0..R {
                let input = _mm512_set1_epi32(bytemuck::cast(inputs[row][tile]));
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
    let (quads, _) = rest.as_chunks::<TILE_DEPTH>();
    for quad in quads {
        sums = _mm512_dpbusd_epi32(sums, ones, _mm512_zextsi128_si512(_mm_cvtsi32_si128(bytemuck::cast(*quad))));
    }
    _mm512_reduce_add_epi32(sums)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn depthwise<'x, P, T>(filter: &DepthwiseFilter<'_>, positions: P, output: &mut [i8])
where
    P: Iterator<Item = T>,
    T: Iterator<Item = &'x [i8]> + Clone,
{
    if !filter.whole() {
        return;
    }
    let mut table = Taps::new();
    for (output, taps) in output.chunks_exact_mut(filter.channels).zip(positions) {
        match table.collect(taps.clone(), filter.taps, filter.channels) {
            Some(inputs) => position(filter, inputs, output),
            None => generic::position(filter, taps, output),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn position(filter: &DepthwiseFilter<'_>, inputs: &[&[i8]], output: &mut [i8]) {
    let row = filter.row();
    let (blocks, rest) = output.as_chunks_mut::<CHANNELS>();
    for (block, output) in blocks.iter_mut().enumerate() {
        let first = block * CHANNELS;
        let channels = Channels::new(&filter.requantisation, first);
        let mut accumulators = channels.biases;
        for (tap, input) in inputs.iter().enumerate() {
            // SAFETY: `collect` found all channels under each tap, the filter is whole, and the block's channels are among them.
            let (x, w) = unsafe {
                let weights = filter.weights.as_ptr().add(tap * row + first);
                (_mm_loadu_si128(input.as_ptr().add(first).cast()), _mm_loadu_si128(weights.cast()))
            };
            accumulators = multiply_add(accumulators, x, w);
        }
        *output = bytemuck::cast(channels.finish(accumulators));
    }
    if !rest.is_empty() {
        let first = filter.channels - rest.len();
        let channels = Channels::new(&filter.requantisation, first);
        let mut accumulators = channels.biases;
        for (input, weights) in inputs.iter().zip(filter.weights.chunks(row)) {
            let x = bytemuck::cast(padded(&input[first..][..rest.len()]));
            let w = bytemuck::cast(padded(&weights[first..][..rest.len()]));
            accumulators = multiply_add(accumulators, x, w);
        }
        store(channels.finish(accumulators), rest);
    }
}

/// Adds sixteen products of bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply_add(accumulators: __m512i, x: __m128i, w: __m128i) -> __m512i {
    _mm512_add_epi32(accumulators, _mm512_mullo_epi32(_mm512_cvtepi8_epi32(x), _mm512_cvtepi8_epi32(w)))
}

/// Up to sixteen values, zeros behind them.
fn padded<T: Copy + Default>(values: &[T]) -> [T; CHANNELS] {
    let mut all = [T::default(); CHANNELS];
    all.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
    all
}

/// Stores the first bytes, as many as there are places.
fn store(values: __m128i, output: &mut [i8]) {
    let values: [i8; CHANNELS] = bytemuck::cast(values);
    match output.as_chunks_mut() {
        ([all], []) => *all = values,
        _ => output.iter_mut().zip(values).for_each(|(place, value)| *place = value),
    }
}

/// How the accumulators of sixteen channels become outputs. Products take 64 bits: those of the even channels and those of the odd
/// ones are worked on apart.
struct Channels {
    biases: __m512i,
    multipliers: [__m512i; 2],
    halves: [__m512i; 2],
    shifts: [__m512i; 2],
    zero_point: __m512i,
    low: __m512i,
    high: __m512i,
}

impl Channels {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn new(requantisation: &Requantisation<'_>, first: usize) -> Self {
        let Requantisation { biases, scales, zero_point, clamp } = *requantisation;
        let biases = &biases[first..];
        let scales = &scales[first..];
        let biases = biases.first_chunk().copied().unwrap_or_else(|| padded(biases));
        let scales = bytemuck::cast(scales.first_chunk().copied().unwrap_or_else(|| padded::<u32>(scales)));
        let multipliers = _mm512_andnot_si512(_mm512_set1_epi32(SHIFT_MASK as i32), scales);
        let shift_bits = _mm512_set1_epi64(i64::from(SHIFT_MASK));
        let shifts = [scales, _mm512_srli_epi64::<32>(scales)].map(|shifts| _mm512_and_si512(shifts, shift_bits));
        let half = |shifts| _mm512_srli_epi64::<1>(_mm512_sllv_epi64(_mm512_set1_epi64(1), shifts));
        let zero = i32::from(zero_point);
        Self {
            biases: bytemuck::cast(biases),
            multipliers: [multipliers, _mm512_srli_epi64::<32>(multipliers)],
            halves: shifts.map(half),
            shifts,
            zero_point: _mm512_set1_epi32(zero),
            low: _mm512_set1_epi32(i32::from(clamp[0]) - zero),
            high: _mm512_set1_epi32(i32::from(clamp[1]) - zero),
        }
    }

    /// [`requantise`](crate::engine::arithmetic::requantise) and [`finish`](crate::engine::arithmetic::finish).
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn finish(&self, accumulators: __m512i) -> __m128i {
        let even = self.scale(0, accumulators);
        let odd = self.scale(1, _mm512_srli_epi64::<32>(accumulators));
        let values = _mm512_mask_shuffle_epi32::<0b10_10_00_00>(even, 0xAAAA, odd);
        let values = _mm512_min_epi32(_mm512_max_epi32(values, self.low), self.high);
        _mm512_cvtepi32_epi8(_mm512_add_epi32(values, self.zero_point))
    }

    /// Scales the low halves of the 64-bit lanes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn scale(&self, odd: usize, values: __m512i) -> __m512i {
        let product = _mm512_mul_epi32(values, self.multipliers[odd]);
        _mm512_srav_epi64(_mm512_add_epi64(product, self.halves[odd]), self.shifts[odd])
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    const LANES: usize = 8;
    let terms = Terms::new(sum);
    let length = output.len().min(a.len()).min(b.len());
    let (chunks, rest) = output[..length].as_chunks_mut::<LANES>();
    let (a_chunks, a_rest) = a[..length].as_chunks::<LANES>();
    let (b_chunks, b_rest) = b[..length].as_chunks::<LANES>();
    for ((output, &a), &b) in chunks.iter_mut().zip(a_chunks).zip(b_chunks) {
        *output = terms.add(a, b);
    }
    let eight = |values: &[i8]| padded(values).first_chunk().copied().unwrap_or_default();
    let values = terms.add(eight(a_rest), eight(b_rest));
    rest.iter_mut().zip(values).for_each(|(place, value)| *place = value);
}

/// The numbers of a [`Sum`] in all lanes.
struct Terms {
    zero_points: [__m512i; 2],
    multipliers: [__m512i; 2],
    shift: __m512i,
    /// Half of the divisor, less one, and what an odd quotient adds: together they round ties to even.
    below_half: __m512i,
    odd: __m512i,
    zero_point: __m512i,
    low: __m512i,
    high: __m512i,
}

impl Terms {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn new(sum: &Sum) -> Self {
        let all = |value: i64| _mm512_set1_epi64(value);
        let zero = i64::from(sum.zero_point);
        let rounds = i64::from(sum.shift > 0);
        Self {
            zero_points: sum.zero_points.map(|value| all(i64::from(value))),
            multipliers: sum.multipliers.map(|value| all(i64::from(value))),
            shift: all(i64::from(sum.shift)),
            below_half: all(((1 << sum.shift) >> 1) - rounds),
            odd: all(rounds),
            zero_point: all(zero),
            low: all(i64::from(sum.clamp[0]) - zero),
            high: all(i64::from(sum.clamp[1]) - zero),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn add(&self, a: [i8; 8], b: [i8; 8]) -> [i8; 8] {
        let exact = _mm512_add_epi64(self.term(0, a), self.term(1, b));
        let odd = _mm512_and_si512(_mm512_srav_epi64(exact, self.shift), self.odd);
        let rounded = _mm512_srav_epi64(_mm512_add_epi64(exact, _mm512_add_epi64(self.below_half, odd)), self.shift);
        let values = _mm512_min_epi64(_mm512_max_epi64(rounded, self.low), self.high);
        bytemuck::cast(_mm_cvtsi128_si64(_mm512_cvtepi64_epi8(_mm512_add_epi64(values, self.zero_point))))
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn term(&self, index: usize, values: [i8; 8]) -> __m512i {
        let values = _mm512_cvtepi8_epi64(_mm_cvtsi64_si128(bytemuck::cast(values)));
        _mm512_mul_epi32(_mm512_sub_epi64(values, self.zero_points[index]), self.multipliers[index])
    }
}
