//! An artifact as text for people.

use std::fmt;

use earmark_core::detect::SENSITIVITY_LOGITS;
use earmark_core::frontend::{Arithmetic, Compression, Features, FrontEndSpec, Spectrum};
use earmark_core::model::{Element, Mode, Problem};

use super::{Inspection, Step, in_words};

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
        if let Some(why) = spec.clip.refusal() {
            line(f, "", format_args!("for clips only: {why}"))?;
        }
        let (input, output) = (model.input(), model.output());
        let bits = |element: Element| 8 * element.bytes();
        let (of_input, of_output) = (bits(model.input_element()), bits(model.output_element()));
        line(f, "input", format_args!("int{of_input}, scale {}, zero point {}", input.scale, input.zero_point))?;
        line(f, "output", format_args!("int{of_output}, scale {}, zero point {}", output.scale, output.zero_point))
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
        if detector.isolation > 0.0 {
            let logits = SENSITIVITY_LOGITS * detector.isolation;
            line(
                f,
                "isolation",
                format_args!(
                    "{}: thresholds are up to {logits} logits higher in the midst of talk",
                    detector.isolation
                ),
            )?;
        }
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
        let row = |(index, step): (usize, &Step)| {
            [
                index.to_string(),
                step.operator.to_owned(),
                in_words(step.input, step.bits[0]),
                in_words(step.output, step.bits[1]),
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
                let state = if self.carries_state() { "; it remembers all since the last reset" } else { "" };
                line(f, "stream", format_args!("a step of {step} samples every {milliseconds} ms: {cost}{state}"))
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
