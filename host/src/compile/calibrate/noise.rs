//! How much each layer loses: signal to quantisation noise.

use tract_onnx::prelude::*;

use super::observe::{Observer, in_parts};
use super::rewrite::{Layer, Rewritten};
use crate::Error;
use crate::compile::import::printable;
use crate::compile::lower::before_activation;

/// What is left of a tensor when everything up to it is quantised.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LayerNoise {
    /// The ONNX node that makes it.
    pub node: String,
    /// Power of the float values over power of the difference, in decibels, over up to 64 of the calibration windows; none if one of
    /// them is 0.
    pub sqnr_db: Option<f64>,
    /// The same of rounding this tensor's own values alone, where they would be exact otherwise: where it is least, 16 bits gain most.
    pub rounding_db: Option<f64>,
    /// Bits that its values are held in: 8 or 16.
    pub bits: usize,
}

fn decibels(signal: f64, noise: f64) -> Option<f64> {
    (signal > 0.0 && noise > 0.0).then(|| 10.0 * (signal / noise).log10())
}

/// The network's outputs for each window, before a last softmax or sigmoid.
///
/// # Errors
/// [`Error::Onnx`] if tract fails.
pub(super) fn outputs(float: &TypedModel, windows: &[Tensor]) -> Result<Vec<Vec<f32>>, Error> {
    let observer = Observer::new(float, &[before_activation(float)?.1])?;
    let parts = in_parts(windows, |windows| windows.iter().map(|window| observer.run(window)).collect())?;
    let parts: Vec<Vec<Vec<Vec<f32>>>> = parts;
    Ok(parts.into_iter().flatten().flatten().collect())
}

/// The power of a signal, of the noise in it, and of the noise that rounding makes there.
#[derive(Debug, Clone, Copy, Default)]
struct Powers {
    signal: f64,
    noise: f64,
    rounding: f64,
}

impl Powers {
    fn add(&mut self, layer: &Layer, expected: &[f32], given: &[f32]) {
        for (&expected, &given) in expected.iter().zip(given) {
            self.signal += f64::from(expected).powi(2);
            self.noise += f64::from(layer.quant.real(given as i16) - expected).powi(2);
        }
        // Of a step that any value may be off by half.
        self.rounding += given.len() as f64 * f64::from(layer.quant.scale).powi(2) / 12.0;
    }

    fn and(self, other: Self) -> Self {
        Self {
            signal: self.signal + other.signal,
            noise: self.noise + other.noise,
            rounding: self.rounding + other.rounding,
        }
    }
}

/// Runs a quantised graph on all windows, of which the right outputs are given: decibels of noise at its output. No noise at all has no
/// figure, and is better than any.
///
/// # Errors
/// [`Error::Onnx`] if tract fails.
pub(super) fn at_output(rewritten: &Rewritten, expected: &[Vec<f32>], windows: &[Tensor]) -> Result<f64, Error> {
    let Some(layer) = rewritten.layers.last() else { return Ok(f64::INFINITY) };
    let observer = Observer::new(&rewritten.graph, &[layer.bytes])?;
    let given = in_parts(windows, |windows| {
        windows.iter().map(|window| observer.run(window)).collect::<Result<Vec<_>, Error>>()
    })?;
    let mut powers = Powers::default();
    for (expected, given) in expected.iter().zip(given.into_iter().flatten()) {
        given.iter().for_each(|given| powers.add(layer, expected, given));
    }
    Ok(decibels(powers.signal, powers.noise).unwrap_or(f64::INFINITY))
}

/// Runs both graphs on all windows and compares each tensor that was quantised; the last one is the output.
///
/// # Errors
/// [`Error::Onnx`] if tract fails.
pub(super) fn measure(float: &TypedModel, rewritten: &Rewritten, windows: &[Tensor]) -> Result<Vec<LayerNoise>, Error> {
    let layers = &rewritten.layers;
    let float = Observer::new(float, &layers.iter().map(|layer| layer.float).collect::<Vec<_>>())?;
    let bytes = Observer::new(&rewritten.graph, &layers.iter().map(|layer| layer.bytes).collect::<Vec<_>>())?;
    let parts = in_parts(windows, |windows| {
        let mut powers = vec![Powers::default(); layers.len()];
        for window in windows {
            let values = float.run(window)?.into_iter().zip(bytes.run(window)?);
            for ((powers, layer), (expected, given)) in powers.iter_mut().zip(layers).zip(values) {
                powers.add(layer, &expected, &given);
            }
        }
        Ok(powers)
    })?;
    let of_layer = |(index, layer): (usize, &Layer)| {
        let powers = parts.iter().map(|powers| powers[index]).fold(Powers::default(), Powers::and);
        LayerNoise {
            node: printable(&layer.node),
            sqnr_db: decibels(powers.signal, powers.noise),
            rounding_db: decibels(powers.signal, powers.rounding),
            bits: 8 * layer.quant.element.bytes(),
        }
    };
    Ok(layers.iter().enumerate().map(of_layer).collect())
}
