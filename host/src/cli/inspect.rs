//! `earmark inspect`: what is in a model.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::inspect::Inspection;
use earmark::model::LoadedModel;

use super::{Output, printable};

/// Show what is in a model: labels, front end, operators with their shapes and cost, memory, provenance
#[derive(Debug, Args)]
pub struct Inspect {
    /// A compiled model (.ear), or an ONNX file, which is compiled in memory [default: the built-in one]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
}

impl Inspect {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let loaded = LoadedModel::open(self.model.as_deref())?;
        // Labels, names and provenance are whatever the model's maker wrote.
        let text = Inspection::new(loaded.model()?).to_string();
        Output::new().write(text.lines().map(|line| printable(line) + "\n").collect::<String>())?;
        Ok(ExitCode::SUCCESS)
    }
}
