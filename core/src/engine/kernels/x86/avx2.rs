//! AVX2: eight channels at a time. Bytes are widened to 16 bits, whose products `vpmaddwd` adds in pairs, exactly.

use core::arch::x86_64::*;

use super::super::{DepthwiseFilter, DepthwiseInput, Kernels, Product, Requantisation, Rows, Sum, generic};
use super::taps::{self, MOST, POSITIONS, Places};
use crate::engine::layout::{BLOCK, SHIFT_MASK, TILE_DEPTH};

/// Bytes of a tile of weights.
const TILE: usize = BLOCK * TILE_DEPTH;
/// Rows worked on at a time, so that each load of weights serves all of them.
const ROWS: usize = 4;

#[target_feature(enable = "avx2")]
pub(super) fn product(product: &Product<'_>, mut rows: Rows<'_>) {
    if !rows.fit(product) {
        return;
    }
    while rows.count >= ROWS {
        row_block::<ROWS>(product, &mut rows);
    }
    while rows.count > 0 {
        row_block::<1>(product, &mut rows);
    }
}

/// Computes the first `R` rows and takes them off.
#[target_feature(enable = "avx2")]
fn row_block<const R: usize>(product: &Product<'_>, rows: &mut Rows<'_>) {
    let tiles = product.depth / TILE_DEPTH;
    let (input_step, output_step) = (rows.input_step, rows.output_step);
    let mut inputs = [rows.input.as_ptr(); R];
    for (row, input) in inputs.iter_mut().enumerate() {
        *input = rows.input[row * input_step..][..product.depth].as_ptr();
    }
    let weights = product.weights.as_chunks::<TILE>().0;
    for first in (0..product.channels).step_by(BLOCK) {
        let weights = &weights[first / BLOCK * tiles..][..tiles];
        // For each row the sums of four channels and those of the four others, each in two parts.
        let mut parts = [[_mm256_setzero_si256(); 2]; R];
        for tile in 0..tiles {
            let halves: [__m128i; 2] = bytemuck::cast(weights[tile]);
            let weights = [_mm256_cvtepi8_epi16(halves[0]), _mm256_cvtepi8_epi16(halves[1])];
            for row in 0..R {
                // SAFETY: each of the inputs has a row's depth, which is that many tiles.
                let input = unsafe { inputs[row].cast::<[i8; TILE_DEPTH]>().add(tile).read() };
                let input = _mm256_cvtepi8_epi16(_mm_set1_epi32(bytemuck::cast(input)));
                for half in 0..2 {
                    parts[row][half] = _mm256_add_epi32(parts[row][half], _mm256_madd_epi16(weights[half], input));
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
    rows.count -= R;
    if rows.count > 0 {
        rows.input = &rows.input[R * input_step..];
        rows.output = &mut core::mem::take(&mut rows.output)[R * output_step..];
    }
}

#[target_feature(enable = "avx2")]
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
        for first in (0..filter.channels).step_by(BLOCK) {
            // SAFETY: the input fits the filter, and the places are those of its taps.
            unsafe {
                if first + BLOCK <= filter.channels {
                    depthwise_channels::<true>(filter, first, places, output);
                } else {
                    depthwise_channels::<false>(filter, first, places, output);
                }
            }
        }
    }
}

/// Computes eight channels, or if not `WHOLE` those that are left, of a few positions.
///
/// # Safety
/// The filter is whole; all its channels can be read from each place.
#[target_feature(enable = "avx2")]
unsafe fn depthwise_channels<const WHOLE: bool>(
    filter: &DepthwiseFilter<'_>,
    first: usize,
    places: &[Places],
    output: &mut [i8],
) {
    let count = if WHOLE { BLOCK } else { filter.channels - first };
    let channels = Channels::new(&filter.requantisation, first);
    for (places, output) in places.iter().zip(output.chunks_exact_mut(filter.channels)) {
        let mut accumulators = channels.biases;
        for (tap, place) in places.iter().take(filter.window.taps()).enumerate() {
            // SAFETY: all channels can be read from the place, and the table has the weights of this tap.
            let (x, w) = unsafe {
                let weights = filter.weights.as_ptr().add(tap * filter.row() + first);
                (load::<WHOLE>(place.add(first), count), load::<WHOLE>(weights, count))
            };
            let products = _mm256_mullo_epi32(_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(w));
            accumulators = _mm256_add_epi32(accumulators, products);
        }
        store(channels.finish(accumulators), &mut output[first..][..count]);
    }
}

/// Loads eight bytes, or if not `WHOLE` the first `count` of them and zeros.
///
/// # Safety
/// That many bytes can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load<const WHOLE: bool>(from: *const i8, count: usize) -> __m128i {
    if WHOLE {
        // SAFETY: as for this function.
        unsafe { _mm_loadl_epi64(from.cast()) }
    } else {
        // SAFETY: as for this function.
        let values = unsafe { core::slice::from_raw_parts(from, count) };
        _mm_cvtsi64_si128(bytemuck::cast(padded(values)))
    }
}

/// Up to eight values, zeros behind them.
fn padded(values: &[i8]) -> [i8; BLOCK] {
    let mut all = [0; BLOCK];
    all.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
    all
}

/// Stores the first bytes, as many as there are places.
fn store(values: [i8; BLOCK], output: &mut [i8]) {
    match output.as_chunks_mut() {
        ([all], []) => *all = values,
        _ => output.iter_mut().zip(values).for_each(|(place, value)| *place = value),
    }
}

/// How the accumulators of eight channels become outputs. Products take 64 bits: those of the even channels and those of the odd ones
/// are worked on apart.
struct Channels {
    biases: __m256i,
    multipliers: [__m256i; 2],
    shift: [Shift; 2],
    zero_point: __m256i,
    low: __m256i,
    high: __m256i,
}

impl Channels {
    #[target_feature(enable = "avx2")]
    fn new(requantisation: &Requantisation<'_>, first: usize) -> Self {
        let Requantisation { biases, scales, zero_point, clamp } = *requantisation;
        // Both tables are padded to whole blocks.
        let biases: [i32; BLOCK] = biases[first..].first_chunk().copied().unwrap_or_default();
        let scales: [u32; BLOCK] = scales[first..].first_chunk().copied().unwrap_or_default();
        let scales: __m256i = bytemuck::cast(scales);
        let multipliers = _mm256_andnot_si256(_mm256_set1_epi32(SHIFT_MASK as i32), scales);
        let shift_bits = _mm256_set1_epi64x(i64::from(SHIFT_MASK));
        let [even, odd] = [scales, _mm256_srli_epi64::<32>(scales)].map(|shift| _mm256_and_si256(shift, shift_bits));
        let half = |shift| _mm256_srli_epi64::<1>(_mm256_sllv_epi64(_mm256_set1_epi64x(1), shift));
        let zero = i32::from(zero_point);
        Self {
            biases: bytemuck::cast(biases),
            multipliers: [multipliers, _mm256_srli_epi64::<32>(multipliers)],
            shift: [Shift::new(even, half(even)), Shift::new(odd, half(odd))],
            zero_point: _mm256_set1_epi32(zero),
            low: _mm256_set1_epi32(i32::from(clamp[0]) - zero),
            high: _mm256_set1_epi32(i32::from(clamp[1]) - zero),
        }
    }

    /// [`requantise`](crate::engine::arithmetic::requantise) and [`finish`](crate::engine::arithmetic::finish).
    #[target_feature(enable = "avx2")]
    fn finish(&self, accumulators: __m256i) -> [i8; BLOCK] {
        let odd = _mm256_srli_epi64::<32>(accumulators);
        let even = self.shift[0].apply(multiply(accumulators, self.multipliers[0]));
        let odd = self.shift[1].apply(multiply(odd, self.multipliers[1]));
        let values = _mm256_blend_epi32::<0b1010_1010>(even, _mm256_slli_epi64::<32>(odd));
        let values = _mm256_min_epi32(_mm256_max_epi32(values, self.low), self.high);
        narrow(_mm256_add_epi32(values, self.zero_point))
    }
}

/// The 64-bit products of the low halves of 64-bit lanes: `_mm256_mul_epi32`, of which LLVM would move the sign extension of `b` out
/// of loops; inside it would then no longer see that one instruction does it all.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply(a: __m256i, b: __m256i) -> __m256i {
    let products;
    // SAFETY: the instruction is of AVX2 and touches nothing but its registers.
    unsafe {
        core::arch::asm!("vpmuldq {}, {}, {}", lateout(ymm_reg) products, in(ymm_reg) a, in(ymm_reg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    products
}

/// Eight values that fit a byte each.
#[target_feature(enable = "avx2")]
fn narrow(values: __m256i) -> [i8; BLOCK] {
    let words = _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256::<1>(values));
    bytemuck::cast(_mm_cvtsi128_si64(_mm_packs_epi16(words, words)))
}

/// Adds a number to 64-bit values and shifts them right, keeping the sign: AVX2 only shifts zeros in. So the values are moved up by
/// 2^63 first, and what became of that is taken off.
struct Shift {
    by: __m256i,
    addend: __m256i,
    moved: __m256i,
}

impl Shift {
    #[target_feature(enable = "avx2")]
    fn new(by: __m256i, addend: __m256i) -> Self {
        let top = _mm256_set1_epi64x(i64::MIN);
        Self { by, addend: _mm256_add_epi64(addend, top), moved: _mm256_srlv_epi64(top, by) }
    }

    #[target_feature(enable = "avx2")]
    fn apply(&self, values: __m256i) -> __m256i {
        let raised = _mm256_add_epi64(values, self.addend);
        _mm256_sub_epi64(_mm256_srlv_epi64(raised, self.by), self.moved)
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn sum(sum: &Sum, a: &[i8], b: &[i8], output: &mut [i8]) {
    let terms = Terms::new(sum);
    let length = output.len().min(a.len()).min(b.len());
    let (chunks, rest) = output[..length].as_chunks_mut::<BLOCK>();
    let (a_chunks, a_rest) = a[..length].as_chunks::<BLOCK>();
    let (b_chunks, b_rest) = b[..length].as_chunks::<BLOCK>();
    for ((output, &a), &b) in chunks.iter_mut().zip(a_chunks).zip(b_chunks) {
        *output = terms.add(a, b);
    }
    store(terms.add(padded(a_rest), padded(b_rest)), rest);
}

/// The numbers of a [`Sum`] in all lanes.
struct Terms {
    zero_points: [__m256i; 2],
    multipliers: [__m256i; 2],
    floor: Shift,
    /// Half of the divisor, less one, and what an odd quotient adds: together they round ties to even.
    round: Shift,
    odd: __m256i,
    zero_point: __m256i,
    low: __m256i,
    high: __m256i,
}

impl Terms {
    #[target_feature(enable = "avx2")]
    fn new(sum: &Sum) -> Self {
        let all = |value: i64| _mm256_set1_epi64x(value);
        let zero = i64::from(sum.zero_point);
        let rounds = i64::from(sum.shift > 0);
        let shift = all(i64::from(sum.shift));
        Self {
            zero_points: sum.zero_points.map(|value| all(i64::from(value))),
            multipliers: sum.multipliers.map(|value| all(i64::from(value))),
            floor: Shift::new(shift, all(0)),
            round: Shift::new(shift, all(((1 << sum.shift) >> 1) - rounds)),
            odd: all(rounds),
            zero_point: all(zero),
            low: all(i64::from(sum.clamp[0]) - zero),
            high: all(i64::from(sum.clamp[1]) - zero),
        }
    }

    #[target_feature(enable = "avx2")]
    fn add(&self, a: [i8; BLOCK], b: [i8; BLOCK]) -> [i8; BLOCK] {
        let [a, b]: [[i32; 2]; 2] = [bytemuck::cast(a), bytemuck::cast(b)];
        let halves = [self.four(a[0], b[0]), self.four(a[1], b[1])];
        // The low words of eight 64-bit values.
        let words = _mm256_shuffle_epi32::<0b11_01_10_00>(halves[0]);
        let others = _mm256_shuffle_epi32::<0b11_01_10_00>(halves[1]);
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_unpacklo_epi64(words, others));
        narrow(words)
    }

    #[target_feature(enable = "avx2")]
    fn four(&self, a: i32, b: i32) -> __m256i {
        let exact = _mm256_add_epi64(self.term(0, a), self.term(1, b));
        let odd = _mm256_and_si256(self.floor.apply(exact), self.odd);
        let rounded = self.round.apply(_mm256_add_epi64(exact, odd));
        let raised = _mm256_blendv_epi8(rounded, self.low, _mm256_cmpgt_epi64(self.low, rounded));
        let clamped = _mm256_blendv_epi8(raised, self.high, _mm256_cmpgt_epi64(raised, self.high));
        _mm256_add_epi64(clamped, self.zero_point)
    }

    #[target_feature(enable = "avx2")]
    fn term(&self, index: usize, values: i32) -> __m256i {
        let values = _mm256_cvtepi8_epi64(_mm_cvtsi32_si128(values));
        multiply(_mm256_sub_epi64(values, self.zero_points[index]), self.multipliers[index])
    }
}
