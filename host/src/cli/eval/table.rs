//! Figures for people.

use earmark::eval::continuous::{LabelOperation, Latency, OperatingFigures, Point, SourceFigures, Total};
use earmark::eval::{Figures, LabelFigures};

use super::clips::{self, Shifted};
use super::continuous;
use crate::cli::printable;

/// `12.3 %`, or a dash.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share))
}

/// What is printed without `--json`.
pub fn of_clips(report: &clips::Report) -> String {
    let clips::Report { figures, latency_us, skipped, .. } = report;
    let [low, high] = figures.interval;
    let mut text = format!(
        "accuracy           {} ({:.1}–{:.1} %, 95 %), {} clips\n",
        percent(figures.accuracy),
        100.0 * low,
        100.0 * high,
        figures.n
    );
    for Shifted { shift_ms, figures } in &report.shifts {
        text += &format!("{:17}  {}\n", format!("  {shift_ms:+} ms"), percent(figures.accuracy));
    }
    text += &format!("calibration error  {}\n", percent(figures.calibration_error));
    if let Some(latency) = latency_us {
        text += &format!("latency            {latency:.0} µs a clip (median)\n");
    }
    if !skipped.is_empty() {
        text += &format!("skipped            {}, listed on stderr\n", files(skipped.len()));
    }
    text + "\n" + &rows(figures)
}

/// What is printed without `--json` of listening all day.
pub fn of_hours(report: &continuous::Report) -> String {
    let mut text = format!("{:.2} hours\n\nthreshold  {}\n", report.hours, HEADINGS);
    for Point { threshold, total } in report.curve.iter().filter(|point| is_shown(point.threshold)) {
        text += &format!("{threshold:>9.4}  {}\n", total_row(total));
    }
    text += &format!("\nthe detector as it is in the model\n{}", operation(&report.present));
    if let Some(found) = &report.operating_point {
        text += &format!("\nthe operating point\n{}", operation(found));
    }
    if let Some(path) = &report.calibrated {
        text += &format!("\nwritten to {}\n", printable(path));
    }
    if !report.skipped.is_empty() {
        text += &format!("\n{} skipped, listed on stderr\n", files(report.skipped.len()));
    }
    text
}

const HEADINGS: &str = "misses   (95 %)          false alarms  an hour  (95 %)    confused  latency median / p95";

/// One in three of the thresholds that were tried is shown, which are four a logit.
fn is_shown(threshold: f32) -> bool {
    let quarters = 4.0 * (threshold / (1.0 - threshold)).ln();
    (quarters.round() as i32).rem_euclid(3) == 0
}

fn total_row(total: &Total) -> String {
    let [low, high] = total.miss_interval;
    let number = |number: Option<f64>| number.map_or("–".into(), |number| format!("{number:.2}"));
    format!(
        "{:>7}  {:14}  {:>12}  {:>7}  {:8}  {:>8}  {}",
        percent(total.miss_rate),
        if total.words > 0 { format!("({:.1}–{:.1} %)", 100.0 * low, 100.0 * high) } else { String::new() },
        total.false_alarms,
        number(total.false_alarms_an_hour),
        format!("(≤ {})", number(total.false_alarms_bound)),
        total.confusions,
        latency(total.latency_ms)
    )
}

fn latency(latency: Latency) -> String {
    let milliseconds = |time: Option<f64>| time.map_or("–".into(), |time| format!("{time:.0}"));
    format!("{} / {} ms", milliseconds(latency.median), milliseconds(latency.p95))
}

/// A detector: its settings, all words together, each label, each source.
fn operation(figures: &OperatingFigures) -> String {
    let detector = figures.detector;
    let mut text = format!(
        "smoothing {} ms, isolation {:.2}, at least {} ms above the threshold, release {:.2}, refractory {} ms\n\n{:9}  {HEADINGS}\n{:9}  {}\n\n",
        detector.smoothing_ms,
        detector.isolation,
        detector.minimum_ms,
        detector.release,
        detector.refractory_ms,
        "",
        "all",
        total_row(&figures.total)
    );
    let labels = &figures.per_label.0;
    let width = labels.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).max(9);
    text += &format!("{:width$}  threshold  words  misses          false alarms  confused  latency median / p95\n", "");
    for (label, LabelOperation { threshold, words, misses, miss_rate, false_alarms, confusions, latency_ms }) in labels
    {
        text += &format!(
            "{:width$}  {threshold:>9.4}  {words:>5}  {misses:>5} {:>9}  {false_alarms:>12}  {confusions:>8}  {}\n",
            printable(label),
            percent(*miss_rate),
            latency(*latency_ms)
        );
    }
    text += "\n";
    for SourceFigures { name, hours, false_alarms } in &figures.sources {
        text += &format!("{false_alarms:>4} false alarms in {hours:>6.2} hours of {}\n", printable(name));
    }
    text
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

/// So many files, in words.
fn files(number: usize) -> String {
    if number == 1 { "1 file".into() } else { format!("{number} files") }
}
