//! A recording's waveform, features and scores over each other.

use std::error::Error as Cause;
use std::ops::Range;

use earmark_core::detect::Detection;
use earmark_core::model::is_background;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Analysis, Matrix};
use crate::Error;
use crate::plot::{Area, FONT, png};

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const WAVE: RGBColor = RGBColor(0x1f, 0x5f, 0x8b);
const MARK: RGBColor = RGBColor(0xd9, 0x5f, 0x02);

const WIDTH: u32 = 1400;
/// Heights of waveform, features and scores.
const HEIGHTS: [u32; 3] = [170, 300, 270];
const LEFT: u32 = 64;
const RIGHT: u32 = 130;
const GAP: u32 = 10;
const TIME_AXIS: u32 = 40;
/// Room above everything for the labels of detections.
const HEAD: u32 = 28;

/// Pixels of the time axis.
const COLUMNS: usize = (WIDTH - LEFT - RIGHT) as usize;

/// Draws a PNG: the waveform, the features as a heat map, each label's scores at the end of their windows, and over all three what was
/// detected. Behind the recording lies the silence that a listener hears after it; the first scores are of windows that begin in that before it.
///
/// # Errors
/// [`Error::Plot`].
pub fn draw(analysis: &Analysis) -> Result<Vec<u8>, Error> {
    let height = HEAD + HEIGHTS.iter().sum::<u32>() + 2 * GAP + TIME_AXIS;
    png(WIDTH, height, |area| {
        let (head, below) = area.split_vertically(HEAD);
        let (wave, below) = below.split_vertically(HEIGHTS[0] + GAP);
        let (map, scores) = below.split_vertically(HEIGHTS[1] + GAP);
        let time = Time::of(analysis);
        draw_wave(&wave, analysis, &time)?;
        draw_features(&map, analysis, &time)?;
        draw_scores(&scores, analysis, &time)?;
        draw_detections(area, &head, analysis, &time)
    })
}

/// The time axis.
struct Time {
    /// Where the recording ends and where the picture does, in seconds.
    recording: f64,
    whole: f64,
    sample_rate: f64,
}

impl Time {
    fn of(analysis: &Analysis) -> Self {
        let sample_rate = f64::from(analysis.sample_rate);
        let recording = analysis.samples.len() as f64 / sample_rate;
        let last = analysis.steps.last().map_or(0.0, |step| step.end as f64 / sample_rate);
        Self { recording, whole: recording.max(last), sample_rate }
    }

    fn seconds(&self, samples: u64) -> f64 {
        samples as f64 / self.sample_rate
    }

    /// The pixel of the whole picture at which a time lies.
    fn x(&self, seconds: f64) -> i32 {
        LEFT as i32 + (seconds / self.whole * COLUMNS as f64).round() as i32
    }

    /// What falls into each pixel's column, of things that come every `step` samples.
    fn columns(&self, step: usize, count: usize) -> impl Iterator<Item = (i32, Range<usize>)> {
        let per_column = self.whole * self.sample_rate / step.max(1) as f64 / COLUMNS as f64;
        (0..COLUMNS).map_while(move |column| {
            let start = (column as f64 * per_column) as usize;
            let end = (((column + 1) as f64 * per_column) as usize).max(start + 1);
            (start < count).then_some((column as i32, start..end.min(count)))
        })
    }
}

type Drawn = Result<(), Box<dyn Cause>>;

/// A panel's name at its left, upright.
fn name(area: &Area<'_>, text: &str) -> Drawn {
    let (_, height) = area.dim_in_pixel();
    let style = TextStyle::from((FONT, 15)).color(&INK).transform(FontTransform::Rotate270);
    let style = style.pos(Pos::new(HPos::Center, VPos::Top));
    area.draw(&Text::new(text.to_owned(), (4, height as i32 / 2), style))?;
    Ok(())
}

/// The lowest and the highest sample of each column.
fn draw_wave(area: &Area<'_>, analysis: &Analysis, time: &Time) -> Drawn {
    let middle = HEIGHTS[0] as i32 / 2;
    let loudest = analysis.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0).max(1);
    let y = |sample: i16| middle - (f64::from(sample) / f64::from(loudest) * f64::from(middle - 2)).round() as i32;
    name(area, "samples")?;
    let right = LEFT as i32 + COLUMNS as i32;
    area.draw(&PathElement::new([(LEFT as i32, middle), (right, middle)], INK.mix(0.3)))?;
    for (column, samples) in time.columns(1, analysis.samples.len()) {
        let samples = &analysis.samples[samples];
        let (low, high) =
            samples.iter().fold((i16::MAX, i16::MIN), |(low, high), &sample| (low.min(sample), high.max(sample)));
        let x = LEFT as i32 + column;
        area.draw(&PathElement::new([(x, y(low)), (x, y(high))], WAVE))?;
    }
    let peak = 20.0 * (f64::from(loudest) / 32_768.0).log10();
    let note = TextStyle::from((FONT, 13)).color(&INK);
    area.draw(&Text::new(format!("peak {peak:.0} dB"), (right + 10, 4), note))?;
    Ok(())
}

