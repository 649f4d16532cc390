//! The spectrum of a frame: window, real Fourier transform and power.
//!
//! N real samples are N/2 complex numbers, z\[n\] = x\[2n\] + i·x\[2n + 1\], whose transform takes half the work; its bins k and N/2 − k
//! together give those of the samples. The transform goes by fours, decimating in time: the window's pass does the first step and puts
//! its results where the following steps, in place, leave the bins in order.
//!
//! The steps are the same for floating-point numbers, one by one or, on some processors, a few at a time, and for
//! [fixed-point ones](super::fixed); [`Number`] and [`Sampled`] have what differs.

use core::ops::{Add, Mul, Neg, Sub};

use super::twiddle::{QUARTER, turn};

/// A complex number.
pub(super) type Complex<T> = [T; 2];

/// What the transform computes with.
pub(super) trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Neg<Output = Self> {
    /// A cosine or sine.
    type Factor: Copy;

    /// The product, which may be [`scaled`](Self::scaled).
    fn times(number: Complex<Self>, by: Complex<Self::Factor>) -> Complex<Self>;

    /// A number in the scale of a product.
    fn scaled(number: Complex<Self>) -> Complex<Self>;
}

/// What samples become.
pub(super) trait Sampled: Number + Default {
    /// A coefficient of the window.
    type Coefficient: Copy;

    /// A windowed sample, of numbers without an exponent raised by so many bits, for which a transform has room.
    fn windowed(sample: i16, coefficient: Self::Coefficient, raised: u32) -> Self;

    /// e^(−2πi·`angle` / [`MAX_FFT_LENGTH`](super::MAX_FFT_LENGTH)), its square and its cube, for angles of 1 to [`QUARTER`] − 1.
    fn turns(angle: usize) -> [Complex<Self::Factor>; 3];
}

impl Number for f32 {
    type Factor = f32;

    #[inline(always)]
    fn times(number: Complex<f32>, by: Complex<f32>) -> Complex<f32> {
        product(number, by)
    }

    #[inline(always)]
    fn scaled(number: Complex<f32>) -> Complex<f32> {
        number
    }
}

impl Sampled for f32 {
    type Coefficient = f32;

    #[inline(always)]
    fn windowed(sample: i16, coefficient: f32, _: u32) -> f32 {
        f32::from(sample) * coefficient
    }

    #[inline(always)]
    fn turns(angle: usize) -> [Complex<f32>; 3] {
        turns(turn(angle))
    }
}

/// A turn, its square and its cube.
#[inline(always)]
pub(super) fn turns<T>(once: Complex<T>) -> [Complex<T>; 3]
where
    T: Number + Mul<Output = T>,
{
    let [cosine, sine] = once;
    let twice = [cosine * cosine - sine * sine, (cosine + cosine) * sine];
    [once, twice, product(twice, once)]
}

#[inline(always)]
pub(super) fn product<T>([a, b]: Complex<T>, [c, d]: Complex<T>) -> Complex<T>
where
    T: Number + Mul<Output = T>,
{
    [a * c - b * d, a * d + b * c]
}

/// Leaves four times the power spectrum of the windowed samples, 4·|X\[k\]|², in `data`, whose length is half of a supported power of two:
/// bin k is the first of the two numbers at k, and the bin at half the sample rate the second one at 0. What else is there is left over.
/// Samples behind those given are zero.
#[inline(always)]
pub(super) fn power_spectrum(samples: &[i16], window: &[f32], data: &mut [[f32; 2]]) {
    transform(samples, window, 0, data);
    powers_of_real(data, |_, _| 0);
}

/// Leaves the transform of the pairs of windowed samples in `data`, whose length is half of a supported power of two.
///
/// Every step but the first leaves its numbers [`scaled`](Number::scaled) once more.
#[inline(always)]
pub(super) fn transform<T: Sampled>(samples: &[i16], window: &[T::Coefficient], raised: u32, data: &mut [Complex<T>]) {
    if let Ok(data) = <&mut [_; USUAL]>::try_from(&mut *data)
        && usual_transform(&Source::new(samples, window, raised), data)
    {
        return;
    }
    transform_by(samples, window, raised, data, |_| false, |_, _| false);
}

