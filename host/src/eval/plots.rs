//! Figures as pictures.

use std::error::Error as Cause;

use earmark_core::model::is_background;
use plotters::prelude::*;

use super::{Answer, Figures};
use crate::Error;
use crate::plot::{Area, FONT, png};

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const ACCENT: RGBColor = RGBColor(0x1f, 0x5f, 0x8b);

/// A curve with its name.
pub type Curve = (String, Vec<(f64, f64)>);

/// The confusion matrix: a row a label, darker where more of its clips got that answer. Masked labels are left out.
///
/// # Errors
/// [`Error::Plot`].
pub fn confusion(figures: &Figures) -> Result<Vec<u8>, Error> {
    const CELL: i32 = 48;
    const MARGIN: i32 = 110;
    let is_kept = |label: &String| figures.per_label.0.iter().any(|(kept, _)| kept == label);
    let kept: Vec<usize> = (0..figures.labels.len()).filter(|index| is_kept(&figures.labels[*index])).collect();
    let side = (MARGIN + CELL * kept.len() as i32 + 24) as u32;
    png(side, side, |area| {
        let text = TextStyle::from((FONT, 14)).color(&INK);
        area.draw(&Text::new("rows: said, columns: heard", (8, 8), text.clone()))?;
        for (row, &label) in kept.iter().enumerate() {
            let (label, counts) = (&figures.labels[label], &figures.confusion[label]);
            let y = MARGIN + CELL * row as i32;
            area.draw(&Text::new(shortened(label), (8, y + CELL / 2 - 8), text.clone()))?;
            let upright = text.transform(FontTransform::Rotate270);
            area.draw(&Text::new(shortened(label), (y + CELL / 2 - 8, MARGIN - 6), upright))?;
            let of = counts.iter().sum::<usize>().max(1) as f64;
            for (column, count) in kept.iter().map(|&answer| counts[answer]).enumerate() {
                let x = MARGIN + CELL * column as i32;
                let share = count as f64 / of;
                let cell = Rectangle::new([(x, y), (x + CELL - 1, y + CELL - 1)], ACCENT.mix(share).filled());
                area.draw(&cell)?;
                if count > 0 {
                    let ink = if share > 0.5 { WHITE } else { INK };
                    let number = TextStyle::from((FONT, 14)).color(&ink);
                    area.draw(&Text::new(count.to_string(), (x + 6, y + CELL / 2 - 8), number))?;
                }
            }
        }
        Ok(())
    })
}

/// As much of a label as there is room for beside a plot.
fn shortened(label: &str) -> String {
    const MOST: usize = 12;
    if label.chars().count() <= MOST { label.into() } else { label.chars().take(MOST - 1).chain(['…']).collect() }
}

/// Recall of each label, as bars with their 95 % intervals.
///
/// # Errors
/// [`Error::Plot`].
pub fn recall(figures: &Figures) -> Result<Vec<u8>, Error> {
    const ROW: i32 = 30;
    const LEFT: i32 = 110;
    const WIDTH: i32 = 500;
    let rows = &figures.per_label.0;
    png((LEFT + WIDTH + 80) as u32, (ROW * (rows.len() as i32 + 1)) as u32, |area| {
        let text = TextStyle::from((FONT, 14)).color(&INK);
        let x_of = |share: f64| LEFT + (share * f64::from(WIDTH)) as i32;
        for (row, (label, label_figures)) in rows.iter().enumerate() {
            let y = ROW / 2 + ROW * row as i32;
            area.draw(&Text::new(shortened(label), (8, y + 4), text.clone()))?;
            let Some(recall) = label_figures.recall else { continue };
            area.draw(&Rectangle::new([(LEFT, y), (x_of(recall), y + ROW - 8)], ACCENT.mix(0.6).filled()))?;
            let [low, high] = super::wilson((recall * label_figures.n as f64).round() as usize, label_figures.n);
            let middle = y + (ROW - 8) / 2;
            area.draw(&PathElement::new([(x_of(low), middle), (x_of(high), middle)], INK.stroke_width(2)))?;
            let number = format!("{:.1} %", 100.0 * recall);
            area.draw(&Text::new(number, (LEFT + WIDTH + 10, y + 4), text.clone()))?;
        }
        Ok(())
    })
}

