//! The mel filterbank: overlapping triangles over the bins of the FFT.

use earmark_core::frontend::MelBand;

use super::{MelNorm, MelScale, MelTriangles, Settings};

/// The bands, and the weights of all bands one after the other.
///
/// Computed in double precision with the `libm` crate, so that every host makes the same artifact.
pub(super) fn filterbank(settings: &Settings) -> (Vec<MelBand>, Vec<f32>) {
    let scale = settings.mel_scale;
    let (low, high) = (to_mel(scale, settings.low_hz), to_mel(scale, settings.high_hz));
    let edge = |i: usize| low + (high - low) * i as f64 / (settings.mel_bands + 1) as f64;
    let bins = settings.fft_length / 2 + 1;
    let hertz = |bin: usize| bin as f64 * f64::from(settings.sample_rate) / settings.fft_length as f64;
    let mut bands = Vec::with_capacity(settings.mel_bands);
    let mut weights = Vec::new();
    for band in 0..settings.mel_bands {
        let edges_in_mel = [edge(band), edge(band + 1), edge(band + 2)];
        let edges_in_hertz = edges_in_mel.map(|mel| to_hertz(scale, mel));
        let height = match settings.mel_norm {
            MelNorm::None => 1.0,
            MelNorm::Slaney => 2.0 / (edges_in_hertz[2] - edges_in_hertz[0]),
        };
        let weight = |bin: usize| {
            let weight = match settings.mel_triangles {
                MelTriangles::Hertz => triangle(edges_in_hertz, hertz(bin)),
                MelTriangles::Mel => triangle(edges_in_mel, to_mel(scale, hertz(bin))),
            };
            (weight * height) as f32
        };
        // A triangle narrower than a bin may hold none: such a band stays empty, as it does in the libraries.
        let first_bin = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
        let own = (first_bin..bins).map(weight).take_while(|&weight| weight > 0.0);
        let before = weights.len();
        weights.extend(own);
        // At most 1025 bins fit an FFT of 2048 points.
        bands.push(MelBand { first_bin: first_bin as u16, bins: (weights.len() - before) as u16 });
    }
    (bands, weights)
}

/// 0 at and outside the outer edges, 1 at the middle one.
fn triangle([left, peak, right]: [f64; 3], x: f64) -> f64 {
    let (rising, falling) = ((x - left) / (peak - left), (right - x) / (right - peak));
    rising.min(falling).max(0.0)
}

/// Slaney's scale: 200/3 Hz a mel up to 1 kHz, and 27 mel from there to 6.4 kHz in equal ratios.
const SLANEY_HERTZ: f64 = 200.0 / 3.0;
const SLANEY_CORNER: f64 = 1_000.0;
const SLANEY_CORNER_MEL: f64 = SLANEY_CORNER / SLANEY_HERTZ;

/// The natural logarithm of the ratio of one mel above the corner.
fn slaney_log_step() -> f64 {
    libm::log(6.4) / 27.0
}

fn to_mel(scale: MelScale, hertz: f64) -> f64 {
    match scale {
        MelScale::Htk => 2_595.0 * libm::log10(1.0 + hertz / 700.0),
        MelScale::Slaney if hertz < SLANEY_CORNER => hertz / SLANEY_HERTZ,
        MelScale::Slaney => SLANEY_CORNER_MEL + libm::log(hertz / SLANEY_CORNER) / slaney_log_step(),
    }
}

fn to_hertz(scale: MelScale, mel: f64) -> f64 {
    match scale {
        MelScale::Htk => 700.0 * (libm::exp10(mel / 2_595.0) - 1.0),
        MelScale::Slaney if mel < SLANEY_CORNER_MEL => mel * SLANEY_HERTZ,
        MelScale::Slaney => SLANEY_CORNER * libm::exp((mel - SLANEY_CORNER_MEL) * slaney_log_step()),
    }
}
