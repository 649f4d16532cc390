//! The model compiler: a quantised ONNX file becomes an artifact (`*.ear`), a float one with the help of audio ([`calibrate`]).
//!
//! Its bytes are looked over before anything is made of them (`wire`, `screen`). tract reads the file (`import`); its graph is lowered to operators on int8 tensors (`lower`, `ir`), made
//! smaller (`fuse`), made into steps of a stream (`stream`), given places in memory (`memory`) and written (`plan`, `emit`). What the model says about
//! itself is in [`metadata`]. A file that is not compiled but run by tract, as it is, is only described (`describe`).

pub mod calibrate;
pub(crate) mod describe;
mod emit;
mod fixed_point;
mod fuse;
pub(crate) mod import;
mod int16;
mod ir;
mod layout;
pub(crate) mod lower;
mod memory;
pub mod metadata;
mod plan;
mod qlinear;
mod quantize;
mod recurrent;
pub(crate) mod screen;
pub(crate) mod stream;
mod wire;

use earmark_core::frontend::FrontEndSpec;
use earmark_core::model::{Problem, Quantisation};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::frontend::{ArithmeticKind, FixedFrontEnd, FrontEndTables};
use crate::guard::shielded;
use import::Imported;
use lower::{Activation, Lowered};
use metadata::{Layers, Metadata, State};
use screen::Numbers;

/// Compiles an ONNX file; gives the artifact's bytes, to be moved to a multiple of 16 before use.
///
/// `layers` holds what the caller knows about the model from elsewhere: a TOML file beside it, flags. What the file
/// itself says comes below that.
///
/// # Errors
/// [`Error::Onnx`] and [`Error::UnsupportedOperator`] for the graph, [`Error::Metadata`] for what is wrong or missing
/// in the description. Any bytes are safe to give.
///
/// ```
/// use earmark::{Error, compile::{compile, metadata::Layers}};
/// assert!(matches!(compile(b"RIFF....WAVE", &Layers::default()), Err(Error::Onnx { .. })));
/// ```
pub fn compile(onnx: &[u8], layers: &Layers) -> Result<Vec<u8>, Error> {
    let imported = import::import(onnx, Numbers::Quantised)?;
    let description = Description::new(&imported, layers)?;
    assemble(onnx, &imported, &description, None)
}

/// What is said about a model, and the front end that it asks for.
#[derive(Debug)]
struct Description {
    layers: Layers,
    metadata: Metadata,
    tables: FrontEndTables,
}

impl Description {
    /// What the file itself says, and above it `layers`.
    fn new(imported: &Imported, layers: &Layers) -> Result<Self, Error> {
        let mut merged = Layers::default();
        merged.add_onnx(&imported.metadata);
        merged.add_layers(layers);
        let metadata = merged.metadata()?;
        if metadata.waveform.is_some() {
            let what = "its network takes samples: only --engine tract runs it, as it is".to_owned();
            return Err(Error::Metadata { what });
        }
        let options =
            metadata.frontend.as_ref().ok_or_else(|| missing("frontend", "frontend.preset=\"torchaudio\""))?;
        let tables = FrontEndTables::new(&options.settings()?)?;
        Ok(Self { layers: merged, metadata, tables })
    }
}

/// The artifact of a quantised graph that comes from the file `onnx`, by calibration if that is told.
fn assemble(
    onnx: &[u8],
    imported: &Imported,
    description: &Description,
    calibration: Option<serde_json::Value>,
) -> Result<Vec<u8>, Error> {
    let Description { layers, metadata, tables } = description;
    let lowered = shielded(|| lower::lower(imported, tables.spec().feature_count()));
    let Lowered { mut graph, activation } =
        lowered.unwrap_or_else(|| Err(Error::Onnx { what: "its graph is inconsistent".to_owned() }))?;
    fuse::fuse_clamps(&mut graph);
    fuse::leave_out_steps(&mut graph);
    let arena = memory::plan(&graph);
    let fixed = match tables.settings().arithmetic {
        ArithmeticKind::Float => None,
        ArithmeticKind::Fixed => {
            let ir::Quant { scale, zero_point, .. } = graph.input;
            Some(FixedFrontEnd::new(&tables.spec(), Quantisation { scale, zero_point })?)
        }
    };
    let spec = fixed.as_ref().map_or(tables.spec(), |fixed| fixed.spec(tables.spec()));
    let streams = spec.clip.refusal().map_or(Ok(()), |why| Err(why.to_owned()));
    let stream = streams.and_then(|()| stream::stream(&graph, metadata.state)).map(|stream| {
        let arena = memory::plan(&stream.graph);
        (stream, arena)
    });
    if metadata.state == State::Carried {
        let has_state = graph.ops.iter().any(|op| op.kind.state().is_some());
        let why = if has_state { stream.as_ref().err().cloned() } else { Some("it has no GRU or LSTM".to_owned()) };
        if let Some(why) = why {
            let what =
                format!("its state can't be carried from step to step, because {why}: leave out state = \"carried\"");
            return Err(Error::Metadata { what });
        }
    }
    let covered = spec.clip.samples(graph.frames.max(1), spec.window_length, spec.hop_length);
    let labels = labels(metadata, graph.output.length())?;
    let mut provenance = provenance(onnx, layers, metadata, &graph, &arena, stream.as_ref().err());
    if let Some(calibration) = calibration {
        provenance["calibration"] = calibration;
    }
    let contents = emit::Contents {
        labels,
        problem: problem(metadata, activation),
        window_samples: window_samples(metadata, covered, &spec)?,
        front_end: spec,
        graph: &graph,
        arena: &arena,
        stream: stream.as_ref().ok().map(|(stream, arena)| (stream, arena)),
        detector: metadata.detector.defaults(),
        thresholds: &metadata.detector.thresholds(labels.len())?,
        source_hash: Sha256::digest(onnx).into(),
        provenance: &provenance.to_string(),
    };
    emit::write(&contents)
}

