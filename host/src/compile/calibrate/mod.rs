//! Quantising a float network with the help of audio: post-training quantisation.
//!
//! tract runs the float graph on windows of features that the model's own front end makes of the audio (`observe`). The range of
//! each tensor (`range`) and the weights (`product`) give a quantised graph (`rewrite`), which is lowered like one that was
//! quantised elsewhere. Both graphs then run on the same windows, to tell what each layer loses (`noise`).

mod affine;
mod equalise;
mod int16;
mod noise;
mod observe;
mod product;
mod range;
mod recurrent;
mod rewrite;
mod rounding;

use std::collections::HashMap;

use tract_onnx::prelude::*;

use super::import::{self, Imported, feature_axes};
use super::metadata::Layers;
use super::screen::Numbers;
use super::{Description, assemble};
use crate::Error;
use crate::features;
use crate::frontend::ArithmeticKind;
use crate::reference::arranged;

use int16::Elements;
pub use int16::Int16;
pub use noise::LayerNoise;
use observe::Observed;
pub use range::Ranges;
use rewrite::Rewritten;

/// Most windows that a network is calibrated on; of more, some are taken evenly.
pub const MAX_WINDOWS: usize = 512;

/// Values of all tensors in all windows beyond which there are fewer windows, so that it takes seconds.
const MAX_VALUES: usize = 1 << 27;

/// Most windows on which ways to quantise are compared.
const COMPARED: usize = 64;
/// How much channels are equalised where weights have to make up for it: half of it in decibels, and all.
const STRENGTHS: [f32; 2] = [0.5, 1.0];

/// A float ONNX model, read and described, not yet quantised.
#[derive(Debug)]
pub struct FloatModel<'o> {
    onnx: &'o [u8],
    imported: Imported,
    description: Description,
    /// Axes of time and features of the input.
    axes: (usize, usize),
}

/// What calibration gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// The artifact's bytes, to be moved to a multiple of 16 before use.
    pub artifact: Vec<u8>,
    /// Windows of audio that it was calibrated on.
    pub windows: usize,
    /// How the ranges were chosen; never [`Ranges::Best`], which stands for one of the others.
    pub ranges: Ranges,
    /// What each quantised tensor loses, in the order in which they are computed; the last one is the output.
    pub layers: Vec<LayerNoise>,
}

fn no_audio() -> Error {
    Error::Calibration { what: "there is no audio: give some that is like what it will hear".into() }
}

/// The model with equalised channels, and what its tensors hold.
struct Equalised {
    float: Imported,
    observed: HashMap<OutletId, Observed>,
}

impl Equalised {
    fn new(float: Imported, windows: &[Tensor], ranges: Ranges) -> Result<Self, Error> {
        let observed = observe::observe(&float.graph, windows, ranges)?;
        Ok(Self { float, observed })
    }

    fn quantised(&self, ranges: Ranges, elements: Elements<'_>) -> Result<Rewritten, Error> {
        rewrite::rewrite(&self.float, &self.observed, ranges, elements)
    }

    /// Decibels at the output.
    fn quality(
        &self,
        ranges: Ranges,
        elements: Elements<'_>,
        expected: &[Vec<f32>],
        windows: &[Tensor],
    ) -> Result<f64, Error> {
        noise::at_output(&self.quantised(ranges, elements)?, expected, windows)
    }
}

impl<'o> FloatModel<'o> {
    /// Reads an ONNX file whose weights are real numbers; `layers` holds what is known about it beyond its metadata.
    ///
    /// # Errors
    /// As of [`compile`](super::compile), and [`Error::Calibration`] if the model is quantised already.
    pub fn new(onnx: &'o [u8], layers: &Layers) -> Result<Self, Error> {
        let imported = import::import(onnx, Numbers::Real)?;
        let bytes = [DatumType::I8, DatumType::U8];
        let is_quantised =
            |node: &&TypedNode| node.outputs.iter().any(|output| bytes.contains(&output.fact.datum_type));
        if let Some(node) = imported.graph.nodes().iter().find(is_quantised) {
            let name = import::printable(&node.name);
            let what = format!("it is quantised already, at node {name}: compile it without audio");
            return Err(Error::Calibration { what });
        }
        let description = Description::new(&imported, layers)?;
        let features = description.tables.spec().feature_count();
        let shape = &imported.input_shape;
        let axes = feature_axes(shape, features).ok_or_else(|| Error::Onnx {
            what: format!(
                "its input has the shape {shape:?}, but the front end gives {features} features a frame: \
                 one axis must have that extent and one other the number of frames"
            ),
        })?;
        Ok(Self { onnx, imported, description, axes })
    }

