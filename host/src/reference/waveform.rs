//! Networks that take samples instead of features.

use super::{Runnable, inconsistent, logits, prepare, values};
use crate::Error;
use crate::compile::import::{describe, import};
use crate::compile::screen::Numbers;
use crate::guard::shielded;
use tract_onnx::prelude::*;

/// An ONNX model that tract runs on windows of samples.
pub struct WaveformNetwork {
    runnable: Runnable,
    shape: Vec<usize>,
    /// What a sample, an integer from -32768 to 32767, is multiplied by.
    pcm_scale: f32,
    outputs: usize,
}

impl WaveformNetwork {
    /// Prepares the ONNX file `onnx`, which has `outputs` outputs.
    ///
    /// # Errors
    /// [`Error::Onnx`] if tract cannot run it.
    pub fn new(onnx: &[u8], pcm_scale: f32, outputs: usize) -> Result<Self, Error> {
        let imported = import(onnx, Numbers::Foreign)?;
        let shape = imported.input_shape.clone();
        let network = Self { runnable: prepare(imported.graph, logits)?, shape, pcm_scale, outputs };
        // One run on silence, so that a graph which tract cannot run fails here.
        let samples = vec![0; network.shape.iter().product()];
        let given = shielded(|| network.run(&samples))
            .ok_or_else(inconsistent)?
            .map_err(|error| Error::Onnx { what: describe(&error) })?
            .len();
        if given != outputs {
            return Err(Error::Onnx { what: format!("it has {given} outputs and there are {outputs} labels") });
        }
        Ok(network)
    }

    /// The outputs for a window: as many samples as the network's input has.
    ///
    /// # Errors
    /// [`NetworkFailed`](earmark_core::Error::NetworkFailed) if tract fails on it.
    pub fn outputs(&self, samples: &[i16]) -> Result<Vec<f32>, Error> {
        match shielded(|| self.run(samples)) {
            Some(Ok(values)) if values.len() == self.outputs => Ok(values),
            _ => Err(earmark_core::Error::NetworkFailed.into()),
        }
    }

    fn run(&self, samples: &[i16]) -> TractResult<Vec<f32>> {
        let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) * self.pcm_scale).collect();
        let input = Tensor::from_shape(&self.shape, &samples)?;
        values(&self.runnable.run(tvec!(input.into()))?[0])
    }
}
