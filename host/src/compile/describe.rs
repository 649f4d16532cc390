//! A description of a model that is not compiled, because tract runs it as it is: real numbers, any operator, samples in.
//!
//! It is an artifact without operators: the rest of earmark reads labels, rates, front end and detector defaults from it as from any
//! other. The engine has nothing to run in it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use tract_onnx::prelude::DatumType;

use super::import::{self, feature_axes};
use super::ir::{Graph, Place, Quant};
use super::lower::before_activation;
use super::memory::Arena;
use super::metadata::{Layers, Metadata, Waveform};
use super::screen::Numbers;
use super::{Description, emit, labels, problem, window_samples};
use crate::Error;
use crate::frontend::{ArithmeticKind, FrontEndTables, Options};

/// What stands in the artifact's place.
#[derive(Debug)]
pub struct Described {
    /// An artifact without operators.
    pub artifact: Vec<u8>,
    /// What the network takes in.
    pub input: Input,
}

/// What a network takes in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// The front end's features.
    Features,
    /// Samples, each multiplied by this.
    Samples(f32),
}

/// Describes the ONNX file `onnx`; `layers` holds what is known about it beyond its metadata.
///
/// # Errors
/// [`Error::Onnx`] if tract cannot read it or it takes something else than features or samples; [`Error::Metadata`].
pub fn describe(onnx: &[u8], layers: &Layers) -> Result<Described, Error> {
    let imported = import::import(onnx, Numbers::Foreign)?;
    let (activation, logits) = before_activation(&imported.graph)?;
    let refused = |what: String| Err(Error::Onnx { what });
    if imported.graph.input_fact(0).is_ok_and(|fact| fact.datum_type != DatumType::F32) {
        return refused("its input is not float32: compile it, or export it with a float input".to_owned());
    }
    let outputs =
        imported.graph.outlet_fact(logits).ok().and_then(|fact| fact.shape.as_concrete().map(<[usize]>::to_vec));
    let Some(outputs) = outputs else { return refused("its output's shape leaves sizes open".to_owned()) };
    let outputs = outputs.iter().product();

    let mut merged = Layers::default();
    merged.add_onnx(&imported.metadata);
    merged.add_layers(layers);
    let metadata = merged.metadata()?;
    let shape = &imported.input_shape;
    let (metadata, tables, input, frames) = match metadata.waveform {
        Some(waveform) => {
            let samples = shape.iter().product::<usize>();
            if shape.iter().filter(|&&extent| extent > 1).count() > 1 {
                return refused(format!("its input has the shape {shape:?}, which is not one run of samples"));
            }
            let (metadata, tables) = listen_to_samples(metadata, waveform, samples)?;
            let frames = tables.settings().clip.frames(samples, 1, tables.settings().hop_length);
            (metadata, tables, Input::Samples(waveform.pcm_scale), frames)
        }
        None => {
            let Description { metadata, tables, .. } = Description::new(&imported, layers)?;
            let features = tables.spec().feature_count();
            let Some((time, _)) = feature_axes(shape, features) else {
                return refused(format!(
                    "its input has the shape {shape:?}, and the front end {features} features a frame"
                ));
            };
            (metadata, tables, Input::Features, shape.get(time).copied().unwrap_or(1))
        }
    };
    if tables.settings().arithmetic == ArithmeticKind::Fixed {
        let what = "a front end in integers is for compiled models: leave out frontend.arithmetic".to_owned();
        return Err(Error::Metadata { what });
    }
    let spec = tables.spec();
    let covered = spec.clip.samples(frames, spec.window_length, spec.hop_length);
    let features = spec.feature_count();
    let bytes = (frames * features).max(outputs);
    let graph = Graph {
        tensors: vec![bytes],
        int16: BTreeSet::new(),
        ops: Vec::new(),
        frames,
        features,
        lasting: vec![Graph::FEATURES],
        // Neither is used: values stay real.
        input: Quant::bytes(1.0, 0),
        output: Place { tensor: Graph::FEATURES, offset: 0, shape: [1, 1, outputs], zero_point: 0 },
        output_quant: Quant::bytes(1.0, 0),
    };
    let labels = labels(&metadata, outputs)?;
    let provenance = serde_json::json!({
        "name": metadata.name,
        "compiler": concat!("earmark ", env!("CARGO_PKG_VERSION")),
        "quantisation": "none: described for the reference runtime, not compiled",
        "provenance": metadata.provenance,
    });
    let artifact = emit::write(&emit::Contents {
        labels,
        problem: problem(&metadata, activation),
        window_samples: window_samples(&metadata, covered, &spec)?,
        front_end: spec,
        graph: &graph,
        arena: &Arena { offsets: vec![0], length: bytes, lower_bound: bytes },
        stream: None,
        detector: metadata.detector.defaults(),
        thresholds: &metadata.detector.thresholds(labels.len())?,
        source_hash: Sha256::digest(onnx).into(),
        provenance: &provenance.to_string(),
    })?;
    Ok(Described { artifact, input })
}

/// A front end that is never asked for features, but says how many samples a window has: as few frames as there can be.
fn listen_to_samples(
    metadata: Metadata,
    waveform: Waveform,
    samples: usize,
) -> Result<(Metadata, FrontEndTables), Error> {
    let refused = |what: &str| Err(Error::Metadata { what: what.to_owned() });
    if metadata.frontend.is_some() {
        return refused("there are both `frontend` and `waveform`: the network takes features or samples");
    }
    if !(waveform.pcm_scale.is_finite() && waveform.pcm_scale > 0.0) {
        return refused("waveform.pcm_scale must be a number above 0");
    }
    if metadata.window_samples.is_some_and(|window| window as usize != samples) {
        return refused("window_samples is another number than the network's input has: leave it out");
    }
    let options: Options = serde_json::from_value(serde_json::json!({
        "preset": "torchaudio", "sample_rate": waveform.sample_rate, "window_length": 1, "fft_length": 32, "mel_bands": 1,
        "hop_length": 65_535, "center": "zeros",
    }))
    .map_err(|error| Error::Metadata { what: error.to_string() })?;
    let tables = FrontEndTables::new(&options.settings()?)?;
    Ok((Metadata { window_samples: u32::try_from(samples).ok(), ..metadata }, tables))
}
