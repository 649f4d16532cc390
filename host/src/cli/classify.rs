//! `earmark classify`: audio files in, labels and scores out.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use earmark::Error;
use earmark::audio::{self, Limits};
use earmark::classify::{Classifier, Window};
use earmark_core::api::FunctionToApply;

use super::answer::{Answer, Heard, Scored};
use super::model::ModelOptions;
use super::{FAILED, Output, PARTLY_FAILED, complain, read_input};

/// Name what is heard in audio files
///
/// Prints a table on a terminal and JSON into a pipe: for one file the API's array, [{"label":…,"score":…},…], for several a
/// line {"file":…,"result":[…]} each. A file that cannot be used gets one line on stderr; the exit code is 1 if that was so
/// for some files and 2 if for all.
///
/// A clip that is shorter than the model's window is put in the middle of silence. A longer one is heard in windows that start
/// every tenth of a window.
#[derive(Debug, Args)]
pub struct Classify {
    /// Audio files of any format, sample rate and channel count; `-` reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelOptions,

    /// How many labels to print [default: all]
    #[arg(long, value_name = "N")]
    top_k: Option<NonZeroU32>,

    /// What makes scores of the network's outputs: softmax, sigmoid or none [default: softmax, or sigmoid for a multi-label
    /// model]
    #[arg(long, value_name = "FUNCTION", value_parser = parse_function)]
    function_to_apply: Option<FunctionToApply>,

    /// What to print of a clip longer than the model's window
    #[arg(long, default_value = "best")]
    window: Windows,

    /// How to print it [default: table on a terminal, json into a pipe]
    #[arg(long)]
    format: Option<Format>,

    /// The longest clip that is accepted
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds)]
    max_seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Windows {
    /// The window in which a label other than `_…_` (`_silence_`, `_unknown_`) scores highest
    Best,
    /// Every window, with its start and end in seconds
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One file: an array; several: as jsonl
    Json,
    /// A line of JSON for each file, or each window of it
    Jsonl,
    /// For people
    Table,
}

fn parse_function(name: &str) -> Result<FunctionToApply, earmark_core::Error> {
    name.parse()
}

impl Classify {
    /// Answers every file that can be, in the order given.
    pub fn run(&self) -> Result<ExitCode, Error> {
        let model = self.model.open()?;
        let mut classifier = Classifier::new(&model, self.model.engine())?;
        let mut output = Output::new();
        let format = self.format.unwrap_or(if output.is_terminal() { Format::Table } else { Format::Json });
        let is_single = self.files.len() == 1;
        let mut failed = 0;
        let mut is_first = true;
        for file in &self.files {
            let text = self.hear(file, &mut classifier).and_then(|heard| {
                let answer = Answer { file, labels: classifier.labels(), top_k: self.top_k, heard };
                match format {
                    Format::Table if !is_first => Ok("\n".to_owned() + &answer.table(true)),
                    Format::Table => Ok(answer.table(!is_single)),
                    Format::Json if is_single => answer.array(),
                    Format::Json | Format::Jsonl => answer.lines(),
                }
            });
            match text {
                Ok(text) => {
                    output.write(text)?;
                    is_first = false;
                }
                Err(error) => {
                    failed += 1;
                    complain(&format_args!("{}: {error}", file.display()));
                }
            }
        }
        Ok(ExitCode::from(match failed {
            0 => 0,
            _ if failed == self.files.len() => FAILED,
            _ => PARTLY_FAILED,
        }))
    }

    fn hear(&self, file: &Path, classifier: &mut Classifier<'_>) -> Result<Heard, Error> {
        let limits = Limits { seconds: self.max_seconds, ..Limits::default() };
        let clip = audio::decode(&read_input(file, &limits)?, classifier.sample_rate(), &limits)?;

        let function = self.function_to_apply.unwrap_or(classifier.function_to_apply());
        let rate = f64::from(classifier.sample_rate());
        let scored = |window: Window| Scored {
            seconds: window.samples.start as f64 / rate..window.samples.end as f64 / rate,
            scores: window.scores(function),
        };
        Ok(match self.window {
            Windows::Best => Heard::Clip(scored(classifier.best_window(&clip)?)),
            Windows::All => Heard::Windows(classifier.windows(&clip)?.into_iter().map(scored).collect()),
        })
    }
}
