//! The logarithm of a band's energy.

use super::spec::Compression;

/// 10 / ln 10: decibels in a neper of power.
const DECIBELS: f32 = 10.0 / core::f32::consts::LN_10;

/// Replaces every sum, which is zero or more, by its logarithm; `floor` is more than zero.
pub(super) fn apply(compression: Compression, floor: f32, sums: &mut [f32]) {
    let at_least_floor = |x: f32| if x > floor { x } else { floor };
    match compression {
        Compression::LnPlus => sums.iter_mut().for_each(|x| *x = libm::logf(*x + floor)),
        Compression::LnMax => sums.iter_mut().for_each(|x| *x = libm::logf(at_least_floor(*x))),
        Compression::DecibelMax => sums.iter_mut().for_each(|x| *x = DECIBELS * libm::logf(at_least_floor(*x))),
    }
}
