//! What a person sees while earmark listens: the level, each label's scores as they scroll by, and above them what was detected.

use std::time::{Duration, Instant};

use earmark::Error;
use earmark::listen::LiveEvent;
use earmark_core::signal::SignalCondition;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::printable;
use super::super::track::clock;

/// Time that a column of the scrolling scores stands for, and in which the view is drawn once.
const COLUMN: Duration = Duration::from_millis(100);
/// Columns of the scrolling scores.
const COLUMNS: usize = 50;
/// Cells of the level meter, which covers [`QUIETEST`] to 0 decibels of full scale.
const CELLS: usize = 30;
const QUIETEST: f32 = -60.0;
/// Scores in eighths, and nothing.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A live view on a terminal.
pub struct View {
    lines: MultiProgress,
    meter: ProgressBar,
    rows: Vec<Row>,
    sample_rate: u32,
    drawn: Instant,
    position: u64,
    level: Level,
    overruns: u64,
    signal: Option<SignalCondition>,
}

/// The scores of one label.
struct Row {
    line: ProgressBar,
    name: String,
    /// The highest score of each column; the last one is not complete.
    history: Vec<f32>,
}

/// The mean power and the peak of the samples since the last look.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    sum: f64,
    count: u64,
    peak: u16,
}

impl View {
    /// Draws on stdout, which must be a terminal.
    pub fn new(labels: &[&str], sample_rate: u32) -> Self {
        Self::with_target(labels, sample_rate, ProgressDrawTarget::stdout())
    }

    fn with_target(labels: &[&str], sample_rate: u32, target: ProgressDrawTarget) -> Self {
        let lines = MultiProgress::with_draw_target(target);
        // A line that is longer than the terminal is wide is cut off there. The template is right: it is the one thing in it.
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let add = || lines.add(ProgressBar::no_length().with_style(style.clone()));
        let meter = add();
        let width = labels.iter().map(|label| printable(label).chars().count()).max().unwrap_or(0);
        let row = |label: &&str| Row {
            line: add(),
            name: format!("{:width$}", printable(label)),
            history: vec![0.0; COLUMNS],
        };
        let rows = labels.iter().map(row).collect();
        let mut view = Self {
            meter,
            rows,
            lines,
            sample_rate,
            drawn: Instant::now(),
            position: 0,
            level: Level::default(),
            overruns: 0,
            signal: None,
        };
        view.draw();
        view
    }

    /// Takes in what happens, and draws it if it is time to.
    pub fn show(&mut self, event: &LiveEvent<'_>) {
        match *event {
            LiveEvent::Samples(samples) => {
                self.position += samples.len() as u64;
                self.level.hear(samples);
            }
            LiveEvent::Scores { scores, .. } => {
                for (row, &score) in self.rows.iter_mut().zip(scores) {
                    row.hear(score);
                }
            }
            LiveEvent::Signal { condition, .. } => {
                self.signal = Some(condition).filter(|&condition| condition != SignalCondition::Recovered);
            }
            LiveEvent::Overrun { count, .. } => self.overruns = count,
            _ => {}
        }
        if self.drawn.elapsed() >= COLUMN {
            self.drawn = Instant::now();
            self.draw();
        }
    }

    /// Prints lines above the view, where they stay.
    pub fn print(&self, text: &str) -> Result<(), Error> {
        self.lines.println(text).map_err(Error::Output)
    }

    /// Takes the view off the terminal.
    pub fn clear(&self) -> Result<(), Error> {
        self.lines.clear().map_err(Error::Output)
    }

    fn draw(&mut self) {
        let mut line =
            format!("{}  {}", std::mem::take(&mut self.level).meter(), clock(self.position, self.sample_rate));
        if self.overruns > 0 {
            line += &format!("  samples lost {} times", self.overruns);
        }
        if let Some(condition) = self.signal {
            line += &format!("  {condition}");
        }
        self.meter.set_message(line);
        self.rows.iter_mut().for_each(Row::draw);
    }
}

impl Row {
    fn hear(&mut self, score: f32) {
        if let Some(last) = self.history.last_mut() {
            *last = last.max(score);
        }
    }

    /// Draws the row and begins a new column.
    fn draw(&mut self) {
        let bars: String =
            self.history.iter().map(|score| BARS[(score.clamp(0.0, 1.0) * 8.0).round() as usize]).collect();
        let now = self.history.last().copied().unwrap_or(0.0);
        self.line.set_message(format!("{}  {now:.2}  {bars}", self.name));
        self.history.rotate_left(1);
        if let Some(last) = self.history.last_mut() {
            *last = 0.0;
        }
    }
}

impl Level {
    fn hear(&mut self, samples: &[i16]) {
        for &sample in samples {
            self.sum += f64::from(sample).powi(2);
            self.peak = self.peak.max(sample.unsigned_abs());
        }
        self.count += samples.len() as u64;
    }

    /// A bar up to the mean level, a tick at the peak, and the mean level in decibels of full scale.
    fn meter(self) -> String {
        let rms = decibels((self.sum / self.count.max(1) as f64).sqrt());
        let cell = |decibels: f32| ((1.0 - decibels.max(QUIETEST) / QUIETEST) * CELLS as f32).round() as usize;
        let (mean, peak) = (cell(rms), cell(decibels(f64::from(self.peak))));
        let cells = (1..=CELLS).map(|place| match place {
            _ if place <= mean => '█',
            _ if place == peak => '│',
            _ => '·',
        });
        let level = if rms > QUIETEST * 2.0 { format!("{rms:>4.0} dB") } else { "   −∞ dB".to_owned() };
        format!("{} {level}", cells.collect::<String>())
    }
}

/// An amplitude in decibels of full scale.
fn decibels(amplitude: f64) -> f32 {
    (20.0 * (amplitude / 32_768.0).log10()) as f32
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn the_view_shows_level_scores_and_what_is_wrong() {
        let terminal = InMemoryTerm::new(20, 100);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut view = View::with_target(&["yes", "stop"], 16_000, target);
        view.show(&LiveEvent::Samples(&[3_277; 1_600]));
        view.show(&LiveEvent::Scores { end: 16_000, scores: &[1.0, 0.26] });
        view.show(&LiveEvent::Signal { at: 4_000, condition: SignalCondition::Stuck });
        view.show(&LiveEvent::Overrun { at: 4_000, count: 2 });
        view.draw();
        view.print("0:00.10 yes").unwrap();
        let picture = terminal.contents();
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines[0], "0:00.10 yes", "{picture}");
        let meter = "█".repeat(20) + &"·".repeat(10) + "  -20 dB  0:00.10  samples lost 2 times  the signal is";
        assert!(lines[1].starts_with(&meter), "{picture}");
        assert!(lines[2].starts_with("yes   1.00 ") && lines[2].ends_with('█'), "{picture}");
        assert!(lines[3].starts_with("stop  0.26 ") && lines[3].ends_with('▂'), "{picture}");
        view.clear().unwrap();
        assert_eq!(terminal.contents(), "0:00.10 yes");
    }

    #[test]
    fn levels_of_any_height_fit_the_meter() {
        for (samples, says) in
            [(&[0_i16; 4][..], "−∞ dB"), (&[], "−∞ dB"), (&[i16::MIN; 4], "   0 dB"), (&[1; 4], " -90 dB")]
        {
            let mut level = Level::default();
            level.hear(samples);
            let meter = level.meter();
            assert!(meter.ends_with(says), "{meter}");
            assert_eq!(meter.chars().take_while(|&cell| cell != ' ').count(), CELLS, "{meter}");
        }
    }
}