/// Numbers of the transform of 512 samples, which suits 16 kHz: it has code of its own, in which all distances are known.
const USUAL: usize = 256;
/// Groups in its first step.
const USUAL_GROUPS: usize = USUAL / 4;

/// [`transform`] of the usual length; `false`, and nothing else, where the window does not reach the last of four parts.
#[inline(always)]
fn usual_transform<T: Sampled>(source: &Source<'_, T>, data: &mut [Complex<T>; USUAL]) -> bool {
    let Ok(places) = data.as_chunks_mut().0.try_into() else { return false };
    if !usual_first_step(source, places) {
        return false;
    }
    short_step::<T, 4, 16>(data);
    short_step::<T, 16, 64>(data);
    step(data, 64);
    true
}

/// [`first_step`] of the usual length; `false`, and nothing else, where the window does not reach the last of four parts.
#[inline(always)]
fn usual_first_step<T: Sampled>(source: &Source<'_, T>, places: &mut [[Complex<T>; 4]; USUAL_GROUPS]) -> bool {
    const WHOLE: usize = 3 * USUAL_GROUPS;
    let (Some((pairs, fourth)), Some(coefficients)) =
        (source.pairs.split_first_chunk::<WHOLE>(), source.coefficients.first_chunk::<WHOLE>())
    else {
        return false;
    };
    let number = |at: usize| windowed(pairs[at], coefficients[at], source.raised);
    let three = |group: usize| [number(group), number(group + USUAL_GROUPS), number(group + 2 * USUAL_GROUPS)];
    let place = |group: usize| group.reverse_bits() >> (usize::BITS - USUAL_GROUPS.trailing_zeros());
    let with_fourth = (fourth.len() + 1).min(USUAL_GROUPS);
    for group in 0..with_fourth {
        let ([a, b, c], d) = (three(group), source.number(WHOLE + group).unwrap_or_default());
        places[place(group)] = transform_four(a, b, c, d);
    }
    for group in with_fourth..USUAL_GROUPS {
        let [a, b, c] = three(group);
        places[place(group)] = transform_three(a, b, c);
    }
    true
}

/// [`transform`], for which the two functions may take the first and the following steps; they give `false` where they leave a step.
#[inline(always)]
pub(super) fn transform_by<T: Sampled>(
    samples: &[i16],
    window: &[T::Coefficient],
    raised: u32,
    data: &mut [Complex<T>],
    first: impl Fn(&mut [Complex<T>]) -> bool,
    following: impl Fn(&mut [Complex<T>], usize) -> bool,
) {
    if !first(data) {
        first_step(&Source::new(samples, window, raised), data);
    }
    let mut span = if first_joins_four(data) { 4 } else { 2 };
    while span < data.len() {
        if !following(data, span) {
            step(data, span);
        }
        span *= 4;
    }
}

/// Whether the first step transforms groups of four, or of two: where the length is twice a power of four.
#[inline(always)]
pub(super) const fn first_joins_four<T>(data: &[Complex<T>]) -> bool {
    data.len().trailing_zeros().is_multiple_of(2)
}

/// Windows the samples and transforms groups of them.
#[inline(always)]
fn first_step<T: Sampled>(source: &Source<'_, T>, data: &mut [Complex<T>]) {
    let fours = first_joins_four(data);
    let groups = data.len() / if fours { 4 } else { 2 };
    // A group's results stand where its number's bits, in reverse order, say.
    let shift = usize::BITS - groups.trailing_zeros();
    if fours {
        let (places, _) = data.as_chunks_mut::<4>();
        for group in 0..groups {
            let [a, b, c, d] = [0, 1, 2, 3].map(|part| source.number(group + part * groups).unwrap_or_default());
            if let Some(place) = places.get_mut(group.reverse_bits() >> shift) {
                *place = transform_four(a, b, c, d);
            }
        }
    } else {
        let (places, _) = data.as_chunks_mut::<2>();
        for group in 0..groups {
            let [a, b] = [0, 1].map(|part| source.number(group + part * groups).unwrap_or_default());
            if let Some(place) = places.get_mut(group.reverse_bits() >> shift) {
                *place = transform_two([a, b]);
            }
        }
    }
}

