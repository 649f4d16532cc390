//! Figures for people.

use earmark::eval::{Figures, LabelFigures};

use super::Report;
use crate::cli::printable;

/// `12.3 %`, or a dash.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share))
}

/// What is printed without `--json`.
pub fn of_clips(report: &Report) -> String {
    let Report { figures, latency_us, skipped, .. } = report;
    let [low, high] = figures.interval;
    let mut text = format!(
        "accuracy           {} ({:.1}–{:.1} %, 95 %), {} clips\n",
        percent(figures.accuracy),
        100.0 * low,
        100.0 * high,
        figures.n
    );
    text += &format!("calibration error  {}\n", percent(figures.calibration_error));
    if let Some(latency) = latency_us {
        text += &format!("latency            {latency:.0} µs a clip (median)\n");
    }
    if !skipped.is_empty() {
        text += &format!("skipped            {} files, listed on stderr\n", skipped.len());
    }
    text + "\n" + &rows(figures)
}

/// A row a label: precision, recall, clips, and what its clips were answered instead most often.
fn rows(figures: &Figures) -> String {
    let labels: Vec<String> = figures.labels.iter().map(printable).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let mut text =
        format!("{:width$}  {:>9}  {:>8}  {:>6}  mostly confused with\n", "", "precision", "recall", "clips");
    for (label, LabelFigures { precision, recall, n }) in &figures.per_label.0 {
        let Some(index) = figures.labels.iter().position(|other| other == label) else { continue };
        let (precision, recall) = (percent(*precision), percent(*recall));
        let row = format!(
            "{:width$}  {precision:>9}  {recall:>8}  {n:>6}  {}",
            labels[index],
            confusions(figures, index, &labels)
        );
        text += &(row.trim_end().to_owned() + "\n");
    }
    text
}

/// The three wrong answers that a label's clips got most often.
fn confusions(figures: &Figures, label: usize, labels: &[String]) -> String {
    let mut wrong: Vec<(usize, usize)> = figures.confusion[label]
        .iter()
        .copied()
        .enumerate()
        .filter(|&(other, count)| other != label && count > 0)
        .collect();
    wrong.sort_by_key(|&(other, count)| (std::cmp::Reverse(count), other));
    let name = |&(other, count): &(usize, usize)| format!("{} {count}", labels[other]);
    wrong.iter().take(3).map(name).collect::<Vec<_>>().join(", ")
}
