//! Window functions.

use std::f64::consts::TAU;

use super::Window;

/// The coefficients of a window of `length` samples.
pub(super) fn coefficients(window: Window, length: usize) -> Vec<f32> {
    // a − (1 − a)·cos(2πi / period)
    let raised_cosine = |a: f64, period: usize| {
        let step = TAU / period.max(1) as f64;
        (0..length).map(|i| (a - (1.0 - a) * libm::cos(i as f64 * step)) as f32).collect()
    };
    match window {
        Window::Hann => raised_cosine(0.5, length),
        // A single sample is its own peak.
        Window::HannSymmetric if length == 1 => vec![1.0],
        Window::HannSymmetric => raised_cosine(0.5, length - 1),
        Window::Hamming => raised_cosine(0.54, length),
        Window::Rectangular => vec![1.0; length],
    }
}
