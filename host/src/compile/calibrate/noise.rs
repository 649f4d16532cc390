//! How much each layer loses: signal to quantisation noise.

use tract_onnx::prelude::*;

use super::observe::Observer;
use super::rewrite::Rewritten;
use crate::Error;
use crate::compile::import::printable;

/// What is left of a tensor when everything up to it is int8.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LayerNoise {
    /// The ONNX node that makes it.
    pub node: String,
    /// Power of the float values over power of the difference, in decibels, over all calibration windows; none if one of them is 0.
    pub sqnr_db: Option<f64>,
}

/// Runs both graphs on all windows and compares each tensor that was quantised; the last one is the output.
///
/// # Errors
/// [`Error::Onnx`] if tract fails.
pub(super) fn measure(float: &TypedModel, rewritten: &Rewritten, windows: &[Tensor]) -> Result<Vec<LayerNoise>, Error> {
    let layers = &rewritten.layers;
    let float = Observer::new(float, &layers.iter().map(|layer| layer.float).collect::<Vec<_>>())?;
    let bytes = Observer::new(&rewritten.graph, &layers.iter().map(|layer| layer.bytes).collect::<Vec<_>>())?;
    let mut powers = vec![(0.0f64, 0.0f64); layers.len()];
    for window in windows {
        let (expected, given) = (float.run(window)?, bytes.run(window)?);
        for (((signal, noise), layer), (expected, given)) in
            powers.iter_mut().zip(layers).zip(expected.iter().zip(&given))
        {
            for (&expected, &given) in expected.iter().zip(given) {
                let difference = layer.quant.real(given as i8) - expected;
                *signal += f64::from(expected).powi(2);
                *noise += f64::from(difference).powi(2);
            }
        }
    }
    let noise_of = |(layer, (signal, noise)): (&super::rewrite::Layer, (f64, f64))| LayerNoise {
        node: printable(&layer.node),
        sqnr_db: (signal > 0.0 && noise > 0.0).then(|| 10.0 * (signal / noise).log10()),
    };
    Ok(layers.iter().zip(powers).map(noise_of).collect())
}
