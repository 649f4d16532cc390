//! Detections, for programs, for people, and for programs that show them to people.

use clap::ValueEnum;
use earmark::Error;
use earmark_core::api::{event_bound, write_event};
use earmark_core::detect::Detection;

use super::printable;

/// The width of a bar for the score 1.
const BAR: f32 = 20.0;

/// How detections are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrackFormat {
    /// A line of JSON for each detection: {"start":1.24,"end":1.78,"label":"yes","score":0.97}
    Json,
    /// For people
    Table,
    /// SubRip subtitles, which video players show over a recording
    Srt,
    /// A label track of Audacity: File › Import › Labels puts it under the waveform
    Audacity,
}

impl TrackFormat {
    /// Whether it can tell the detections of several files apart.
    pub const fn holds_several_files(self) -> bool {
        matches!(self, Self::Json | Self::Table)
    }
}

/// Writes the detections of one file as text.
#[derive(Debug)]
pub struct Track<'a> {
    format: TrackFormat,
    labels: &'a [&'a str],
    sample_rate: u32,
    /// The member of each line of JSON that names the file.
    file: Option<String>,
    width: usize,
    written: usize,
}

impl<'a> Track<'a> {
    /// `file` is its name if there are several.
    pub fn new(format: TrackFormat, labels: &'a [&'a str], sample_rate: u32, file: Option<&str>) -> Self {
        let file = file.map(|name| format!("\"file\":{},", serde_json::Value::from(name)));
        let width = labels.iter().map(|label| printable(label).chars().count()).max().unwrap_or(0);
        Self { format, labels, sample_rate, file, width, written: 0 }
    }

    /// How many detections there were.
    pub const fn written(&self) -> usize {
        self.written
    }

    /// The next detection.
    pub fn entry(&mut self, detection: &Detection) -> Result<String, Error> {
        self.written += 1;
        let Detection { label, score, start, end } = *detection;
        let label = self.labels.get(label).copied().unwrap_or("");
        let rate = self.sample_rate;
        Ok(match self.format {
            TrackFormat::Json => {
                let mut buffer = vec![0; event_bound(label)];
                let event = write_event(label, detection, rate, &mut buffer)?;
                let members = event.strip_prefix('{').unwrap_or(event);
                format!("{{{}{members}\n", self.file.as_deref().unwrap_or(""))
            }
            TrackFormat::Table => {
                let bar = "█".repeat((score.clamp(0.0, 1.0) * BAR).round() as usize);
                let (start, end, label, width) = (clock(start, rate), clock(end, rate), printable(label), self.width);
                format!("{start:>11}  {end:>11}  {label:width$}  {score:.2}  {bar}").trim_end().to_owned() + "\n"
            }
            TrackFormat::Srt => {
                let (start, end, number) = (subtitle_time(start, rate), subtitle_time(end, rate), self.written);
                format!("{number}\n{start} --> {end}\n{} ({score:.2})\n\n", printable(label))
            }
            TrackFormat::Audacity => {
                let seconds = |samples: u64| samples as f64 / f64::from(rate);
                format!("{:.6}\t{:.6}\t{}\n", seconds(start), seconds(end), printable(label))
            }
        })
    }
}

/// A time as minutes and seconds, and hours if there are any: 1:02:03.45.
pub fn clock(samples: u64, sample_rate: u32) -> String {
    let hundredths = scaled(samples, sample_rate, 100);
    let (minutes, rest) = (hundredths / 6_000, hundredths % 6_000);
    let seconds = format!("{:02}.{:02}", rest / 100, rest % 100);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}:{seconds}"),
        (hours, minutes) => format!("{hours}:{minutes:02}:{seconds}"),
    }
}

/// A time as SubRip has it: 00:00:01,240.
fn subtitle_time(samples: u64, sample_rate: u32) -> String {
    let ms = scaled(samples, sample_rate, 1_000);
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    format!("{:02}:{:02}:{:02},{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A time in parts of a second, rounded to nearest.
fn scaled(samples: u64, sample_rate: u32, parts: u64) -> u64 {
    let rate = u64::from(sample_rate.max(1));
    let (seconds, rest) = (samples / rate, samples % rate);
    seconds.saturating_mul(parts).saturating_add((rest * parts + rate / 2) / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(format: TrackFormat, file: Option<&str>) -> String {
        let mut track = Track::new(format, &["yes", "a\tb"], 16_000, file);
        let first = Detection { label: 0, score: 0.9712, start: 19_840, end: 28_480 };
        let second = Detection { label: 1, score: 0.5, start: 16_000 * 3_661, end: 16_000 * 3_662 - 1 };
        track.entry(&first).unwrap() + &track.entry(&second).unwrap()
    }

    #[test]
    fn json_is_a_line_each() {
        assert_eq!(
            entries(TrackFormat::Json, None),
            "{\"start\":1.24,\"end\":1.78,\"label\":\"yes\",\"score\":0.97}\n\
             {\"start\":3661.00,\"end\":3662.00,\"label\":\"a\\tb\",\"score\":0.50}\n"
        );
        assert!(
            entries(TrackFormat::Json, Some("a\"\n.wav"))
                .starts_with("{\"file\":\"a\\\"\\n.wav\",\"start\":1.24,\"end\"")
        );
    }

    #[test]
    fn tracks_are_what_other_programs_read() {
        assert_eq!(
            entries(TrackFormat::Srt, None),
            "1\n00:00:01,240 --> 00:00:01,780\nyes (0.97)\n\n2\n01:01:01,000 --> 01:01:02,000\na\\tb (0.50)\n\n"
        );
        assert_eq!(entries(TrackFormat::Audacity, None), "1.240000\t1.780000\tyes\n3661.000000\t3661.999938\ta\\tb\n");
    }

    #[test]
    fn tables_are_aligned() {
        assert_eq!(
            entries(TrackFormat::Table, None),
            "    0:01.24      0:01.78  yes   0.97  ███████████████████\n 1:01:01.00   1:01:02.00  a\\tb  0.50  ██████████\n"
        );
    }

    #[test]
    fn times_of_any_size_are_written() {
        assert_eq!(clock(0, 16_000), "0:00.00");
        assert_eq!(clock(16_000 * 60 - 1, 16_000), "1:00.00");
        assert!(clock(u64::MAX, 0).contains(':'));
    }
}
