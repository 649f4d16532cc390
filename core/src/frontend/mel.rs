//! From FFT bins to mel bands.

use super::spec::MelBand;

/// Sums the bins of each band with the band's weights, in units of `unit`; `weights` holds those of all bands, one after the other.
///
/// The spectrum is that of [`power_spectrum`](super::fft::power_spectrum).
pub(super) fn apply(bands: &[MelBand], weights: &[f32], spectrum: &[[f32; 2]], unit: f32, sums: &mut [f32]) {
    let mut weights = weights;
    for (band, place) in bands.iter().zip(sums) {
        // `FrontEndSpec::check` sees to it that all of them are there.
        let Some((own, others)) = weights.split_at_checked(usize::from(band.bins)) else { return };
        let Some(bins) = spectrum.get(usize::from(band.first_bin)..) else { return };
        weights = others;
        // Not `Iterator::sum`, which starts at -0.0, and not `mul_add`, which rounds once where other targets round twice.
        let mut sum = weighted(own, bins);
        if own.len() > bins.len()
            && let (Some(weight), Some([_, last])) = (own.last(), spectrum.first())
        {
            sum += weight * last;
        }
        *place = unit * sum;
    }
}

/// Σ weight · bin in their order, as long as the shorter one.
#[inline(always)]
fn weighted(weights: &[f32], bins: &[[f32; 2]]) -> f32 {
    let add = |sum: f32, (weight, [bin, _]): (&f32, &[f32; 2])| sum + weight * bin;
    let count = weights.len().min(bins.len());
    let (weights, bins) = (weights.get(..count).unwrap_or_default(), bins.get(..count).unwrap_or_default());
    // A few at a time, for processors on which a loop's own instructions count.
    let ((fours, weights), (fours_of_bins, bins)) = (weights.as_chunks::<4>(), bins.as_chunks::<4>());
    let sum = fours.iter().zip(fours_of_bins).fold(0.0, |sum, (weights, bins)| weights.iter().zip(bins).fold(sum, add));
    weights.iter().zip(bins).fold(sum, add)
}
