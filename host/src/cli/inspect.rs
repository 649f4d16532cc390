//! `earmark inspect`: what is in a model.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::inspect::{Comparison, Inspection, draw};
use earmark::model::LoadedModel;
use serde_json::Value;

use super::{Output, printable, write_file};

/// Show what is in a model: labels, front end, operators with their shapes and cost, memory, provenance
#[derive(Debug, Args)]
pub struct Inspect {
    /// A compiled model (.ear), or an ONNX file, which is compiled in memory [default: the built-in one]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Show how another model differs: labels, front end, detector, bytes, multiplications, RAM and layers
    #[arg(long, value_name = "OTHER.ear")]
    against: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw the operators and the memory that is in use while each runs: PNG
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
}

impl Inspect {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let is_png = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        if let Some(path) = self.plot.as_ref().filter(|path| !is_png(path)) {
            return Err(Error::PlotForm { path: path.clone() });
        }
        let loaded = LoadedModel::open(self.model.as_deref())?;
        let inspection = Inspection::new(loaded.model()?);
        if let Some(path) = &self.plot {
            let picture = draw(&inspection)?;
            write_file(path, &picture).map_err(|cause| Error::WriteFile { path: path.clone(), cause })?;
        }
        let Some(against) = &self.against else { return self.show(&inspection, || inspection.json()) };
        let against = LoadedModel::open(Some(against))?;
        let comparison = Comparison::new(&inspection, &Inspection::new(against.model()?));
        self.show(&comparison, || serde_json::json!(comparison))
    }

    fn show(&self, text: &impl std::fmt::Display, json: impl FnOnce() -> Value) -> Result<ExitCode, Error> {
        let mut output = Output::new();
        if self.json {
            output.write(format_args!("{}\n", json()))?;
        } else {
            // Labels, names and provenance are whatever the model's maker wrote.
            output.write(text.to_string().lines().map(|line| printable(line) + "\n").collect::<String>())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
