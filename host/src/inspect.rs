//! What is in an artifact, as numbers and as a table for people.

use std::collections::HashSet;
use std::fmt;

use earmark_core::engine::layout;
use earmark_core::frontend::{Arithmetic, Compression, Features, FrontEndSpec, Spectrum};
use earmark_core::model::{Mode, Model, Op, Problem, Tensor};
use serde_json::Value;

/// One operator of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it computes.
    pub operator: &'static str,
    /// The ONNX node that it comes from; empty if the artifact does not say.
    pub node: String,
    /// Height (time), width (frequency) and channels of its first input.
    pub input: [usize; 3],
    /// The same of its output.
    pub output: [usize; 3],
    /// Kernel, stride, dilation and groups, in words.
    pub details: String,
    /// Multiplications of one evaluation.
    pub macs: u64,
    /// Bytes of weights, biases, scales and tables that no operator before it uses.
    pub flash: usize,
    /// Bytes of its inputs, output and scratch memory.
    pub ram: usize,
}

/// An artifact, taken apart.
#[derive(Debug)]
pub struct Inspection<'m> {
    model: Model<'m>,
    /// The operators, in the order in which they run.
    pub steps: Vec<Step>,
    /// What the compiler noted: JSON.
    pub provenance: Value,
}

impl<'m> Inspection<'m> {
    /// Looks into a model.
    #[must_use]
    pub fn new(model: Model<'m>) -> Self {
        let provenance: Value = serde_json::from_str(model.provenance()).unwrap_or_default();
        let node = |index: usize| provenance["nodes"][index].as_str().unwrap_or_default().to_owned();
        let mut pieces = HashSet::new();
        let steps = model.plan().enumerate().map(|(index, op)| step(&op, node(index), &mut pieces)).collect();
        Self { model, steps, provenance }
    }

    /// Multiplications of one evaluation.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.steps.iter().map(|step| step.macs).sum()
    }

    /// Multiplications of one step of a stream; of a whole window if the network can't stream.
    #[must_use]
    pub fn macs_a_step(&self) -> u64 {
        match self.model.streaming() {
            Some(plan) => plan.ops().map(|op| op.multiply_accumulates()).sum(),
            None => self.macs(),
        }
    }

    /// Multiplications a second of audio that is listened to.
    #[must_use]
    pub fn macs_a_second(&self) -> f64 {
        self.macs_a_step() as f64 * f64::from(self.model.sample_rate()) / self.model.step_samples() as f64
    }

    /// Bytes of weights, biases, scales and tables of all operators.
    #[must_use]
    pub fn network_flash(&self) -> usize {
        self.steps.iter().map(|step| step.flash).sum()
    }

    /// Bytes of the front end's tables.
    #[must_use]
    pub fn front_end_flash(&self) -> usize {
        let spec = self.model.front_end();
        let floats = [spec.window, spec.mel_weights, spec.dct, spec.offset, spec.scale];
        let integers = match &spec.arithmetic {
            Arithmetic::Float => 0,
            Arithmetic::Fixed(tables) => {
                size_of_val(tables.window) + size_of_val(tables.mel_weights) + size_of_val(tables.quantisers)
            }
        };
        floats.iter().map(|table| size_of_val(*table)).sum::<usize>() + size_of_val(spec.mel_bands) + integers
    }
}

fn step(op: &Op, node: String, pieces: &mut HashSet<u32>) -> Step {
    let (first, second) = op.inputs();
    let mut flash = 0;
    let mut piece = |offset: u32, length: u64| flash += if pieces.insert(offset) { length as usize } else { 0 };
    let details = match op {
        Op::Convolution(op) | Op::Depthwise(op) => {
            let depthwise = op.groups > 1 && op.groups == op.input.channels && op.groups == op.output.channels;
            piece(op.weights, layout::weights_length(op, depthwise));
            piece(op.requantisation, 8 * layout::requantised_channels(op, depthwise));
            let groups = if op.groups > 1 && !depthwise { format!(", {} groups", op.groups) } else { String::new() };
            window(&op.window) + &groups
        }
        Op::Lookup(op) => {
            piece(op.table, 256);
            String::new()
        }
        Op::MaxPool(op) => window(&op.window),
        Op::AveragePool(op) => window(&op.window),
        _ => String::new(),
    };
    let tensors: HashSet<_> = [Some(first), second, Some(op.output())]
        .into_iter()
        .flatten()
        .map(|tensor| (tensor.offset, tensor.length()))
        .collect();
    let ram = tensors.iter().map(|(_, length)| *length).sum::<u64>() + layout::scratch_length(op);
    Step {
        operator: op.name(),
        node,
        input: shape(&first),
        output: shape(&op.output()),
        details,
        macs: op.multiply_accumulates(),
        flash,
        ram: ram as usize,
    }
}

