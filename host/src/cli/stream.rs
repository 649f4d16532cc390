//! `earmark stream`: audio files of any length in, detections out.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::audio::AudioStream;
use earmark::listen::{Heard, ListenerMemory, StreamListener, hear};
use earmark_core::listener::Event;

use super::detector::ListeningOptions;
use super::model::ModelOptions;
use super::track::{Track, TrackFormat, clock};
use super::{FAILED, Output, PARTLY_FAILED, complain, printable};

/// Detect words in audio of any length
///
/// Prints what is detected as soon as it is: a table on a terminal, and into a pipe a line of JSON each,
/// {"start":1.24,"end":1.78,"label":"yes","score":0.97}, with times in seconds; of several files each line begins with
/// "file":…. A pipe is heard while it is written: `arecord -t wav - | earmark stream -`.
///
/// Memory does not grow with the file. What is wrong with the signal (zeros, clipping, an offset) is said on stderr. A file that
/// is damaged on the way gives what is detected before that and a line on stderr. The exit code is 0 if every file was heard to
/// its end, 2 if nothing could be heard, and 1 otherwise.
#[derive(Debug, Args)]
pub struct Stream {
    /// Audio files of any format, sample rate, channel count and length; `-` reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelOptions,

    /// How to print it; srt and audacity take one file [default: table on a terminal, json into a pipe]
    #[arg(long)]
    format: Option<TrackFormat>,

    /// The files have no header: 16-bit little-endian samples of one channel at this rate in hertz
    #[arg(long, value_name = "HZ")]
    raw: Option<NonZeroU32>,

    #[command(flatten)]
    listening: ListeningOptions,
}

impl Stream {
    /// Hears every file, in the order given.
    pub fn run(&self) -> Result<ExitCode, Error> {
        let model = self.model.open()?;
        let mut memory = ListenerMemory::new(&model, self.model.engine())?;
        let settings = self.listening.settings(memory.model());
        let mut listener = memory.listener(&settings)?;
        self.listening.tune(&mut listener)?;

        let mut output = Output::new();
        let format = self.format.unwrap_or(if output.is_terminal() { TrackFormat::Table } else { TrackFormat::Json });
        let is_single = self.files.len() == 1;
        if !is_single && !format.holds_several_files() {
            return Err(Error::TrackOfSeveral);
        }
        let labels: Vec<&str> = listener.model().labels().collect();
        let (mut heard, mut failed, mut is_first) = (0, 0, true);
        for file in &self.files {
            let name = file.to_string_lossy();
            let mut track = Track::new(format, &labels, listener.model().sample_rate(), (!is_single).then_some(&name));
            let fault = match self.open(file, listener.model().sample_rate()) {
                Ok(mut audio) => {
                    if format == TrackFormat::Table && !is_single {
                        let gap = if is_first { "" } else { "\n" };
                        output.write(format_args!("{gap}{}\n", printable(&name)))?;
                        is_first = false;
                    }
                    let Heard { samples, fault, .. } =
                        Self::hear(file, &mut audio, &mut listener, &mut track, &mut output)?;
                    heard += usize::from(samples > 0);
                    if format == TrackFormat::Table && track.written() == 0 && fault.is_none() {
                        let length = clock(samples, listener.model().sample_rate());
                        output.write(format_args!("  nothing detected in {length}\n"))?;
                    }
                    fault
                }
                Err(fault) => Some(fault),
            };
            if let Some(fault) = fault {
                failed += 1;
                complain(&format_args!("{}: {fault}", file.display()));
            }
        }
        Ok(ExitCode::from(match (failed, heard) {
            (0, _) => 0,
            (_, 0) => FAILED,
            _ => PARTLY_FAILED,
        }))
    }

    /// Hears one file.
    fn hear(
        file: &Path,
        audio: &mut AudioStream<'_>,
        listener: &mut StreamListener<'_>,
        track: &mut Track<'_>,
        output: &mut Output,
    ) -> Result<Heard, Error> {
        let sample_rate = listener.model().sample_rate();
        hear(audio, listener, |event| {
            match event {
                Event::Detection(detection) => output.write(track.entry(&detection)?)?,
                Event::Signal { at, condition } => {
                    complain(&format_args!("{}: at {}: {condition}", file.display(), clock(at, sample_rate)));
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn open(&self, file: &Path, sample_rate: u32) -> Result<AudioStream<'static>, Error> {
        let is_stdin = file.as_os_str() == "-";
        match self.raw.map(NonZeroU32::get) {
            None if is_stdin => AudioStream::from_pipe(std::io::stdin(), sample_rate),
            None => AudioStream::open(file, sample_rate),
            Some(rate) if is_stdin => AudioStream::from_raw(std::io::stdin(), rate, sample_rate),
            Some(rate) => AudioStream::open_raw(file, rate, sample_rate),
        }
    }
}
