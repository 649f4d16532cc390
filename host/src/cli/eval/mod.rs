//! `earmark eval`: how good a model is.

mod clips;
mod continuous;
mod files;
mod stress;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use earmark::Error;

use super::model::ModelOptions;
use continuous::ContinuousOptions;
use stress::StressOptions;

/// Measure a model on labelled recordings
///
/// DIR holds a folder a label, with audio files of any format. A folder whose name is no label counts as `_unknown_` if the model
/// has that label. Clips are heard as by `classify`: a shorter one in the middle of a window of silence, a longer one by its best
/// window. Prints a table, or with --json one object. Files that cannot be used are counted and listed, and the exit
/// code is then 1.
///
/// With --continuous the model listens as it does on a device, all day: see there.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Eval {
    /// A folder with a folder of clips a label
    #[arg(value_name = "DIR", required_unless_present = "negatives")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelOptions,

    /// Leave out the clips of these labels and remove the labels from the possible answers
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    mask: Vec<String>,

    /// Leave out these folders of DIR
    #[arg(long, value_name = "FOLDER,…", value_delimiter = ',')]
    without: Vec<String>,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    /// Write confusion.png, recall.png and det.png there; with --continuous det.png
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,

    #[command(flatten)]
    stress: StressOptions,

    #[command(flatten)]
    continuous: ContinuousOptions,
}

const EXAMPLES: &str = "\
Examples:
  earmark eval clips/test --model my.ear --mask on,off --plots figures
  earmark eval clips/test --noise 'esc10/*/5-*' --snr 10
  earmark eval --continuous clips/test --noise cafe.wav --snr 10 --negatives radio/
  earmark eval --continuous clips/val --negatives talk/ --calibrate --false-alarms-an-hour 0.2 --model my.ear";

impl Eval {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let is_there = |name: &&String| self.paths.iter().any(|path| path.join(name).is_dir());
        if let Some(name) = self.without.iter().find(|name| !is_there(name)) {
            return Err(Error::EvalOption { what: format!("--without {name}: there is no such folder to leave out") });
        }
        if self.continuous.is_wanted() {
            return continuous::run(self, &self.continuous);
        }
        match self.paths.as_slice() {
            [folder] => clips::run(self, folder),
            _ => Err(Error::EvalOption { what: "give one DIR; only --continuous takes several".into() }),
        }
    }
}

/// The indices of labels that were named.
fn indices(named: &[String], labels: &[&str]) -> Result<Vec<usize>, Error> {
    let index_of = |name: &String| {
        let unknown = || format!("the model has no label {name:?}; its labels are {}", labels.join(", "));
        labels.iter().position(|label| label == name).ok_or_else(|| Error::EvalOption { what: unknown() })
    };
    named.iter().map(index_of).collect()
}
