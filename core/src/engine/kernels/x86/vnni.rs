//! AVX-512 with VNNI: sixteen channels at a time.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes, four to a sum, without saturation. The weights become unsigned by adding 128;
//! 128 times the sum of a row's inputs is taken off where that row starts.

use core::arch::x86_64::*;

use super::super::{DepthwiseFilter, DepthwiseInput, Kernels, Product, Requantisation, Rows, Sum, generic};
use super::taps::{self, MOST, POSITIONS, Places};
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
    let mut inputs = [rows.input.as_ptr(); R];
    let mut corrections = [_mm512_setzero_si512(); R];
    for row in 0..R {
        let input = &rows.input[row * input_step..][..product.depth];
        inputs[row] = input.as_ptr();
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

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn depthwise(filter: &DepthwiseFilter<'_>, input: &DepthwiseInput<'_>, output: &mut [i8]) {
    if !input.fit(filter) {
        return;
    }
    if filter.window.taps() > MOST {
        return generic::Generic.depthwise(filter, input, output);
    }
    let mut places = [[input.padding.as_ptr(); MOST]; POSITIONS];
    for (chunk, output) in output.chunks_mut(POSITIONS * filter.channels).enumerate() {
        let places = &mut places[..output.len() / filter.channels];
        taps::find(filter, input, chunk * POSITIONS, places);
        for first in (0..filter.channels).step_by(CHANNELS) {
            // SAFETY: the input fits the filter, and the places are those of its taps.
            unsafe {
                if first + CHANNELS <= filter.channels {
                    depthwise_channels::<true>(filter, first, places, output);
                } else {
                    depthwise_channels::<false>(filter, first, places, output);
                }
            }
        }
    }
}

/// Computes sixteen channels, or if not `WHOLE` those that are left, of a few positions.
///
/// # Safety
/// The filter is whole; all its channels can be read from each place.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn depthwise_channels<const WHOLE: bool>(
    filter: &DepthwiseFilter<'_>,
    first: usize,
    places: &[Places],
    output: &mut [i8],
) {
    let count = if WHOLE { CHANNELS } else { filter.channels - first };
    let taps = filter.window.taps();
    let fours = taps.div_ceil(4);
    let mut weights = [_mm512_setzero_si512(); MOST / 4];
    let mut channels = Channels::new(&filter.requantisation, first);
    for (index, four) in weights.iter_mut().take(fours).enumerate() {
        let row = |tap: usize| {
            if tap >= taps {
                return _mm_setzero_si128();
            }
            // SAFETY: the table has the weights of this tap, and the channels are among them.
            unsafe { load::<WHOLE>(filter.weights.as_ptr().add(tap * filter.row() + first), count) }
        };
        let tap = 4 * index;
        *four = interleave([row(tap), row(tap + 1), row(tap + 2), row(tap + 3)]);
        // Inputs become unsigned by adding 128; 128 times the sum of the weights is taken off here.
        let surplus = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(i8::MIN), *four);
        channels.biases = _mm512_sub_epi32(channels.biases, surplus);
    }
    for (places, output) in places.iter().zip(output.chunks_exact_mut(filter.channels)) {
        let mut accumulators = channels.biases;
        for (weights, four) in weights.iter().take(fours).zip(places.as_chunks::<4>().0) {
            // SAFETY: all channels can be read from there.
            let input = |place: *const i8| unsafe { load::<WHOLE>(place.add(first), count) };
            let inputs = interleave([input(four[0]), input(four[1]), input(four[2]), input(four[3])]);
            let inputs = _mm512_xor_si512(inputs, _mm512_set1_epi8(i8::MIN));
            accumulators = _mm512_dpbusd_epi32(accumulators, inputs, *weights);
        }
        store(channels.finish(accumulators), &mut output[first..][..count]);
    }
}

/// Loads sixteen bytes, or if not `WHOLE` the first `count` of them and zeros.
///
/// # Safety
/// That many bytes can be read.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn load<const WHOLE: bool>(from: *const i8, count: usize) -> __m128i {
    // SAFETY: as for this function; the mask lets through the first `count` bytes alone.
    unsafe { if WHOLE { _mm_loadu_si128(from.cast()) } else { _mm_maskz_loadu_epi8((1 << count) - 1, from) } }
}

/// Four rows of sixteen bytes, one byte of each in turn.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn interleave(rows: [__m128i; 4]) -> __m512i {
    let all = _mm512_inserti32x4::<1>(_mm512_castsi128_si512(rows[0]), rows[1]);
    let all = _mm512_inserti32x4::<3>(_mm512_inserti32x4::<2>(all, rows[2]), rows[3]);
    // First four bytes of each row, then the next four; within these the bytes of the rows in turn.
    let quads = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), all);
    let turns = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_shuffle_epi8(quads, _mm512_broadcast_i32x4(turns))
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
