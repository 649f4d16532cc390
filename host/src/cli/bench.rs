//! `earmark bench`: how long each part takes on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::bench::{Timing, measure};
use earmark::model::LoadedModel;

use super::Output;

/// Time front end, network, answer and all of it for one window, on this machine
///
/// Prints a table on a terminal and JSON into a pipe. Where the model's ONNX file is at hand, the reference runtime is
/// timed too.
#[derive(Debug, Args)]
pub struct Bench {
    /// A compiled model (.ear), or an ONNX file, which is compiled in memory [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

impl Bench {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let loaded = LoadedModel::open(self.model.as_deref())?;
        let timings = timings(&loaded)?;
        let mut output = Output::new();
        let micros = |duration: std::time::Duration| duration.as_secs_f64() * 1e6;
        let text = if output.is_terminal() {
            let row = |timing: &Timing| {
                format!(
                    "{:<24} {:>10.1} µs  ({:.1} µs at best, {} runs)\n",
                    timing.what,
                    micros(timing.median),
                    micros(timing.shortest),
                    timing.runs
                )
            };
            timings.iter().map(row).collect()
        } else {
            let entry = |timing: &Timing| {
                serde_json::json!({
                    "what": timing.what,
                    "median_us": micros(timing.median),
                    "shortest_us": micros(timing.shortest),
                    "runs": timing.runs,
                })
            };
            format!("{}\n", serde_json::Value::from_iter(timings.iter().map(entry)))
        };
        output.write(text)?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(not(feature = "tract"))]
fn timings(loaded: &LoadedModel) -> Result<Vec<Timing>, Error> {
    measure(loaded.model()?)
}

/// Without the ONNX file only the engine is timed; another file in its place is an error.
#[cfg(feature = "tract")]
fn timings(loaded: &LoadedModel) -> Result<Vec<Timing>, Error> {
    use earmark::bench::measure_network;
    use earmark::reference::ReferenceNetwork;
    let model = loaded.model()?;
    let mut timings = measure(model)?;
    match loaded.source() {
        Ok(onnx) => {
            let mut reference = ReferenceNetwork::new(&onnx, &model)?;
            timings.push(measure_network("network, tract", &model, &mut reference)?);
        }
        Err(Error::ReadSource { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(timings)
}