    /// The sample rate that audio must have, in hertz.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.description.tables.spec().sample_rate
    }

    /// The model's labels, if it says them.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        self.description.metadata.labels.iter().flatten().map(String::as_str).collect()
    }

    /// Quantises and compiles the model.
    ///
    /// `clips` hold samples at [`sample_rate`](Self::sample_rate). A clip shorter than the network's window is put in the middle of
    /// silence, of a longer one each window counts, one after the other. The layers that `int16` names get 16 bits.
    ///
    /// # Errors
    /// [`Error::Calibration`] without clips or for a layer that is not there, [`Error::UnsupportedOperator`] with the name of a node, and as
    /// [`compile`](super::compile).
    pub fn calibrate(&self, clips: &[Vec<i16>], ranges: Ranges, int16: &Int16) -> Result<Calibrated, Error> {
        let mut windows = Vec::new();
        for clip in clips {
            windows.extend(self.windows(clip)?);
        }
        let affordable = observe::affordable(&self.imported.graph, MAX_VALUES);
        let most = affordable.clamp(COMPARED, MAX_WINDOWS);
        let step = windows.len().div_ceil(most).max(1);
        let windows: Vec<Tensor> = windows.into_iter().step_by(step).collect();
        if windows.is_empty() {
            return Err(no_audio());
        }
        let few: Vec<Tensor> = windows.iter().step_by(windows.len().div_ceil(COMPARED).max(1)).cloned().collect();
        let before = observe::observe(&self.imported.graph, &few, Ranges::MinMax)?;
        let features = self.description.tables.settings().arithmetic == ArithmeticKind::Float;
        let elements = Elements { int16, features };
        let (first, others) = ranges.candidates();
        let expected = noise::outputs(&self.imported.graph, &few)?;
        // Where all tensors are int16 there is nothing to choose.
        let others = if features && *int16 == Int16::All { &[] } else { others };
        let mut best: Option<(Equalised, f64)> = None;
        for strength in STRENGTHS {
            let graph = equalise::equalised(&self.imported.graph, &before, strength)?;
            let equalised = Equalised::new(self.imported.with_graph(graph), &few, first)?;
            let quality = equalised.quality(first, elements, &expected, &few)?;
            if best.as_ref().is_none_or(|&(_, best)| quality > best) {
                best = Some((equalised, quality));
            }
        }
        let Some((mut equalised, mut best)) = best else { return Err(no_audio()) };
        if !others.is_empty() {
            equalised = Equalised::new(equalised.float, &few, Ranges::Best)?;
        }
        let mut ranges = first;
        for &other in others {
            let quality = equalised.quality(other, elements, &expected, &few)?;
            if quality > best {
                (ranges, best) = (other, quality);
            }
        }
        let equalised = Equalised::new(equalised.float, &windows, ranges)?;
        let rewritten = equalised.quantised(ranges, elements)?;
        let layers = noise::measure(&equalised.float.graph, &rewritten, &few)?;
        let imported = self.imported.with_graph(rewritten.graph);
        let note = serde_json::json!({"windows": windows.len(), "ranges": ranges.name()});
        let artifact = assemble(self.onnx, &imported, &self.description, Some(note))?;
        Ok(Calibrated { artifact, windows: windows.len(), ranges, layers })
    }

    /// The windows of a clip as inputs of the network.
    fn windows(&self, clip: &[i16]) -> Result<Vec<Tensor>, Error> {
        let spec = self.description.tables.spec();
        let shape = &self.imported.input_shape;
        let frames = shape.get(self.axes.0).copied().unwrap_or(1);
        let covered = spec.clip.samples(frames, spec.window_length, spec.hop_length);
        let missing = covered.saturating_sub(clip.len());
        let mut samples = vec![0; missing / 2];
        samples.extend_from_slice(clip);
        samples.resize(clip.len() + missing, 0);
        // Where features depend on the whole window, each window is a clip of its own.
        let clip = if spec.clip.refusal().is_some() { covered.max(1) } else { samples.len() };
        let mut windows = Vec::new();
        for samples in samples.chunks_exact(clip) {
            let matrix = features::features(spec, samples)?;
            for values in matrix.values.chunks_exact(frames * matrix.columns) {
                let values = arranged(values, matrix.columns, self.axes, shape.len());
                let window = Tensor::from_shape(shape, &values);
                windows.push(window.map_err(|error| Error::Onnx { what: import::describe(&error) })?);
            }
        }
        Ok(windows)
    }
}