/// The detection error trade-off over clips: the share of a class's clips that score below a threshold, against the share of all other
/// clips that score at least that much, a curve a class (background labels have none).
///
/// # Errors
/// [`Error::Plot`].
pub fn detection(figures: &Figures, answers: &[Answer]) -> Result<Vec<u8>, Error> {
    let classes = figures.per_label.0.iter().filter(|(label, _)| !is_background(label));
    let curve = |label: &String| {
        let index = figures.labels.iter().position(|other| other == label)?;
        Some((label.clone(), detection_curve(answers, index)))
    };
    let curves: Vec<Curve> = classes.filter_map(|(label, _)| curve(label)).collect();
    trade_off(&curves, "false alarms among other clips", 1e-4..1.0)
}

/// (share of false alarms, share of misses) at every threshold that changes them.
fn detection_curve(answers: &[Answer], class: usize) -> Vec<(f64, f64)> {
    let mut scored: Vec<(f32, bool)> =
        answers.iter().map(|answer| (answer.scores[class], answer.truth == class)).collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let clips = scored.iter().filter(|(_, is_class)| *is_class).count();
    let (positive, negative) = (clips.max(1) as f64, (scored.len() - clips).max(1) as f64);
    let (mut hits, mut alarms) = (0, 0);
    let mut curve = vec![(0.0, 1.0)];
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        let hits_here = group.iter().filter(|(_, is_class)| *is_class).count();
        hits += hits_here;
        alarms += group.len() - hits_here;
        curve.push((f64::from(alarms as u32) / negative, 1.0 - f64::from(hits as u32) / positive));
    }
    curve
}

/// Misses (0 to 1) against false alarms, both logarithmic, because what matters lies near 0; values below an axis are drawn at its
/// beginning.
///
/// # Errors
/// [`Error::Plot`].
pub fn trade_off(curves: &[Curve], alarms: &str, range: std::ops::Range<f64>) -> Result<Vec<u8>, Error> {
    const LEAST_MISSES: f64 = 1e-3;
    png(860, 620, |area| draw_trade_off(area, curves, alarms, range, LEAST_MISSES))
}

fn draw_trade_off(
    area: &Area<'_>,
    curves: &[Curve],
    alarms: &str,
    range: std::ops::Range<f64>,
    least_misses: f64,
) -> Result<(), Box<dyn Cause>> {
    let (least, most) = (range.start, range.end);
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(range.log_scale(), (least_misses..1.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(alarms)
        .y_desc("misses")
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .light_line_style(INK.mix(0.06))
        .bold_line_style(INK.mix(0.15))
        .x_label_formatter(&|value| format!("{value}"))
        .y_label_formatter(&|value| format!("{:.3} %", 100.0 * value).replace(".000", ""))
        .draw()?;
    for (index, (name, points)) in curves.iter().enumerate() {
        let colour = HSLColor(index as f64 / curves.len() as f64, 0.7, 0.4);
        let on_axes = points.iter().map(|&(x, y)| (x.clamp(least, most), y.clamp(least_misses, 1.0)));
        chart
            .draw_series(LineSeries::new(on_axes, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().label_font((FONT, 14)).background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_with_no_misses_and_every_alarm() {
        let answer = |truth, score| Answer { truth, scores: vec![score, 1.0 - score] };
        let answers = [answer(0, 0.9), answer(0, 0.4), answer(1, 0.4), answer(1, 0.1)];
        assert_eq!(detection_curve(&answers, 0), [(0.0, 1.0), (0.0, 0.5), (0.5, 0.0), (1.0, 0.0)]);
    }
}
