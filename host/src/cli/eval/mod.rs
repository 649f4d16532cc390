//! `earmark eval`: how good a model is.

mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use earmark::Error;
use earmark::eval::{self, Collection, Conditions, Figures, Noise, Part, Room, Skipped, Stress, hear, median, plots};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::model::ModelOptions;
use super::{FAILED, Output, PARTLY_FAILED, complain};

/// Measure a model on labelled recordings
///
/// DIR holds a folder a label, with audio files of any format. A folder whose name is no label counts as `_unknown_` if the model
/// has that label. Clips are heard as by `classify`: a shorter one in the middle of a window of silence, a longer one by its best
/// window. Prints a table, or with --json one object. Files that cannot be used are counted and listed, and the exit
/// code is then 1.
#[derive(Debug, Args)]
pub struct Eval {
    /// A folder with a folder of clips a label
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    model: ModelOptions,

    /// Leave out the clips of these labels and remove the labels from the possible answers
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    mask: Vec<String>,

    /// Leave out these folders of DIR
    #[arg(long, value_name = "FOLDER,…", value_delimiter = ',')]
    without: Vec<String>,

    #[command(flatten)]
    stress: StressOptions,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    /// Write confusion.png, recall.png and det.png there
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

/// Worse conditions. They come in this order: shift, room, noise, gain.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stress")]
struct StressOptions {
    /// Move each clip by so many milliseconds, later or (below 0) earlier; zeros come in
    #[arg(long, value_name = "MS", default_value_t = 0.0, allow_negative_numbers = true)]
    shift_ms: f64,

    /// Put each clip into a room: the recording of its impulse response
    #[arg(long, value_name = "FILE")]
    rir: Option<PathBuf>,

    /// Mix noise over each whole clip: a recording or a folder of them
    #[arg(long, value_name = "DIR", requires = "snr")]
    noise: Option<PathBuf>,

    /// How much louder the clip is than the noise, in dB, by root mean square
    #[arg(long, value_name = "DB", requires = "noise", allow_negative_numbers = true)]
    snr: Option<f32>,

    /// Use only this part of each recording of noise, in percent of its length
    #[arg(long, value_name = "FROM-TO", requires = "noise", default_value = "0-100", value_parser = parse_part)]
    noise_part: Part,

    /// Raise the level by so many dB, at the end
    #[arg(long, value_name = "DB", default_value_t = 0.0, allow_negative_numbers = true)]
    gain_db: f32,

    /// What the choice of noise depends on, besides the clip's name
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn parse_part(text: &str) -> Result<Part, String> {
    let part = text.split_once('-').and_then(|(from, to)| Some((from.parse::<f64>().ok()?, to.parse::<f64>().ok()?)));
    match part {
        Some((from, to)) if (0.0..100.0).contains(&from) && from < to && to <= 100.0 => Ok(from / 100.0..to / 100.0),
        _ => Err("give two percentages, the smaller one first, such as 60-100".into()),
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    figures: Figures,
    /// Of the front end and the network for one clip: the median in microseconds.
    latency_us: Option<f64>,
    skipped: Vec<Skipped>,
    mask: Vec<String>,
    seed: u64,
}

impl Eval {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let loaded = self.model.open()?;
        let model = loaded.model()?;
        let labels: Vec<&str> = model.labels().collect();
        let masked = self.masked(&labels)?;
        let mut collection = Collection::find(&self.folder, &labels, &self.without)?;
        let stress = self.stress.read(model.sample_rate(), &mut collection.skipped)?;
        let conditions = Conditions { engine: self.model.engine(), masked, stress };

        let bar = progress(collection.clips.len() as u64, "clips");
        let outcome = hear(&loaded, collection, &conditions, || bar.inc(1))?;
        bar.finish_and_clear();
        let report = Report {
            figures: Figures::new(&labels, &outcome.answers, &conditions.masked),
            latency_us: median(outcome.latencies).map(|latency| latency.as_secs_f64() * 1e6),
            skipped: outcome.skipped,
            mask: self.mask.clone(),
            seed: self.stress.seed,
        };
        if let Some(folder) = &self.plots {
            write_plots(
                folder,
                [
                    ("confusion.png", plots::confusion(&report.figures)?),
                    ("recall.png", plots::recall(&report.figures)?),
                    ("det.png", plots::detection(&report.figures, &outcome.answers)?),
                ],
            )?;
        }
        let text = if self.json { json_line(&report)? } else { table::of_clips(&report) };
        Output::new().write(text)?;
        Ok(exit_code(&report.skipped, report.figures.n))
    }

    /// The indices of the labels in `--mask`.
    fn masked(&self, labels: &[&str]) -> Result<Vec<usize>, Error> {
        let index_of = |name: &String| {
            let known = || format!("the model has no label {name:?} to mask; its labels are {}", labels.join(", "));
            labels.iter().position(|label| label == name).ok_or_else(|| Error::EvalOption { what: known() })
        };
        self.mask.iter().map(index_of).collect()
    }
}

impl StressOptions {
    fn read(&self, sample_rate: u32, skipped: &mut Vec<Skipped>) -> Result<Stress, Error> {
        let mut noise = None;
        if let (Some(path), Some(snr)) = (&self.noise, self.snr) {
            let (read, unreadable) = Noise::read(path, &self.noise_part, snr, self.seed, sample_rate)?;
            skipped.extend(unreadable);
            noise = Some(read);
        }
        let room = self.rir.as_deref().map(|path| Room::read(path, sample_rate)).transpose()?;
        Ok(Stress { shift_ms: self.shift_ms, room, noise, gain_db: self.gain_db })
    }
}

/// A bar with the time left, on stderr if somebody looks at it.
fn progress(length: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = format!("{{wide_bar}} {{pos}}/{{len}} {what}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn write_plots<const N: usize>(folder: &Path, files: [(&str, Vec<u8>); N]) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::WriteFile { path, cause }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    for (name, contents) in files {
        let path = folder.join(name);
        std::fs::write(&path, contents).map_err(failed(&path))?;
    }
    Ok(())
}

fn json_line(report: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(report).map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

/// Lists what was skipped, and says by the exit code whether anything was.
fn exit_code(skipped: &[Skipped], used: usize) -> ExitCode {
    for Skipped { file, reason } in skipped {
        complain(&format_args!("skipped {}: {reason}", file.display()));
    }
    ExitCode::from(match (skipped.len(), used) {
        (_, 0) => FAILED,
        (0, _) => 0,
        _ => PARTLY_FAILED,
    })
}
