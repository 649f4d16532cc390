//! The spectrum eight numbers at a time, on x86-64. Each number meets the same operations in the same order as one by one, and so has the
//! same bits; only of zeros the sign may be another one, and squares have none.

use super::fft::{
    self, Complex, Number, Source, bins_of_pair, first_joins_four, join, product, square_of, transform_four,
    transform_two, turns,
};
use super::twiddle::{QUARTER, turn};
use crate::engine::kernels::x86::{Avx2, Eight};

/// Numbers worked on at a time.
const COUNT: usize = 8;
/// They come in two halves.
const HALF: usize = COUNT / 2;

impl Number for Eight {
    type Factor = Self;

    #[inline(always)]
    fn times(number: Complex<Self>, by: Complex<Self>) -> Complex<Self> {
        product(number, by)
    }

    #[inline(always)]
    fn scaled(number: Complex<Self>) -> Complex<Self> {
        number
    }
}

/// [`fft::power_spectrum`].
#[inline(always)]
pub(super) fn power_spectrum(proof: Avx2, samples: &[i16], window: &[f32], data: &mut [Complex<f32>]) {
    fft::transform_by(
        samples,
        window,
        0,
        data,
        #[inline(always)]
        |data| first_step(proof, &Source::new(samples, window, 0), data),
        #[inline(always)]
        |data, span| step(proof, data, span),
    );
    fft::powers_of_real(
        data,
        #[inline(always)]
        |lower, upper| bins_of_pairs(proof, lower, upper),
    );
}

/// Entry s + i is the turn by i of 4·s parts of a circle, for each s that is a power of two and each i below it.
static TURNS: [Complex<f32>; 2 * QUARTER] = {
    let mut turns = [[1.0, 0.0]; 2 * QUARTER];
    let mut span = 2;
    while span <= QUARTER {
        let mut index = 1;
        while index < span {
            turns[span + index] = turn(index * (QUARTER / span));
            index += 1;
        }
        span *= 2;
    }
    turns
};

/// Eight turns by 4·`span` parts of a circle, from the one at `first` on.
#[inline(always)]
fn turns_from(proof: Avx2, span: usize, first: usize) -> Complex<Eight> {
    let turns = TURNS.get(span + first..).and_then(|turns| turns.first_chunk());
    load(proof, turns.unwrap_or(&[[0.0; 2]; COUNT]))
}

#[inline(always)]
fn load(proof: Avx2, numbers: &[Complex<f32>; COUNT]) -> Complex<Eight> {
    Eight::apart(proof, bytemuck::cast(*numbers))
}

#[inline(always)]
fn store(numbers: Complex<Eight>, places: &mut [Complex<f32>; COUNT]) {
    *places = bytemuck::cast(Eight::together(numbers));
}

/// The first step; `false`, and nothing else, if there are too few groups.
#[inline(always)]
fn first_step(proof: Avx2, source: &Source<'_, f32>, data: &mut [Complex<f32>]) -> bool {
    if first_joins_four(data) {
        first_step_of(
            proof,
            source,
            data.as_chunks_mut().0,
            #[inline(always)]
            |[a, b, c, d]| transform_four(a, b, c, d),
        )
    } else {
        first_step_of(proof, source, data.as_chunks_mut().0, transform_two)
    }
}

#[inline(always)]
fn first_step_of<const N: usize>(
    proof: Avx2,
    source: &Source<'_, f32>,
    places: &mut [[Complex<f32>; N]],
    transform: impl Fn([Complex<Eight>; N]) -> [Complex<Eight>; N],
) -> bool {
    let groups = places.len();
    if !groups.is_multiple_of(COUNT) {
        return false;
    }
    let shift = usize::BITS - groups.trailing_zeros();
    for group in (0..groups).step_by(COUNT) {
        let mut numbers = [load(proof, &[[0.0; 2]; COUNT]); N];
        for (part, numbers) in numbers.iter_mut().enumerate() {
            if let Some(source) = source.eight(proof, group + part * groups) {
                *numbers = source;
            }
        }
        let mut results = [[[0.0; 2]; COUNT]; N];
        for (numbers, places) in transform(numbers).into_iter().zip(&mut results) {
            store(numbers, places);
        }
        for lane in 0..COUNT {
            if let Some(place) = places.get_mut((group + lane).reverse_bits() >> shift) {
                for (place, results) in place.iter_mut().zip(&results) {
                    *place = results[lane];
                }
            }
        }
    }
    true
}

impl Source<'_, f32> {
    /// Eight numbers from `first` on; behind the last they are zero.
    #[inline(always)]
    fn eight(&self, proof: Avx2, first: usize) -> Option<Complex<Eight>> {
        let (samples, coefficients) = (self.pairs.get(first..)?, self.coefficients.get(first..)?);
        if let (Some(samples), Some(coefficients)) = (samples.first_chunk(), coefficients.first_chunk::<COUNT>()) {
            return Some(Eight::windowed(proof, *samples, bytemuck::cast(*coefficients)));
        }
        self.number(first)?;
        let mut numbers = [[0.0; 2]; COUNT];
        for (lane, number) in numbers.iter_mut().enumerate() {
            *number = self.number(first + lane).unwrap_or_default();
        }
        Some(load(proof, &numbers))
    }
}

