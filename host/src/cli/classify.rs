//! `earmark classify`: audio files in, labels and scores out.

use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use earmark::Error;
use earmark::audio::{self, Limits};
use earmark::classify::{Classifier, Window};
use earmark_core::api::{FunctionToApply, Ranking, response_bound, write_response};

use super::model::ModelOptions;
use super::{FAILED, Output, PARTLY_FAILED, complain, printable};

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

    /// What makes scores of the network's outputs [default: softmax, or sigmoid for a multi-label model]
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
        let mut failed = 0;
        for (index, file) in self.files.iter().enumerate() {
            match self
                .hear(file, &mut classifier)
                .and_then(|windows| self.render(file, index, &windows, &classifier, &output))
            {
                Ok(text) => output.write(text)?,
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

    /// The windows to print for a file, with scores in the place of outputs.
    fn hear(&self, file: &Path, classifier: &mut Classifier<'_>) -> Result<Vec<Window>, Error> {
        let limits = Limits { seconds: self.max_seconds, ..Limits::default() };
        let bytes = if file.as_os_str() == "-" {
            audio::read_stream(std::io::stdin().lock(), &limits)?
        } else {
            audio::read_file(file, &limits)?
        };
        let clip = audio::decode(&bytes, classifier.sample_rate(), &limits)?;
        let mut windows = match self.window {
            Windows::Best => vec![classifier.best_window(&clip)?],
            Windows::All => classifier.windows(&clip)?,
        };
        let function = self.function_to_apply.unwrap_or(classifier.function_to_apply());
        windows.iter_mut().for_each(|window| function.apply(&mut window.outputs));
        Ok(windows)
    }

    fn render(
        &self,
        file: &Path,
        index: usize,
        windows: &[Window],
        classifier: &Classifier<'_>,
        output: &Output,
    ) -> Result<String, Error> {
        let default = if output.is_terminal() { Format::Table } else { Format::Json };
        match self.format.unwrap_or(default) {
            Format::Table => Ok(self.table(file, index, windows, classifier)),
            Format::Json if self.files.len() == 1 => self.array(windows, classifier),
            Format::Json | Format::Jsonl => self.lines(file, windows, classifier),
        }
    }

    /// One document: the API's array, or an array of windows that each hold one.
    fn array(&self, windows: &[Window], classifier: &Classifier<'_>) -> Result<String, Error> {
        match (self.window, windows) {
            (Windows::Best, [window]) => Ok(self.result(window, classifier)? + "\n"),
            _ => {
                let window = |window| Ok(format!("{{{}}}", self.window(window, classifier)?));
                Ok(format!("[{}]\n", windows.iter().map(window).collect::<Result<Vec<_>, Error>>()?.join(",")))
            }
        }
    }

    /// A document a line, each with the file's name.
    fn lines(&self, file: &Path, windows: &[Window], classifier: &Classifier<'_>) -> Result<String, Error> {
        let name = serde_json::Value::from(file.to_string_lossy());
        let line = |window: &Window| match self.window {
            Windows::Best => Ok(format!("{{\"file\":{name},\"result\":{}}}\n", self.result(window, classifier)?)),
            Windows::All => Ok(format!("{{\"file\":{name},{}}}\n", self.window(window, classifier)?)),
        };
        windows.iter().map(line).collect()
    }

    /// A window's members.
    fn window(&self, window: &Window, classifier: &Classifier<'_>) -> Result<String, Error> {
        let Range { start, end } = seconds(window, classifier);
        Ok(format!("\"start\":{start},\"end\":{end},\"result\":{}", self.result(window, classifier)?))
    }

    /// The API's array.
    fn result(&self, window: &Window, classifier: &Classifier<'_>) -> Result<String, Error> {
        let labels = classifier.labels();
        let mut buffer = vec![0; response_bound(labels.iter().copied())];
        let ranking = Ranking::new(&window.outputs, self.top_k);
        Ok(write_response(ranking.map(|ranked| (labels[ranked.index], ranked.score)), &mut buffer)?.to_owned())
    }

    fn table(&self, file: &Path, index: usize, windows: &[Window], classifier: &Classifier<'_>) -> String {
        const BAR: f32 = 30.0;
        let labels = classifier.labels();
        let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let mut text = if index == 0 { String::new() } else { "\n".to_owned() };
        if self.files.len() > 1 {
            text += &printable(file.display());
            text.push('\n');
        }
        for window in windows {
            if self.window == Windows::All {
                let Range { start, end } = seconds(window, classifier);
                text += &format!("{start:.2} s to {end:.2} s\n");
            }
            for ranked in Ranking::new(&window.outputs, self.top_k) {
                // Raw outputs (`--function-to-apply none`) may lie outside 0..=1.
                let bar = "█".repeat((ranked.score.clamp(0.0, 1.0) * BAR).round() as usize);
                let line = format!("  {:width$}  {:>8.4}  {bar}", labels[ranked.index], ranked.score);
                text += line.trim_end();
                text.push('\n');
            }
        }
        text
    }
}

fn seconds(window: &Window, classifier: &Classifier<'_>) -> Range<f64> {
    let rate = f64::from(classifier.sample_rate());
    window.samples.start as f64 / rate..window.samples.end as f64 / rate
}
