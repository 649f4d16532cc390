//! From FFT bins to mel bands.

use super::spec::MelBand;

/// Sums the bins of each band with the band's weights; `weights` holds those of all bands, one after the other.
pub(super) fn apply(bands: &[MelBand], weights: &[f32], spectrum: &[f32], sums: &mut [f32]) {
    let mut weights = weights;
    for (band, sum) in bands.iter().zip(sums) {
        // `FrontEndSpec::check` sees to it that all of them are there.
        let (own, others) = weights.split_at_checked(usize::from(band.bins)).unwrap_or_default();
        weights = others;
        *sum = dot(own, spectrum.get(usize::from(band.first_bin)..).unwrap_or_default());
    }
}

/// Σ a·b in the order of the slices, as long as the shorter one.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Not `Iterator::sum`, which starts at -0.0, and not `mul_add`, which rounds once where other targets round twice.
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}
