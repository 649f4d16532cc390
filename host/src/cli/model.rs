//! Which model a verb runs, and on what.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use earmark::Error;
use earmark::classify::Engine;
use earmark::model::LoadedModel;

/// The options that every verb with a model has.
#[derive(Debug, Args)]
pub struct ModelOptions {
    /// A compiled model (.ear), or an ONNX file, which is compiled in memory [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// What runs the model
    #[arg(long, value_name = "ENGINE", default_value = "core")]
    engine: EngineName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// The compiled plan, the same code as on a device
    Core,
    /// The reference runtime, on the ONNX file that the model was compiled from, or on any that it can run, as it is
    #[cfg(feature = "tract")]
    Tract,
}

impl ModelOptions {
    /// Opens the model.
    pub fn open(&self) -> Result<LoadedModel, Error> {
        LoadedModel::open_for(self.model.as_deref(), self.engine())
    }

    /// The file that was asked for; none means the built-in model.
    pub fn path(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// The engine that was asked for.
    pub fn engine(&self) -> Engine {
        self.engine.into()
    }
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Core => Self::Core,
            #[cfg(feature = "tract")]
            EngineName::Tract => Self::Tract,
        }
    }
}
