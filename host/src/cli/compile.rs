//! `earmark compile`: an ONNX file in, an artifact out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::compile::metadata::Layers;
use earmark::model::{self, LoadedModel};

use super::Output;
use super::calibrate::Calibration;

/// Compile an ONNX model to an artifact that runs everywhere
///
/// A quantised model keeps its numbers. A float one is quantised with the audio that --calibrate names.
///
/// Labels, front end, problem type and detector defaults come from the ONNX file's metadata_props (earmark.*), from a
/// TOML file beside it (its own name with .toml, or MODEL.toml), and from these flags; the later win.
#[derive(Debug, Args)]
pub struct Compile {
    /// The ONNX file
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// Where to write the artifact [default: the model's path with .ear]
    #[arg(short, long, value_name = "MODEL.ear")]
    output: Option<PathBuf>,
    /// The model's name
    #[arg(long)]
    name: Option<String>,
    /// One label an output, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "LABEL,…")]
    labels: Vec<String>,
    /// Whether one label is right or any number of them
    #[arg(long, value_parser = ["single-label", "multi-label"])]
    problem: Option<String>,
    /// What the front end computes with: fixed is integers, for processors without floating point [default: float]
    #[arg(long, value_parser = ["float", "fixed"])]
    frontend: Option<String>,
    /// Samples of one classification window
    #[arg(long, value_name = "SAMPLES")]
    window_samples: Option<u32>,
    /// Any other setting, as in MODEL.toml: frontend.mel_bands=40, detector.threshold=0.8
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    calibration: Calibration,
}

impl Compile {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let onnx = model::read(&self.model).map_err(|cause| Error::ReadModel { path: self.model.clone(), cause })?;
        let path = self.output.clone().unwrap_or_else(|| self.model.with_extension("ear"));
        let is_source = |output: PathBuf| self.model.canonicalize().is_ok_and(|source| source == output);
        if path.canonicalize().is_ok_and(is_source) {
            return Err(Error::OverwritesSource { path });
        }
        let (name, layers) = (path.display().to_string(), self.layers()?);
        let (compiled, report) = match self.calibration.folder() {
            Some(folder) => {
                let (compiled, report) = self.calibration.run(&name, onnx, &layers, folder)?;
                (compiled, Some(report))
            }
            None => (LoadedModel::compile(&name, onnx, &layers)?, None),
        };
        let model = compiled.model()?;
        std::fs::write(&path, model.bytes()).map_err(|cause| Error::WriteModel { path: path.clone(), cause })?;
        let sizes = model.sizes();
        let mut output = Output::new();
        if output.is_terminal() {
            output.write(format_args!(
                "{}: {} bytes of flash, {} bytes of RAM ({} for the network); `earmark inspect` says more\n",
                path.display(),
                sizes.artifact,
                sizes.recognizer,
                sizes.engine
            ))?;
            if let Some(report) = &report {
                output.write(report.text())?;
            }
        } else {
            let mut summary = serde_json::json!({
                "file": path,
                "flash": sizes.artifact,
                "ram": sizes.recognizer,
                "network_ram": sizes.engine,
            });
            if let Some(report) = &report {
                summary["calibration"] = serde_json::json!(report);
            }
            output.write(format_args!("{summary}\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The TOML file beside the model, below the flags.
    fn layers(&self) -> Result<Layers, Error> {
        let mut layers = Layers::default();
        layers.add_file_beside(&self.model)?;
        if let Some(name) = &self.name {
            layers.set("name", name.as_str().into());
        }
        if !self.labels.is_empty() {
            layers.set("labels", self.labels.clone().into());
        }
        if let Some(problem) = &self.problem {
            layers.set("problem", problem.as_str().into());
        }
        if let Some(arithmetic) = &self.frontend {
            layers.set("frontend", serde_json::json!({ "arithmetic": arithmetic }));
        }
        if let Some(samples) = self.window_samples {
            layers.set("window_samples", samples.into());
        }
        for setting in &self.settings {
            layers.add_setting(setting)?;
        }
        Ok(layers)
    }
}