fn shape(tensor: &Tensor) -> [usize; 3] {
    [usize::from(tensor.height), usize::from(tensor.width), tensor.channels as usize]
}

fn window(window: &earmark_core::model::Window) -> String {
    let pair = |[height, width]: [u16; 2]| format!("{height}×{width}");
    let mut text = pair(window.kernel);
    if window.stride != [1, 1] {
        text += &format!(", stride {}", pair(window.stride));
    }
    if window.dilation != [1, 1] {
        text += &format!(", dilation {}", pair(window.dilation));
    }
    if window.pad != [0, 0] {
        text += &format!(", padding {}", pair(window.pad));
    }
    text
}

impl fmt::Display for Inspection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = &self.model;
        let labels: Vec<&str> = model.labels().collect();
        let problem = match model.problem() {
            Problem::SingleLabel => "single-label (softmax)",
            Problem::MultiLabel => "multi-label (sigmoid)",
        };
        if let Some(name) = self.provenance["name"].as_str() {
            line(f, "model", name)?;
        }
        line(f, "labels", format_args!("{}: {}", labels.len(), labels.join(" ")))?;
        line(f, "problem", problem)?;
        self.front_end(f)?;
        self.detector(f)?;
        writeln!(f)?;
        self.plan(f)?;
        writeln!(f)?;
        self.totals(f)?;
        self.origin(f)
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{what:<14}{value}")
}