/// The windowed samples, two a complex number.
pub(super) struct Source<'a, T: Sampled> {
    pub(super) pairs: &'a [[i16; 2]],
    pub(super) coefficients: &'a [[T::Coefficient; 2]],
    /// What an odd number of samples ends with.
    last: Option<Complex<T>>,
    raised: u32,
}

impl<'a, T: Sampled> Source<'a, T> {
    #[inline(always)]
    pub(super) fn new(samples: &'a [i16], window: &'a [T::Coefficient], raised: u32) -> Self {
        let (pairs, last_sample) = samples.as_chunks();
        let (coefficients, last_coefficient) = window.as_chunks();
        let last = match (last_sample, last_coefficient) {
            (&[x], &[u]) => Some([T::windowed(x, u, raised), T::default()]),
            _ => None,
        };
        Self { pairs, coefficients, last, raised }
    }

    /// The number at `index`; behind the last they are zero.
    #[inline(always)]
    pub(super) fn number(&self, index: usize) -> Option<Complex<T>> {
        match (self.pairs.get(index), self.coefficients.get(index)) {
            (Some(&pair), Some(&by)) => Some(windowed(pair, by, self.raised)),
            _ => self.last.filter(|_| index == self.pairs.len()),
        }
    }
}

#[inline(always)]
fn windowed<T: Sampled>([x, y]: [i16; 2], [u, v]: [T::Coefficient; 2], raised: u32) -> Complex<T> {
    [T::windowed(x, u, raised), T::windowed(y, v, raised)]
}

/// Joins groups of four transforms of `span` numbers each into one.
///
/// Bits in reverse order bring the second transform behind the third.
#[inline(always)]
fn step<T: Sampled>(data: &mut [Complex<T>], span: usize) {
    let angle = QUARTER / span;
    for group in data.chunks_exact_mut(4 * span) {
        let (lower, upper) = group.split_at_mut(2 * span);
        let ((first, third), (second, fourth)) = (lower.split_at_mut(span), upper.split_at_mut(span));
        let mut numbers = first.iter_mut().zip(third).zip(second).zip(fourth);
        if let Some((((a, c), b), d)) = numbers.next() {
            [*a, *c, *b, *d] = join_first(*a, *b, *c, *d);
        }
        for (index, (((a, c), b), d)) in numbers.enumerate() {
            [*a, *c, *b, *d] = join(T::turns((index + 1) * angle), *a, *b, *c, *d);
        }
    }
}

/// [`step`] with a span known in advance, a fourth of `LENGTH`: with few angles and many groups, an angle is looked up once for all groups.
#[inline(always)]
fn short_step<T: Sampled, const SPAN: usize, const LENGTH: usize>(data: &mut [Complex<T>]) {
    let (groups, _) = data.as_chunks_mut::<LENGTH>();
    for group in groups.iter_mut() {
        let [a, c, b, d] = [group[0], group[SPAN], group[2 * SPAN], group[3 * SPAN]];
        [group[0], group[SPAN], group[2 * SPAN], group[3 * SPAN]] = join_first(a, b, c, d);
    }
    for index in 1..SPAN {
        let turns = T::turns(index * (QUARTER / SPAN));
        for group in groups.iter_mut() {
            let [a, c] = [group[index], group[index + SPAN]];
            let [b, d] = [group[index + 2 * SPAN], group[index + 3 * SPAN]];
            let joined = join(turns, a, b, c, d);
            [group[index], group[index + SPAN], group[index + 2 * SPAN], group[index + 3 * SPAN]] = joined;
        }
    }
}

