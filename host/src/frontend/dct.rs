//! The cosine transform from log-mel features to cepstral coefficients.

use std::f64::consts::PI;

use super::MfccNorm;

/// The first `coefficients` rows of a DCT-II over `bands` values, row by row.
pub(super) fn matrix(coefficients: usize, bands: usize, norm: MfccNorm) -> Vec<f32> {
    let row_scale = |row| match norm {
        MfccNorm::Ortho if row == 0 => (1.0 / bands as f64).sqrt(),
        MfccNorm::Ortho | MfccNorm::Htk => (2.0 / bands as f64).sqrt(),
    };
    let element = |row, band| row_scale(row) * libm::cos(PI / bands as f64 * row as f64 * (band as f64 + 0.5));
    (0..coefficients).flat_map(|row| (0..bands).map(move |band| element(row, band) as f32)).collect()
}
