//! How much each layer loses: signal to quantisation noise.

use tract_onnx::prelude::*;

use super::observe::Observer;
use super::rewrite::Rewritten;
use crate::Error;
use crate::compile::import::printable;

/// What is left of a tensor when everything up to it is quantised.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LayerNoise {
    /// The ONNX node that makes it.
    pub node: String,
    /// Power of the float values over power of the difference, in decibels, over all calibration windows; none if one of them is 0.
    pub sqnr_db: Option<f64>,
    /// The same of rounding this tensor's own values alone, where they would be exact otherwise: where it is least, 16 bits gain most.
    pub rounding_db: Option<f64>,
    /// Bits that its values are held in: 8 or 16.
    pub bits: usize,
}

/// Sums of squares.
#[derive(Debug, Clone, Copy, Default)]
struct Powers {
    signal: f64,
    noise: f64,
    rounding: f64,
}

fn decibels(signal: f64, noise: f64) -> Option<f64> {
    (signal > 0.0 && noise > 0.0).then(|| 10.0 * (signal / noise).log10())
}

/// Runs both graphs on all windows and compares each tensor that was quantised; the last one is the output.
///
/// # Errors
/// [`Error::Onnx`] if tract fails.
pub(super) fn measure(float: &TypedModel, rewritten: &Rewritten, windows: &[Tensor]) -> Result<Vec<LayerNoise>, Error> {
    let layers = &rewritten.layers;
    let float = Observer::new(float, &layers.iter().map(|layer| layer.float).collect::<Vec<_>>())?;
    let bytes = Observer::new(&rewritten.graph, &layers.iter().map(|layer| layer.bytes).collect::<Vec<_>>())?;
    let mut powers = vec![Powers::default(); layers.len()];
    for window in windows {
        let (expected, given) = (float.run(window)?, bytes.run(window)?);
        for ((powers, layer), (expected, given)) in powers.iter_mut().zip(layers).zip(expected.iter().zip(&given)) {
            for (&expected, &given) in expected.iter().zip(given) {
                let difference = layer.quant.real(given as i16) - expected;
                powers.signal += f64::from(expected).powi(2);
                powers.noise += f64::from(difference).powi(2);
            }
            // Of a step that any value may be off by half.
            powers.rounding += given.len() as f64 * f64::from(layer.quant.scale).powi(2) / 12.0;
        }
    }
    let noise_of = |(layer, powers): (&super::rewrite::Layer, Powers)| LayerNoise {
        node: printable(&layer.node),
        sqnr_db: decibels(powers.signal, powers.noise),
        rounding_db: decibels(powers.signal, powers.rounding),
        bits: 8 * layer.quant.element.bytes(),
    };
    Ok(layers.iter().zip(powers).map(noise_of).collect())
}
