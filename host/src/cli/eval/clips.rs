//! `earmark eval DIR`: clips, each with one label.

use std::path::Path;
use std::process::ExitCode;

use earmark::Error;
use earmark::eval::{Collection, Conditions, Figures, Skipped, hear, plots, quantile};
use serde::Serialize;

use super::files::{exit_code, json_line, progress, write_plots};
use super::{Eval, indices, table};
use crate::cli::Output;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub figures: Figures,
    /// Of the front end and the network for one clip: the median in microseconds.
    pub latency_us: Option<f64>,
    pub skipped: Vec<Skipped>,
    /// With `--shift-ms`, the figures of each shift; those above are of both together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<Shifted>,
}

/// Figures of clips that were all moved by the same time.
#[derive(Debug, Serialize)]
pub struct Shifted {
    pub shift_ms: f64,
    #[serde(flatten)]
    pub figures: Figures,
}

pub fn run(eval: &Eval, folder: &Path) -> Result<ExitCode, Error> {
    let loaded = eval.model.open()?;
    let model = loaded.model()?;
    let labels: Vec<&str> = model.labels().collect();
    let masked = indices(&eval.mask, &labels)?;
    let mut collection = Collection::find(folder, &labels, &eval.without)?;
    let stress = eval.stress.read(model.sample_rate(), &mut collection.skipped)?;
    let mut conditions = Conditions { engine: eval.model.engine(), masked, stress };

    let shifts = eval.stress.shifts();
    let bar = progress((collection.clips.len() * shifts.len()) as u64, "{pos}/{len} clips");
    let (mut answers, mut latencies, mut skipped, mut shifted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &shift_ms in &shifts {
        conditions.stress.shift_ms = shift_ms;
        let outcome = hear(&loaded, &collection, &conditions, || bar.inc(1))?;
        shifted.push(Shifted { shift_ms, figures: Figures::new(&labels, &outcome.answers, &conditions.masked, 1) });
        answers.extend(outcome.answers);
        latencies.extend(outcome.latencies);
        // The same files every time.
        skipped = outcome.skipped;
    }
    bar.finish_and_clear();
    let report = Report {
        figures: Figures::new(&labels, &answers, &conditions.masked, shifts.len()),
        latency_us: quantile(latencies, 0.5).map(|latency| latency.as_secs_f64() * 1e6),
        skipped,
        shifts: if shifts.len() > 1 { shifted } else { Vec::new() },
    };
    if let Some(folder) = &eval.plots {
        let det = plots::detection(&report.figures, &answers)?;
        let (confusion, recall) = (plots::confusion(&report.figures)?, plots::recall(&report.figures)?);
        write_plots(folder, [("confusion.png", confusion), ("recall.png", recall), ("det.png", det)])?;
    }
    let text = if eval.json { json_line(&report)? } else { table::of_clips(&report) };
    Output::new().write(text)?;
    Ok(exit_code(&report.skipped, report.figures.n))
}