/// Joins groups of four transforms of `span` numbers each into one; `false`, and nothing else, if they are too short.
#[inline(always)]
fn step(proof: Avx2, data: &mut [Complex<f32>], span: usize) -> bool {
    if span == HALF && data.len() >= 4 * COUNT {
        step_of_halves(proof, data);
        return true;
    }
    let parts = span / COUNT;
    let (eights, _) = data.as_chunks_mut::<COUNT>();
    for index in 0..parts {
        let turns = turns(turns_from(proof, span, index * COUNT));
        for group in eights.chunks_exact_mut(4 * parts) {
            let (lower, upper) = group.split_at_mut(2 * parts);
            let ((first, third), (second, fourth)) = (lower.split_at_mut(parts), upper.split_at_mut(parts));
            let (Some(a), Some(c)) = (first.get_mut(index), third.get_mut(index)) else { break };
            let (Some(b), Some(d)) = (second.get_mut(index), fourth.get_mut(index)) else { break };
            let joined = join(turns, load(proof, a), load(proof, b), load(proof, c), load(proof, d));
            store(joined[0], a);
            store(joined[1], c);
            store(joined[2], b);
            store(joined[3], d);
        }
    }
    parts > 0
}

/// [`step`] for transforms of four numbers: two groups at a time.
#[inline(always)]
fn step_of_halves(proof: Avx2, data: &mut [Complex<f32>]) {
    let [start, turned, twice, thrice] = [0, 1, 2, 3].map(|index| TURNS[HALF + index]);
    let once = [start, turned, twice, thrice];
    let turns = turns(Eight::apart(proof, [once, once]));
    let (halves, _) = data.as_chunks_mut::<HALF>();
    let (groups, _) = halves.as_chunks_mut::<COUNT>();
    for [a, c, b, d, e, g, f, h] in groups {
        let joined = join(
            turns,
            Eight::apart(proof, [*a, *e]),
            Eight::apart(proof, [*b, *f]),
            Eight::apart(proof, [*c, *g]),
            Eight::apart(proof, [*d, *h]),
        );
        [*a, *e] = Eight::together(joined[0]);
        [*c, *g] = Eight::together(joined[1]);
        [*b, *f] = Eight::together(joined[2]);
        [*d, *h] = Eight::together(joined[3]);
    }
}

/// Makes powers of the numbers below the middle and their partners behind it, from the outermost on, as many as come in whole eights; says
/// how many pairs these were.
#[inline(always)]
fn bins_of_pairs(proof: Avx2, lower: &mut [Complex<f32>], upper: &mut [Complex<f32>]) -> usize {
    let span = lower.len();
    let (lows, highs) = (lower.as_chunks_mut::<COUNT>().0, upper.as_rchunks_mut::<COUNT>().1);
    let count = lows.len().min(highs.len());
    let zeros = [[0.0; 2]; COUNT];
    for (index, (low, high)) in lows.iter_mut().zip(highs.iter_mut().rev()).enumerate() {
        let [re, im] = load(proof, high);
        let turns = turns_from(proof, span, index * COUNT + 1);
        let [bins, partners] = bins_of_pair(load(proof, low), [re.reversed(), im.reversed()], turns);
        let [unused, _] = load(proof, &zeros);
        store([square_of(bins), unused], low);
        store([square_of(partners).reversed(), unused], high);
    }
    count * COUNT
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::power_spectrum;
    use crate::engine::kernels::x86::Avx2;
    use crate::frontend::fft;
    use crate::frontend::fft::tests::noise;

    /// Frames as long as the transform and shorter ones, silence and full scale among them.
    #[test]
    fn the_bits_are_those_of_one_by_one() {
        let Some(proof) = Avx2::detect() else { return };
        for half in (4..=10).map(|bits| 1 << bits) {
            let mut loud = noise(2 * half);
            loud.iter_mut().step_by(3).for_each(|sample| *sample = i16::MIN);
            for samples in [noise(2 * half), loud, vec![0; 2 * half], vec![i16::MAX; 2 * half]] {
                for count in [2 * half, half * 25 / 16, half * 5 / 4 + 1, half + 7, half, 5, 1] {
                    let window: Vec<f32> = (0..count).map(|n| 0.1 + n as f32 / count as f32).collect();
                    let (mut expected, mut data) = (vec![[0.0; 2]; half], vec![[f32::NAN; 2]; half]);
                    fft::power_spectrum(&samples[..count], &window, &mut expected);
                    proof.run(
                        #[inline(always)]
                        || power_spectrum(proof, &samples[..count], &window, &mut data),
                    );
                    let bits = |data: &[[f32; 2]]| -> Vec<u32> {
                        data.iter().map(|bin| bin[0]).chain([data[0][1]]).map(f32::to_bits).collect()
                    };
                    assert_eq!(bits(&data), bits(&expected), "{count} samples, {half} pairs");
                }
            }
        }
    }
}