impl Inspection<'_> {
    fn front_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = &self.model;
        let spec: FrontEndSpec<'_> = model.front_end();
        let samples = model.window_samples();
        let seconds = samples as f64 / f64::from(model.sample_rate());
        line(f, "window", format_args!("{seconds} s: {samples} samples at {} Hz", model.sample_rate()))?;
        let kind = match spec.features {
            Features::LogMel => "log-mel",
            Features::Mfcc => "MFCC",
        };
        let features = format!("{} frames of {} {kind} features", model.frames(), model.features());
        line(f, "features", features)?;
        let spectrum = match spec.spectrum {
            Spectrum::Magnitude => "magnitude",
            Spectrum::Power => "power",
        };
        let arithmetic = match spec.arithmetic {
            Arithmetic::Float => "f32",
            Arithmetic::Fixed(_) => "fixed-point",
        };
        let compression = match spec.compression {
            Compression::LnPlus => format!("ln(x + {:e})", spec.floor),
            Compression::LnMax => format!("ln(max(x, {:e}))", spec.floor),
            Compression::DecibelMax => format!("10·log10(max(x, {:e}))", spec.floor),
        };
        line(
            f,
            "front end",
            format_args!(
                "{arithmetic}, frames of {} samples every {}, FFT {}, {spectrum}, {} mel bands, {compression}, samples × {}",
                spec.window_length,
                spec.hop_length,
                spec.fft_length,
                spec.mel_bands.len(),
                spec.pcm_scale
            ),
        )?;
        let (input, output) = (model.input(), model.output());
        line(f, "input", format_args!("int8, scale {}, zero point {}", input.scale, input.zero_point))?;
        line(f, "output", format_args!("int8, scale {}, zero point {}", output.scale, output.zero_point))
    }

    fn detector(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detector = self.model.detector();
        line(
            f,
            "detector",
            format_args!(
                "scores averaged over {} ms; above its threshold for {} ms a label is detected, and again once below {} of it; \
                 silent for {} ms after a detection and {} ms after a start",
                detector.smoothing_ms, detector.minimum_ms, detector.release, detector.refractory_ms, detector.mute_ms
            ),
        )?;
        let thresholds = self.model.thresholds();
        let text = match thresholds {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => first.to_string(),
            _ => self
                .model
                .labels()
                .zip(thresholds)
                .map(|(label, score)| format!("{label} {score}"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        line(f, "thresholds", text)
    }

    fn plan(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["#", "operator", "input", "output", "window", "MACs", "flash", "RAM", "node"].map(str::to_owned);
        let shape = |[height, width, channels]: [usize; 3]| format!("{height}×{width}×{channels}");
        let row = |(index, step): (usize, &Step)| {
            [
                index.to_string(),
                step.operator.to_owned(),
                shape(step.input),
                shape(step.output),
                step.details.clone(),
                step.macs.to_string(),
                step.flash.to_string(),
                step.ram.to_string(),
                step.node.clone(),
            ]
        };
        let rows: Vec<[String; 9]> = std::iter::once(head).chain(self.steps.iter().enumerate().map(row)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 9] = std::array::from_fn(width);
        for row in &rows {
            let mut text = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                // Numbers to the right, words to the left.
                let is_number = matches!(column, 0 | 5 | 6 | 7);
                text += &if is_number { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }

    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.model.sizes();
        let (network, front_end) = (self.network_flash(), self.front_end_flash());
        let rest = sizes.artifact.saturating_sub(network + front_end);
        line(f, "MACs", format_args!("{} a window", self.macs()))?;
        self.stream(f)?;
        line(
            f,
            "flash",
            format_args!(
                "{} bytes: network {network}, front end {front_end}, plan, labels and the rest {rest}",
                sizes.artifact
            ),
        )?;
        let bound = self.provenance["arena_lower_bound"].as_u64();
        let bound = bound.map_or_else(String::new, |bound| format!(" (no plan could do with less than {bound})"));
        line(
            f,
            "RAM",
            format_args!(
                "{} bytes: features and activations {}{bound}, kernels' scratch {}, front end and outputs {}",
                sizes.recognizer,
                self.model.arena_length(),
                self.model.scratch_length(),
                sizes.recognizer - sizes.engine
            ),
        )?;
        let (arena, scratch) = match self.model.streaming() {
            Some(plan) => (plan.arena_length(), plan.scratch_length()),
            None => (self.model.arena_length(), self.model.scratch_length()),
        };
        line(
            f,
            "RAM, stream",
            format_args!(
                "{} bytes: state and activations {arena}, kernels' scratch {scratch}, front end and outputs {}, detector {}",
                sizes.listener,
                sizes.streaming_recognizer - sizes.streaming_engine,
                sizes.listener - sizes.streaming_recognizer
            ),
        )
    }

    /// How a stream is evaluated, and why so.
    fn stream(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.model.step_samples();
        let milliseconds = step as f64 * 1e3 / f64::from(self.model.sample_rate());
        let (a_step, a_second) = (self.macs_a_step(), self.macs_a_second());
        let cost = format!("{a_step} MACs a step, {a_second:.0} a second");
        match self.model.mode() {
            Mode::Streaming { .. } => {
                line(f, "stream", format_args!("a step of {step} samples every {milliseconds} ms: {cost}"))
            }
            Mode::Windowed => {
                let why = self.provenance["windowed_because"].as_str().unwrap_or("the artifact does not say why");
                line(
                    f,
                    "stream",
                    format_args!("windowed, every {milliseconds} ms: {cost}; it can't stream, because {why}"),
                )
            }
        }
    }

    fn origin(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, key) in [("compiler", "compiler"), ("quantised", "quantisation")] {
            if let Some(text) = self.provenance[key].as_str() {
                line(f, what, text)?;
            }
        }
        let hash: String = self.model.source_hash().iter().map(|byte| format!("{byte:02x}")).collect();
        line(f, "source", format_args!("SHA-256 {hash}"))?;
        for (key, value) in self.provenance["provenance"].as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            line(f, key, text)?;
        }
        Ok(())
    }
}