/// Joins numbers of four transforms.
#[inline(always)]
pub(super) fn join<T: Number>(
    [once, twice, thrice]: [Complex<T::Factor>; 3],
    a: Complex<T>,
    b: Complex<T>,
    c: Complex<T>,
    d: Complex<T>,
) -> [Complex<T>; 4] {
    transform_four(T::scaled(a), T::times(b, once), T::times(c, twice), T::times(d, thrice))
}

/// [`join`] without a turn.
#[inline(always)]
fn join_first<T: Number>(a: Complex<T>, b: Complex<T>, c: Complex<T>, d: Complex<T>) -> [Complex<T>; 4] {
    transform_four(T::scaled(a), T::scaled(b), T::scaled(c), T::scaled(d))
}

/// The transform of two numbers.
#[inline(always)]
pub(super) fn transform_two<T: Number>([a, b]: [Complex<T>; 2]) -> [Complex<T>; 2] {
    [plus(a, b), minus(a, b)]
}

/// The transform of four numbers.
#[inline(always)]
pub(super) fn transform_four<T: Number>(a: Complex<T>, b: Complex<T>, c: Complex<T>, d: Complex<T>) -> [Complex<T>; 4] {
    let ([sum, difference], [others, [x, y]]) = ([plus(a, c), minus(a, c)], [plus(b, d), minus(b, d)]);
    // −i·(b − d).
    let turned = [y, -x];
    [plus(sum, others), plus(difference, turned), minus(sum, others), minus(difference, turned)]
}

/// [`transform_four`] where the last is zero.
#[inline(always)]
fn transform_three<T: Number>(a: Complex<T>, b: Complex<T>, c: Complex<T>) -> [Complex<T>; 4] {
    let ([sum, difference], [x, y]) = ([plus(a, c), minus(a, c)], b);
    [plus(sum, b), plus(difference, [y, -x]), minus(sum, b), minus(difference, [y, -x])]
}

#[inline(always)]
pub(super) fn plus<T: Number>([a, b]: Complex<T>, [c, d]: Complex<T>) -> Complex<T> {
    [a + c, b + d]
}

#[inline(always)]
pub(super) fn minus<T: Number>([a, b]: Complex<T>, [c, d]: Complex<T>) -> Complex<T> {
    [a - c, b - d]
}

#[inline(always)]
pub(super) fn square_of<T>([a, b]: Complex<T>) -> T
where
    T: Number + Mul<Output = T>,
{
    a * a + b * b
}

/// Four times the power spectrum of real samples from the transform Z of their pairs.
///
/// With A = Z\[k\] and B = conj Z\[N/2 − k\], 2·X\[k\] = (A + B) − i·W^k·(A − B) and 2·conj X\[N/2 − k\] = (A + B) + i·W^k·(A − B).
///
/// `outermost` may make the powers of some pairs, which begin at either end, and says of how many.
#[inline(always)]
pub(super) fn powers_of_real(
    data: &mut [Complex<f32>],
    outermost: impl Fn(&mut [Complex<f32>], &mut [Complex<f32>]) -> usize,
) {
    match <&mut [_; USUAL]>::try_from(&mut *data) {
        Ok(data) => powers(data, outermost),
        Err(_) => powers(data, outermost),
    }
}

/// [`powers_of_real`], where it is inlined for the usual length and for others.
#[inline(always)]
fn powers(data: &mut [Complex<f32>], outermost: impl Fn(&mut [Complex<f32>], &mut [Complex<f32>]) -> usize) {
    let Some((first, others)) = data.split_first_mut() else { return };
    let [re, im] = *first;
    *first = [re + im, re - im].map(|bin| 4.0 * bin * bin);
    let keep = |place: &mut Complex<f32>, bin| place[0] = square_of(bin);
    if let Some(middle) = for_each_bin(others, outermost, turn, keep) {
        middle[0] = 4.0 * square_of(*middle);
    }
}

