//! The reference runtime: tract runs the ONNX file that an artifact was compiled from.
//!
//! It takes the same features as the engine and gives the same kind of outputs, so that everything behind
//! [`Network`] runs on either, and the two can be compared.

use earmark_core::engine::{Network, quantise};
use earmark_core::model::{Model, Quantisation};
use tract_onnx::prelude::*;

use crate::Error;
use crate::compile::import::{Imported, describe, feature_axes, import, runnable};
use crate::compile::lower::before_activation;
use crate::compile::screen::Numbers;
use crate::guard::shielded;

mod waveform;

pub use waveform::WaveformNetwork;

type Runnable = Arc<TypedRunnableModel>;

/// Makes a graph ready to run up to an outlet that `output` chooses.
fn prepare(graph: TypedModel, output: impl FnOnce(&TypedModel) -> Result<OutletId, Error>) -> Result<Runnable, Error> {
    let output = output(&graph)?;
    shielded(|| runnable(graph, &[output]))
        .ok_or_else(inconsistent)?
        .map_err(|error| Error::Onnx { what: describe(&error) })
}

/// The output before a final softmax or sigmoid.
fn logits(graph: &TypedModel) -> Result<OutletId, Error> {
    Ok(before_activation(graph)?.1)
}

fn inconsistent() -> Error {
    Error::Onnx { what: "tract cannot run it".to_owned() }
}

/// The real numbers of an output.
fn values(output: &TValue) -> TractResult<Vec<f32>> {
    Ok(output.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}

/// An ONNX model that tract runs.
pub struct ReferenceNetwork {
    runnable: Runnable,
    /// The input's shape, and which of its axes are time and features (an axis beyond the last has the extent 1).
    shape: Vec<usize>,
    axes: (usize, usize),
    frames: usize,
    features: usize,
    input: Quantisation,
    output: Quantisation,
    outputs: usize,
    /// The last frames, oldest first.
    window: Vec<f32>,
}

impl ReferenceNetwork {
    /// Prepares the ONNX file `onnx`, from which `model` was compiled.
    ///
    /// # Errors
    /// [`Error::Onnx`] if tract cannot run it or it does not have the model's number of features and outputs.
    pub fn new(onnx: &[u8], model: &Model<'_>) -> Result<Self, Error> {
        Self::prepared(import(onnx, Numbers::Any)?, model)
    }

    /// Prepares the ONNX file `onnx`, of whatever operators, which `model` only describes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn described(onnx: &[u8], model: &Model<'_>) -> Result<Self, Error> {
        Self::prepared(import(onnx, Numbers::Foreign)?, model)
    }

    fn prepared(imported: Imported, model: &Model<'_>) -> Result<Self, Error> {
        let (frames, features) = (model.frames(), model.features());
        let shape = imported.input_shape;
        let axes = feature_axes(&shape, features).filter(|&(time, _)| shape.get(time).copied().unwrap_or(1) == frames);
        let axes = axes.ok_or_else(|| Error::Onnx {
            what: format!(
                "its input has the shape {shape:?} and the compiled model {frames} frames of {features} features"
            ),
        })?;
        let runnable = prepare(imported.graph, logits)?;
        let mut network = Self {
            runnable,
            shape,
            axes,
            frames,
            features,
            input: model.input(),
            output: model.output(),
            outputs: model.label_count(),
            window: vec![0.0; frames * features],
        };
        // One run on silence, so that a graph which tract cannot run fails here.
        let outputs = shielded(|| network.run())
            .ok_or_else(inconsistent)?
            .map_err(|error| Error::Onnx { what: describe(&error) })?;
        if outputs.len() != network.outputs {
            let what = format!("it has {} outputs and the compiled model {} labels", outputs.len(), network.outputs);
            return Err(Error::Onnx { what });
        }
        network.window.clear();
        Ok(network)
    }

    /// The logits of the window.
    fn run(&self) -> TractResult<Vec<f32>> {
        let window = self.arranged();
        let quantised = |value: &f32| quantise(*value, self.input);
        let input = match self.runnable.model().input_fact(0)?.datum_type {
            DatumType::I8 => Tensor::from_shape(&self.shape, &window.iter().map(quantised).collect::<Vec<i8>>())?,
            DatumType::U8 => {
                let bytes: Vec<u8> = window.iter().map(|value| quantised(value).cast_unsigned() ^ 0x80).collect();
                Tensor::from_shape(&self.shape, &bytes)?
            }
            _ => Tensor::from_shape(&self.shape, &window)?,
        };
        let outputs = self.runnable.run(tvec!(input.into()))?;
        let real = |value: i32| (value - i32::from(self.output.zero_point)) as f32 * self.output.scale;
        let offset = match outputs[0].datum_type() {
            DatumType::I8 => 0,
            DatumType::U8 => 128,
            _ => return values(&outputs[0]),
        };
        let integers = outputs[0].cast_to::<i32>()?;
        Ok(integers.try_as_plain_ram()?.as_slice::<i32>()?.iter().map(|&value| real(value - offset)).collect())
    }

    /// The window's values in the order of the input's axes.
    fn arranged(&self) -> Vec<f32> {
        arranged(&self.window, self.features, self.axes, self.shape.len())
    }
}

/// The frames of a window in the order of an input's axes, of which there are `rank`; those of time and of features are `axes`.
pub(crate) fn arranged(window: &[f32], features: usize, axes: (usize, usize), rank: usize) -> Vec<f32> {
    let (time, feature) = axes;
    if time < feature || time >= rank {
        return window.to_vec();
    }
    let frames = window.chunks_exact(features);
    (0..features).flat_map(|feature| frames.clone().map(move |frame| frame[feature])).collect()
}

impl Network for ReferenceNetwork {
    fn reset(&mut self) {
        self.window.clear();
    }

    fn push_frame(&mut self, features: &[f32]) -> Result<(), earmark_core::Error> {
        let (needed, given) = (self.features, features.len());
        if given != needed {
            return Err(earmark_core::Error::BufferLength { buffer: "features", needed, given });
        }
        if self.window.len() == self.frames * self.features {
            self.window.drain(..self.features);
        }
        self.window.extend_from_slice(features);
        Ok(())
    }

    fn push_quantised(&mut self, features: &[i8]) -> Result<(), earmark_core::Error> {
        self.push_frame(&features.iter().map(|&feature| self.input.value(feature)).collect::<Vec<_>>())
    }

    fn outputs(&mut self, outputs: &mut [f32]) -> Result<bool, earmark_core::Error> {
        let (needed, given) = (self.outputs, outputs.len());
        if given != needed {
            return Err(earmark_core::Error::BufferLength { buffer: "outputs", needed, given });
        }
        if self.window.len() < self.frames * self.features {
            return Ok(false);
        }
        match shielded(|| self.run()) {
            Some(Ok(values)) if values.len() == outputs.len() => outputs.copy_from_slice(&values),
            _ => return Err(earmark_core::Error::NetworkFailed),
        }
        Ok(true)
    }
}
