//! From log-mel features to cepstral coefficients.

use super::mel::dot;

/// Multiplies the matrix `dct` (a row a coefficient) by the log-mel features.
pub(super) fn apply(dct: &[f32], log_mel: &[f32], coefficients: &mut [f32]) {
    // There is a mel band: `FrontEndSpec::check`.
    for (row, coefficient) in dct.chunks_exact(log_mel.len().max(1)).zip(coefficients) {
        *coefficient = dot(row, log_mel);
    }
}
