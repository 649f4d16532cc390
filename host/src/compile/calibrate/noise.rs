//! How much each layer loses: signal to quantisation noise.

use tract_onnx::prelude::*;

use super::observe::Observer;
use super::rewrite::{Corrections, Layer, Rewritten};
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

/// What each layer loses, and the mean error of each channel that has a bias.
pub(super) struct Noise {
    pub(super) layers: Vec<LayerNoise>,
    pub(super) means: Corrections,
}

/// What a layer's difference adds up to.
#[derive(Default)]
struct Sums {
    signal: f64,
    noise: f64,
    /// One a channel, if each has a bias.
    differences: Vec<f64>,
    /// Values of one channel.
    count: usize,
}

impl Sums {
    /// `[channels, inner]` is how the values lie.
    fn add(&mut self, layer: &Layer, [channels, inner]: [usize; 2], expected: &[f32], given: &[f32]) {
        self.differences.resize(channels, 0.0);
        self.count += expected.len() / channels;
        for (index, (&expected, &given)) in expected.iter().zip(given).enumerate() {
            let difference = f64::from(layer.quant.real(given as i8) - expected);
            self.signal += f64::from(expected).powi(2);
            self.noise += difference.powi(2);
            self.differences[index / inner % channels] += difference;
        }
    }
}

/// Runs both graphs on all windows and compares each tensor that was quantised; the last one is the output.
///
/// # Errors
/// [`Error::Onnx`] if tract fails.
pub(super) fn measure(graph: &TypedModel, rewritten: &Rewritten, windows: &[Tensor]) -> Result<Noise, Error> {
    let layers = &rewritten.layers;
    let float = Observer::new(graph, &layers.iter().map(|layer| layer.float).collect::<Vec<_>>())?;
    let bytes = Observer::new(&rewritten.graph, &layers.iter().map(|layer| layer.bytes).collect::<Vec<_>>())?;
    let shapes: Vec<[usize; 2]> = layers.iter().map(|layer| channels(graph, layer)).collect();
    let mut sums: Vec<Sums> = layers.iter().map(|_| Sums::default()).collect();
    for window in windows {
        let values = float.run(window)?.into_iter().zip(bytes.run(window)?);
        for (((sums, layer), &shape), (expected, given)) in sums.iter_mut().zip(layers).zip(&shapes).zip(values) {
            sums.add(layer, shape, &expected, &given);
        }
    }
    let mut means = Corrections::new();
    for (layer, sums) in layers.iter().zip(&sums).filter(|(layer, _)| layer.axis.is_some()) {
        let mean = |sum: &f64| (sum / sums.count.max(1) as f64) as f32;
        means.insert(layer.float, sums.differences.iter().map(mean).collect());
    }
    let noise_of = |(layer, sums): (&Layer, &Sums)| LayerNoise {
        node: printable(&layer.node),
        sqnr_db: (sums.signal > 0.0 && sums.noise > 0.0).then(|| 10.0 * (sums.signal / sums.noise).log10()),
    };
    Ok(Noise { layers: layers.iter().zip(&sums).map(noise_of).collect(), means })
}

/// Channels of a layer and the values of each that lie together; one channel where none has a bias.
fn channels(graph: &TypedModel, layer: &Layer) -> [usize; 2] {
    let fact = graph.outlet_fact(layer.float).ok();
    let shape = fact.and_then(|fact| fact.shape.as_concrete()).unwrap_or(&[]);
    let channels = layer.axis.and_then(|axis| Some([*shape.get(axis)?, shape[axis + 1..].iter().product()]));
    channels.unwrap_or([1, 1]).map(|extent: usize| extent.max(1))
}
