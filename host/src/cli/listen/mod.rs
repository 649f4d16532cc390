//! `earmark listen`: a microphone in, detections out, until somebody ends it.

#[cfg(feature = "listen")]
mod session;
#[cfg(feature = "listen")]
mod view;

use clap::{Args, ValueEnum};

use super::detector::ListeningOptions;
use super::model::ModelOptions;

/// Detect words live from a microphone
///
/// Shows the level, the scores and what is detected on a terminal, and prints a line of JSON for each detection into a pipe,
/// {"start":1.24,"end":1.78,"label":"yes","score":0.97}, with times in seconds since the start. Ctrl-C (or SIGTERM) ends it with a
/// summary on stderr and the exit code 0; if the microphone fails on the way the exit code is 1, and 2 if there is none.
///
/// Any microphone will do, of any sample rate and format. Where samples are lost because the machine is too busy, that is said
/// and counted.
///
/// Microphones are a feature of the build, because on Linux they need ALSA's headers (Debian: libasound2-dev):
/// cargo run --release -p earmark --features listen -- listen
#[derive(Debug, Args)]
pub struct Listen {
    /// The microphone, by the name or description that --list-devices shows [default: the system's]
    #[arg(long, value_name = "NAME")]
    device: Option<String>,

    /// Show the microphones that there are, and exit
    #[arg(long)]
    list_devices: bool,

    #[command(flatten)]
    model: ModelOptions,

    /// How to print it [default: view on a terminal, json into a pipe]
    #[arg(long)]
    format: Option<LiveFormat>,

    #[command(flatten)]
    listening: ListeningOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LiveFormat {
    /// A level meter, scrolling scores and detections, on a terminal
    View,
    /// A line of JSON for each detection
    Json,
    /// A row for each detection
    Table,
}

#[cfg(not(feature = "listen"))]
impl Listen {
    /// Says why this is not possible.
    pub fn run(&self) -> Result<std::process::ExitCode, earmark::Error> {
        Err(earmark::Error::MicrophoneNotBuiltIn)
    }
}