/// The features, lowest at the bottom, from the darkest for the least to the brightest for the most.
fn draw_features(area: &Area<'_>, analysis: &Analysis, time: &Time) -> Drawn {
    let Matrix { columns: bands, values } = &analysis.features;
    let height = HEIGHTS[1] as i32;
    name(area, "features")?;
    let (low, high) = range(values);
    let rows: Vec<&[f32]> = analysis.features.rows().collect();
    for (column, frames) in time.columns(analysis.hop_samples, rows.len()) {
        let x = LEFT as i32 + column;
        for band in 0..*bands {
            let sum: f32 = rows[frames.clone()].iter().map(|row| row[band]).sum();
            let share = (sum / frames.len() as f32 - low) / (high - low);
            let bottom = height - (band * height as usize / bands) as i32;
            let top = height - ((band + 1) * height as usize / bands) as i32;
            let colour = ViridisRGB.get_color(share.clamp(0.0, 1.0));
            area.draw(&Rectangle::new([(x, top), (x + 1, bottom)], colour.filled()))?;
        }
    }
    // The scale of colours.
    let right = LEFT as i32 + COLUMNS as i32;
    let note = TextStyle::from((FONT, 13)).color(&INK);
    for y in 0..height {
        let colour = ViridisRGB.get_color(1.0 - y as f32 / height as f32);
        area.draw(&PathElement::new([(right + 12, y), (right + 24, y)], colour))?;
    }
    area.draw(&Text::new(format!("{high:.1}"), (right + 30, 0), note.clone()))?;
    area.draw(&Text::new(format!("{low:.1}"), (right + 30, height - 14), note))?;
    Ok(())
}

/// What the colours range over: all values but the lowest and the highest hundredth.
fn range(values: &[f32]) -> (f32, f32) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |share: f32| sorted.get((share * sorted.len() as f32) as usize).copied();
    let (low, high) = (at(0.01).unwrap_or(0.0), at(0.99).unwrap_or(1.0));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

/// The scores of each label at the ends of their windows.
fn draw_scores(area: &Area<'_>, analysis: &Analysis, time: &Time) -> Drawn {
    name(area, "scores")?;
    let right = LEFT as i32 + COLUMNS as i32;
    let bottom = HEIGHTS[2] as i32;
    let mut chart = ChartBuilder::on(area)
        .margin_right(RIGHT)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, TIME_AXIS)
        .build_cartesian_2d(0.0..time.whole, 0.0_f32..1.0)?;
    chart
        .configure_mesh()
        .x_desc("seconds; the score of a window stands where it ends")
        .x_labels(12)
        .y_labels(5)
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.12))
        .draw()?;
    let best = |label: usize| analysis.steps.iter().map(|step| step.scores[label]).fold(0.0, f32::max);
    let count = analysis.labels.len();
    let mut line = 0;
    for (label, text) in analysis.labels.iter().enumerate() {
        let hue = HSLColor(label as f64 / count as f64, 0.75, 0.42);
        let grey = INK.mix(if label % 2 == 0 { 0.5 } else { 0.25 });
        let colour = if is_background(text) { grey } else { hue.mix(1.0) };
        let points = analysis.steps.iter().map(|step| (time.seconds(step.end), step.scores[label]));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        // Labels that never rise are on the axis, and need no name.
        if best(label) >= 0.2 && line * 17 + 17 < bottom {
            let y = 8 + line * 17;
            area.draw(&PathElement::new([(right + 10, y), (right + 26, y)], colour.stroke_width(3)))?;
            area.draw(&Text::new(text.clone(), (right + 32, y - 7), TextStyle::from((FONT, 13)).color(&INK)))?;
            line += 1;
        }
    }
    Ok(())
}

/// Bands over all panels, with the labels above, and the end of the recording.
fn draw_detections(area: &Area<'_>, head: &Area<'_>, analysis: &Analysis, time: &Time) -> Drawn {
    let bottom = (HEAD + HEIGHTS.iter().sum::<u32>() + 2 * GAP) as i32;
    let end = time.x(time.recording);
    if time.whole > time.recording {
        let right = LEFT as i32 + COLUMNS as i32;
        let silence = INK.mix(0.06).filled();
        area.draw(&Rectangle::new([(end, HEAD as i32), (right, bottom)], silence))?;
        let faint = INK.mix(0.6);
        let note = TextStyle::from((FONT, 13)).color(&faint);
        area.draw(&Text::new("silence after the end", (end + 6, HEAD as i32 + 6), note))?;
    }
    for detection in &analysis.detections {
        let Detection { label, score, start, end } = *detection;
        let (start, end) = (time.x(time.seconds(start)), time.x(time.seconds(end)));
        area.draw(&Rectangle::new([(start, HEAD as i32), (end, bottom)], MARK.mix(0.1).filled()))?;
        for x in [start, end] {
            area.draw(&PathElement::new([(x, HEAD as i32), (x, bottom)], MARK.mix(0.8)))?;
        }
        let text = format!("{} {score:.2}", analysis.labels.get(label).map_or("", String::as_str));
        head.draw(&Text::new(text, (start, 8), TextStyle::from((FONT, 15)).color(&MARK)))?;
    }
    Ok(())
}
