//! From log-mel features to cepstral coefficients.

/// Multiplies the matrix `dct` (a row a coefficient) by the log-mel features.
pub(super) fn apply(dct: &[f32], log_mel: &[f32], coefficients: &mut [f32]) {
    // There is a mel band: `FrontEndSpec::check`.
    for (row, coefficient) in dct.chunks_exact(log_mel.len().max(1)).zip(coefficients) {
        *coefficient = dot(row, log_mel);
    }
}

/// Σ a·b in the order of the slices, as long as the shorter one.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    // As in `mel`, not `Iterator::sum` and not `mul_add`.
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}
