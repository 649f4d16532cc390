//! `earmark compile`: an ONNX file in, an artifact out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use earmark::Error;
use earmark::compile::metadata::Layers;
use earmark::model::{self, LoadedModel};
use earmark::rust_module;
use earmark_core::model::{Model, format};

use super::calibrate::Calibration;
use super::{Output, is_same_file, write_file};

/// Compile an ONNX model to an artifact that runs everywhere
///
/// A quantised model keeps its numbers. A float one is quantised with the audio that --calibrate names.
///
/// Labels, front end, problem type and detector defaults come from the ONNX file's metadata_props (earmark.*), from a
/// TOML file beside it (its own name with .toml, or MODEL.toml), and from these flags; the later win.
///
/// With --emit rust there is a module of Rust beside the artifact as well: the artifact embedded, its sizes as constants and its labels
/// as an enum. An artifact (.ear) given as MODEL then stays as it is.
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
    /// What a GRU or LSTM of a stream remembers: nothing of what was before a window, or all since the last reset [default: empty]
    #[arg(long, value_parser = ["empty", "carried"])]
    state: Option<String>,
    /// Samples of one classification window
    #[arg(long, value_name = "SAMPLES")]
    window_samples: Option<u32>,
    /// Any other setting, as in MODEL.toml: frontend.mel_bands=40, detector.threshold=0.8
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    calibration: Calibration,
    /// What to write beside the artifact
    #[arg(long, value_name = "WHAT")]
    emit: Option<Emitted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Emitted {
    /// MODEL.rs, a module for firmware; it takes the crate earmark-core, and neither std nor a heap
    Rust,
}

impl Compile {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let onnx = model::read(&self.model).map_err(|cause| Error::ReadModel { path: self.model.clone(), cause })?;
        if onnx.starts_with(&format::MAGIC) {
            return match self.emit {
                Some(Emitted::Rust) if self.is_bare()? => self.emit_beside_artifact(&onnx),
                Some(Emitted::Rust) => Err(Error::CompiledAlready {
                    path: self.model.clone(),
                    advice: "its module of Rust is written beside it, with no other option than --emit rust",
                }),
                None => Err(Error::CompiledAlready {
                    path: self.model.clone(),
                    advice: "give the ONNX file that it was made from, or --emit rust for a module that embeds it",
                }),
            };
        }
        let path = self.output.clone().unwrap_or_else(|| self.model.with_extension("ear"));
        if is_same_file(&self.model, &path) {
            return Err(Error::OverwritesSource { path });
        }
        let module = self.emit.map(|_| module_path(&path)).transpose()?;
        let (name, layers) = (path.display().to_string(), self.layers()?);
        let (compiled, report) = match self.calibration.folder() {
            Some(folder) => {
                let (compiled, report) = self.calibration.run(&name, onnx, &layers, folder)?;
                (compiled, Some(report))
            }
            None => (LoadedModel::compile(&name, onnx, &layers)?, None),
        };
        let model = compiled.model()?;
        write_file(&path, model.bytes()).map_err(|cause| Error::WriteModel { path: path.clone(), cause })?;
        if let Some(module) = &module {
            write_module(&model, &path, module)?;
        }
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
            if let Some(module) = &module {
                output.write(format_args!("{}: the module of Rust for it\n", module.display()))?;
            }
            if let Some(report) = &report {
                output.write(report.text())?;
            }
        } else {
            let mut summary = serde_json::json!({
                "file": path.to_string_lossy(),
                "flash": sizes.artifact,
                "ram": sizes.recognizer,
                "network_ram": sizes.engine,
            });
            if let Some(module) = &module {
                summary["module"] = serde_json::json!(module.to_string_lossy());
            }
            if let Some(report) = &report {
                summary["calibration"] = serde_json::json!(report);
            }
            output.write(format_args!("{summary}\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Whether nothing is asked for that changes the model or its place.
    fn is_bare(&self) -> Result<bool, Error> {
        let mut flags = Layers::default();
        self.add_flags(&mut flags)?;
        Ok(self.output.is_none() && self.calibration.folder().is_none() && flags == Layers::default())
    }

    /// The module of an artifact that is there already.
    fn emit_beside_artifact(&self, artifact: &[u8]) -> Result<ExitCode, Error> {
        let loaded = LoadedModel::from_artifact(&self.model.display().to_string(), artifact)?;
        let module = module_path(&self.model)?;
        write_module(&loaded.model()?, &self.model, &module)?;
        let mut output = Output::new();
        if output.is_terminal() {
            output.write(format_args!("{}: the module of Rust for {}\n", module.display(), self.model.display()))?;
        } else {
            output.write(format_args!(
                "{}\n",
                serde_json::json!({"file": self.model.to_string_lossy(), "module": module.to_string_lossy()})
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The TOML file beside the model, below the flags.
    fn layers(&self) -> Result<Layers, Error> {
        let mut layers = Layers::default();
        layers.add_file_beside(&self.model)?;
        self.add_flags(&mut layers)?;
        Ok(layers)
    }

    fn add_flags(&self, layers: &mut Layers) -> Result<(), Error> {
        if let Some(name) = &self.name {
            layers.set("name", name.as_str().into());
        }
        if !self.labels.is_empty() {
            layers.set("labels", self.labels.clone().into());
        }
        if let Some(problem) = &self.problem {
            layers.set("problem", problem.as_str().into());
        }
        if let Some(state) = &self.state {
            layers.set("state", state.as_str().into());
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
        Ok(())
    }
}

/// Where the module of the artifact at `path` goes: beside it.
fn module_path(path: &Path) -> Result<PathBuf, Error> {
    let module = path.with_extension("rs");
    if module == path { Err(Error::OverwritesArtifact { path: module }) } else { Ok(module) }
}

/// Writes the module of the artifact at `path`.
fn write_module(model: &Model<'_>, path: &Path, module: &Path) -> Result<(), Error> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let written = write_file(module, rust_module::write(model, &file).as_bytes());
    written.map_err(|cause| Error::WriteFile { path: module.to_owned(), cause })
}