/// Hands 2·X, in the scale of products, to `keep` with its place, for all bins but the first and the middle one, whose place it gives.
/// `others` are the numbers behind the first; of `outermost` see [`powers_of_real`].
#[inline(always)]
pub(super) fn for_each_bin<T: Number>(
    others: &mut [Complex<T>],
    outermost: impl Fn(&mut [Complex<T>], &mut [Complex<T>]) -> usize,
    turn: impl Fn(usize) -> Complex<T::Factor>,
    keep: impl Fn(&mut Complex<T>, Complex<T>),
) -> Option<&mut Complex<T>> {
    let half = others.len() + 1;
    let angle = 2 * QUARTER / half;
    let (lower, upper) = others.split_at_mut(half / 2);
    let done = outermost(lower, upper);
    let left = upper.len().saturating_sub(done);
    let (lows, highs) = (lower.get_mut(done..).unwrap_or_default(), upper.get_mut(..left).unwrap_or_default());
    // The last number of the lower ones is its own partner.
    for (index, (low, high)) in lows.iter_mut().zip(highs.iter_mut().rev()).enumerate() {
        let [bin, partner] = bins_of_pair(*low, *high, turn((done + index + 1) * angle));
        keep(low, bin);
        keep(high, partner);
    }
    lower.last_mut()
}

/// 2·X\[k\] and 2·conj X\[N/2 − k\], in the scale of products, from the numbers there and W^k.
#[inline(always)]
pub(super) fn bins_of_pair<T: Number>(low: Complex<T>, high: Complex<T>, turn: Complex<T::Factor>) -> [Complex<T>; 2] {
    let conjugate = [high[0], -high[1]];
    let (sum, [x, y]) = (T::scaled(plus(low, conjugate)), minus(low, conjugate));
    let turned = T::times([y, -x], turn);
    [plus(sum, turned), minus(sum, turned)]
}

#[cfg(test)]
pub(super) mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use microfft::real;

    use super::power_spectrum;

    /// Noise that is the same on every run.
    pub(in crate::frontend) fn noise(length: usize) -> Vec<i16> {
        let mut state = length as u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16 as i16
        };
        (0..length).map(|_| draw()).collect()
    }

    fn compare(samples: &[i16], window: &[f32], spectrum: &[microfft::Complex32]) {
        let mut data = vec![[0.0; 2]; spectrum.len()];
        power_spectrum(samples, window, &mut data);
        let total: f32 = spectrum.iter().map(|bin| bin.norm_sqr()).sum();
        // microfft packs half the sample rate into the imaginary part of bin 0.
        let expected = |bin: usize| if bin == 0 { spectrum[0].re.powi(2) } else { spectrum[bin].norm_sqr() };
        for (bin, [power, _]) in data.iter().enumerate() {
            let error = (power / 4.0 - expected(bin)).abs();
            assert!(error <= 2e-6 * (expected(bin) + total / spectrum.len() as f32), "bin {bin} of {}", spectrum.len());
        }
        let error = (data[0][1] / 4.0 - spectrum[0].im.powi(2)).abs();
        assert!(error <= 2e-6 * total, "half the sample rate of {}", spectrum.len());
    }

    /// Whole frames, and frames that end anywhere before the transform does.
    #[test]
    fn it_is_the_transform_of_microfft() {
        macro_rules! sizes {
            ($($length:literal => $rfft:ident),+) => {$(
                for count in [$length, $length * 25 / 32, $length / 2 + 1, 3] {
                    let samples = noise(count);
                    let window: Vec<f32> = (0..count).map(|n| 0.2 + n as f32 / count as f32).collect();
                    let mut frame = [0.0f32; $length];
                    frame.iter_mut().zip(&samples).zip(&window).for_each(|((place, &x), w)| *place = f32::from(x) * w);
                    compare(&samples, &window, real::$rfft(&mut frame));
                }
            )+};
        }
        sizes!(
            32 => rfft_32, 64 => rfft_64, 128 => rfft_128, 256 => rfft_256, 512 => rfft_512, 1024 => rfft_1024,
            2048 => rfft_2048
        );
    }
}