/// What the description says, else as many samples as the network's frames cover. More would give it another frame.
fn window_samples(metadata: &Metadata, covered: usize, spec: &FrontEndSpec<'_>) -> Result<u32, Error> {
    let samples = metadata.window_samples.map_or(covered, |samples| samples as usize);
    let most = covered + spec.hop_length - 1;
    let mirrored = spec.clip.before(spec.window_length);
    if mirrored > 0 && samples <= mirrored {
        return Err(Error::Metadata {
            what: format!(
                "a window of {samples} samples is too short to go on mirrored by half a frame: leave out center"
            ),
        });
    }
    match u32::try_from(samples) {
        Ok(fitting) if (covered..=most).contains(&samples) => Ok(fitting),
        _ => Err(Error::Metadata {
            what: format!("window_samples is {samples}, and the network's frames need {covered} to {most}: change it"),
        }),
    }
}

fn missing(key: &str, example: &str) -> Error {
    Error::Metadata {
        what: format!(
            "there is no `{key}`: set it in the ONNX file's metadata_props (earmark.{key}), in a TOML file beside it, or \
             with --set {example}"
        ),
    }
}

fn labels(metadata: &Metadata, outputs: usize) -> Result<&[String], Error> {
    use earmark_core::model::format::{MAX_LABEL_LENGTH, MAX_LABELS};
    let labels = metadata.labels.as_deref().ok_or_else(|| missing("labels", "labels='[\"yes\",\"no\"]'"))?;
    let refuse = |what: String| Err(Error::Metadata { what });
    if labels.len() != outputs {
        return refuse(format!("the network has {outputs} outputs and there are {} labels", labels.len()));
    }
    if labels.is_empty() || labels.len() > MAX_LABELS {
        return refuse(format!("there are {} labels; there must be 1 to {MAX_LABELS}", labels.len()));
    }
    for (index, label) in labels.iter().enumerate() {
        if label.is_empty() || label.len() > MAX_LABEL_LENGTH {
            return refuse(format!("label {index} has {} bytes; it must have 1 to {MAX_LABEL_LENGTH}", label.len()));
        }
        if labels[..index].contains(label) {
            return refuse(format!("the label {label:?} is there twice"));
        }
    }
    Ok(labels)
}

/// What the description says, else what the network's last operator says, else one label.
fn problem(metadata: &Metadata, activation: Option<Activation>) -> Problem {
    match (metadata.problem, activation) {
        (Some(metadata::Problem::MultiLabel), _) | (None, Some(Activation::Sigmoid)) => Problem::MultiLabel,
        _ => Problem::SingleLabel,
    }
}

/// What the tensors are held in, in words.
fn activations(graph: &ir::Graph) -> String {
    match (graph.int16.len(), graph.tensors.len()) {
        (0, _) => "int8 activations".to_owned(),
        (some, all) if some == all => "int16 activations".to_owned(),
        (some, all) => format!("int8 activations, of which {some} of {all} tensors are int16"),
    }
}

/// Where the model comes from, for people and tools: JSON.
fn provenance(
    onnx: &[u8],
    description: &Layers,
    metadata: &Metadata,
    graph: &ir::Graph,
    arena: &memory::Arena,
    windowed_because: Option<&String>,
) -> serde_json::Value {
    let nodes: Vec<&str> = graph.ops.iter().map(|op| op.node.as_str()).collect();
    serde_json::json!({
        "name": metadata.name,
        "compiler": concat!("earmark ", env!("CARGO_PKG_VERSION")),
        "source_bytes": onnx.len(),
        "quantisation": activations(graph) + ", int8 weights with a scale per channel",
        "frontend": description.value("frontend"),
        "arena_lower_bound": arena.lower_bound,
        "nodes": nodes,
        "windowed_because": windowed_because,
        "provenance": metadata.provenance,
    })
}
