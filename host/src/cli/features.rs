//! `earmark features`: what a network sees of a recording.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::audio::{self, Limits};
use earmark::features::{Analysis, draw, npy};
use earmark::listen::ListenerMemory;

use super::detector::ListeningOptions;
use super::model::ModelOptions;

/// Draw what the network sees of a recording, or write it down
///
/// A picture (.png) shows the waveform, the features (log-mel or MFCC), and the scores over time with what is detected. An .npy file
/// holds the features alone, a row a frame, for numpy.load; a .json file has them with the scores and detections, times in samples.
#[derive(Debug, Args)]
pub struct Features {
    /// An audio file of any format, sample rate and channel count; `-` reads one from stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where to write it; its name ends in .png, .npy or .json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    model: ModelOptions,

    /// The longest recording that is accepted
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds)]
    max_seconds: u32,

    #[command(flatten)]
    listening: ListeningOptions,
}

/// What is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Picture,
    Npy,
    Json,
}

impl Features {
    /// Hears the file and writes the output.
    pub fn run(&self) -> Result<ExitCode, Error> {
        let form = form(&self.output)?;
        let model = self.model.open()?;
        let mut memory = ListenerMemory::new(&model, self.model.engine())?;
        let settings = self.listening.settings(memory.model());
        let mut listener = memory.listener(&settings)?;
        self.listening.tune(&mut listener)?;

        let limits = Limits { seconds: self.max_seconds, ..Limits::default() };
        let recording = super::read_input(&self.file, &limits)
            .and_then(|bytes| audio::decode(&bytes, listener.model().sample_rate(), &limits));
        let recording = match recording {
            Ok(recording) => recording,
            Err(fault) => {
                super::complain(&format_args!("{}: {fault}", self.file.display()));
                return Ok(ExitCode::from(super::FAILED));
            }
        };
        let analysis = Analysis::new(&recording, &mut listener, &settings)?;
        let contents = match form {
            Form::Picture => draw(&analysis)?,
            Form::Npy => npy(&analysis.features),
            Form::Json => format!("{}\n", analysis.json()).into_bytes(),
        };
        let unwritable = |cause| Error::WriteFile { path: self.output.clone(), cause };
        super::write_file(&self.output, &contents).map_err(unwritable)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a file's name asks for.
fn form(path: &Path) -> Result<Form, Error> {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("png") => Ok(Form::Picture),
        Some("npy") => Ok(Form::Npy),
        Some("json") => Ok(Form::Json),
        _ => Err(Error::FeaturesForm { path: path.to_owned() }),
    }
}
