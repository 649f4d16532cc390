//! The options that make conditions worse.

use std::path::PathBuf;

use clap::Args;
use earmark::Error;
use earmark::eval::{self, Noise, NoiseSource, Part, Room, Skipped, Stress};

use crate::cli::detector::{decibels_within, parse_gain, within};

/// Worse conditions. They come in this order: shift, room, noise, gain.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stress, in this order")]
pub struct StressOptions {
    /// Move each clip by so many milliseconds, once earlier and once later; zeros come in. Figures are of both together, and of each
    #[arg(long, value_name = "MS", default_value_t = 0.0, allow_negative_numbers = true, value_parser = parse_shift)]
    shift_ms: f64,

    /// Put each clip into a room: the recording of its impulse response
    #[arg(long, value_name = "FILE")]
    rir: Option<PathBuf>,

    /// Mix noise over each whole clip: a recording, a folder of them or a quoted pattern ('esc10/*/5-*'); may be repeated
    #[arg(long, value_name = "DIR", requires = "snr")]
    noise: Vec<PathBuf>,

    /// How much louder the clip is than the noise, in dB, by root mean square
    #[arg(long, value_name = "DB", requires = "noise", allow_negative_numbers = true, value_parser = parse_ratio)]
    snr: Option<f32>,

    /// Of the noise, use only recordings whose names without ending are in this file, one a line
    #[arg(long, value_name = "FILE", requires = "noise")]
    noise_list: Option<PathBuf>,

    /// Use only this part of each recording of noise, in percent of its length
    #[arg(long, value_name = "FROM-TO", requires = "noise", default_value = "0-100", value_parser = parse_part)]
    noise_part: Part,

    /// Raise the level by so many dB, at the end
    #[arg(long, value_name = "DB", default_value_t = 0.0, allow_negative_numbers = true, value_parser = parse_gain)]
    gain_db: f32,

    /// What the choice of noise depends on, besides the clip's name
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl StressOptions {
    /// Reads the noise and the room; the shift is left at 0, see [`shifts`](Self::shifts).
    pub fn read(&self, sample_rate: u32, skipped: &mut Vec<Skipped>) -> Result<Stress, Error> {
        let mut noise = None;
        if let Some(snr) = self.snr {
            let names = self.noise_list.as_deref().map(eval::names).transpose()?;
            let source = NoiseSource { paths: &self.noise, names, part: self.noise_part.clone() };
            let (read, unreadable) = Noise::read(&source, snr, self.seed, sample_rate)?;
            skipped.extend(unreadable);
            noise = Some(read);
        }
        let room = self.rir.as_deref().map(|path| Room::read(path, sample_rate)).transpose()?;
        Ok(Stress { shift_ms: 0.0, room, noise, gain_db: self.gain_db })
    }

    /// Whether clips are moved.
    pub fn shifts_clips(&self) -> bool {
        self.shift_ms != 0.0
    }

    /// Whether clips sound otherwise than they are.
    pub fn changes_sound(&self) -> bool {
        self.rir.is_some() || self.snr.is_some() || self.gain_db != 0.0
    }

    /// The shifts to measure with, in milliseconds.
    pub fn shifts(&self) -> Vec<f64> {
        if self.shift_ms == 0.0 { vec![0.0] } else { vec![-self.shift_ms, self.shift_ms] }
    }
}

fn parse_shift(text: &str) -> Result<f64, String> {
    within(text, -60_000.0..=60_000.0, "give milliseconds, -60000 to 60000")
}

fn parse_ratio(text: &str) -> Result<f32, String> {
    decibels_within(text, -100.0..=100.0)
}

fn parse_part(text: &str) -> Result<Part, String> {
    let numbers = |(from, to): (&str, &str)| Some((from.parse::<f64>().ok()?, to.parse::<f64>().ok()?));
    match text.split_once('-').and_then(numbers) {
        Some((from, to)) if (0.0..100.0).contains(&from) && from < to && to <= 100.0 => Ok(from / 100.0..to / 100.0),
        _ => Err("give two percentages, the smaller one first, such as 60-100".into()),
    }
}
