//! What was heard in a file, for programs and for people.

use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;

use earmark::Error;
use earmark_core::api::{Ranking, response_bound, write_response};

use super::printable;

/// The width of a bar for the score 1.
const BAR: f32 = 30.0;

/// The scores of one window.
#[derive(Debug)]
pub struct Scored {
    /// Where in the clip it is.
    pub seconds: Range<f64>,
    /// One a label.
    pub scores: Vec<f32>,
}

/// What was heard in one file.
#[derive(Debug)]
pub struct Answer<'a> {
    pub file: &'a Path,
    pub labels: &'a [&'a str],
    /// How many labels to print of each window; absent: all.
    pub top_k: Option<NonZeroU32>,
    pub heard: Heard,
}

#[derive(Debug)]
pub enum Heard {
    /// One window that speaks for the clip.
    Clip(Scored),
    /// Every window.
    Windows(Vec<Scored>),
}

impl Answer<'_> {
    /// One document: the API's array; of windows, an array of them.
    pub fn array(&self) -> Result<String, Error> {
        match &self.heard {
            Heard::Clip(scored) => Ok(self.result(scored)? + "\n"),
            Heard::Windows(windows) => {
                let window = |scored| Ok(format!("{{{}}}", self.timed(scored)?));
                Ok(format!("[{}]\n", windows.iter().map(window).collect::<Result<Vec<_>, Error>>()?.join(",")))
            }
        }
    }

    /// A document a line, each with the file's name.
    pub fn lines(&self) -> Result<String, Error> {
        let file = serde_json::Value::from(self.file.to_string_lossy());
        match &self.heard {
            Heard::Clip(scored) => Ok(format!("{{\"file\":{file},\"result\":{}}}\n", self.result(scored)?)),
            Heard::Windows(windows) => {
                windows.iter().map(|scored| Ok(format!("{{\"file\":{file},{}}}\n", self.timed(scored)?))).collect()
            }
        }
    }

    /// The members of a window's object.
    fn timed(&self, scored: &Scored) -> Result<String, Error> {
        let Range { start, end } = scored.seconds;
        Ok(format!("\"start\":{start},\"end\":{end},\"result\":{}", self.result(scored)?))
    }

    /// The API's array.
    fn result(&self, scored: &Scored) -> Result<String, Error> {
        let mut buffer = vec![0; response_bound(self.labels.iter().copied())];
        let ranking = Ranking::new(&scored.scores, self.top_k);
        Ok(write_response(ranking.map(|ranked| (self.labels[ranked.index], ranked.score)), &mut buffer)?.to_owned())
    }

    /// Labels, scores and bars, under the file's name if `is_named`.
    pub fn table(&self, is_named: bool) -> String {
        let mut text = if is_named { printable(self.file.display()) + "\n" } else { String::new() };
        match &self.heard {
            Heard::Clip(scored) => text += &self.rows(scored),
            Heard::Windows(windows) => {
                for scored in windows {
                    let Range { start, end } = scored.seconds;
                    text += &format!("{start:.2} s to {end:.2} s\n{}", self.rows(scored));
                }
            }
        }
        text
    }

    fn rows(&self, scored: &Scored) -> String {
        let width = self.labels.iter().map(|label| printable(label).chars().count()).max().unwrap_or(0);
        let row = |label: &str, score: f32| {
            // Raw outputs (`--function-to-apply none`) may lie outside 0..=1.
            let bar = "█".repeat((score.clamp(0.0, 1.0) * BAR).round() as usize);
            let label = printable(label);
            format!("  {label:width$}  {score:>8.4}  {bar}").trim_end().to_owned() + "\n"
        };
        Ranking::new(&scored.scores, self.top_k).map(|ranked| row(self.labels[ranked.index], ranked.score)).collect()
    }
}
