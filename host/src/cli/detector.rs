//! How verbs that listen are told to.

use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use earmark::Error;
use earmark::listen::StreamListener;
use earmark_core::detect::{Detector, GateSettings};
use earmark_core::listener::ListenerSettings;
use earmark_core::model::Model;
use earmark_core::signal::{Gain, Preset};

/// The margin of `--gate` without a value, which is that of [`GateSettings::for_window`].
pub const GATE_DB: &str = "6";

/// What is done to samples, and how scores become detections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListeningOptions {
    /// How easily labels are detected, 0 to 1: 0.5 is as calibrated, more misses less and raises more false alarms. Repeat it with
    /// LABEL=VALUE for single labels
    #[arg(long, value_name = "[LABEL=]VALUE", value_parser = parse_sensitivity)]
    sensitivity: Vec<Setting>,

    /// The score from which labels are detected after a pause, 0 to 1 [default: the model's, as calibrated]. Repeat it with LABEL=VALUE for
    /// single labels; above 1 a label is never detected
    #[arg(long, value_name = "[LABEL=]VALUE", value_parser = parse_threshold)]
    threshold: Vec<Setting>,

    /// How much surer a label must be in the midst of talk than after a pause, 0 to 1: 0 not at all, 1 makes 0.998 of a threshold of 0.9
    /// [default: the model's]
    #[arg(long, value_name = "N", value_parser = parse_isolation)]
    isolation: Option<f32>,

    /// What to do to the samples first, as a board with that microphone does: take out a constant offset, amplify, mute the start
    #[arg(long, value_name = "MICROPHONE", default_value = "none",
        value_parser = PossibleValuesParser::new(Preset::NAMES).try_map(|name| name.parse::<Preset>()))]
    condition: Preset,

    /// Amplify the samples by this instead [default: 0, or 12 for inmp441 and 28 for sph0645]
    #[arg(long, value_name = "DB", allow_negative_numbers = true, value_parser = parse_gain)]
    gain_db: Option<f32>,

    /// Spare the work of evaluating silence: only sound that lies DB decibels above the background is looked at
    #[arg(long, value_name = "DB", num_args = 0..=1, require_equals = true, default_missing_value = GATE_DB,
        value_parser = parse_margin)]
    gate: Option<f32>,
}

/// A value for one label or for all.
#[derive(Debug, Clone, PartialEq)]
struct Setting {
    label: Option<String>,
    value: f32,
}

impl ListeningOptions {
    /// The listener's settings.
    pub fn settings(&self, model: &Model<'_>) -> ListenerSettings {
        let mut settings = ListenerSettings::of(model);
        settings.conditioning = self.condition.conditioning(model.sample_rate());
        if let Some(decibels) = self.gain_db {
            settings.conditioning.gain = Gain::from_decibels(decibels);
        }
        if let Some(isolation) = self.isolation {
            settings.detector.isolation = isolation;
        }
        settings.gate = self.gate.map(|margin_db| gate(model, margin_db));
        settings
    }

    /// Sets a new listener's thresholds and sensitivities.
    pub fn tune(&self, listener: &mut StreamListener<'_>) -> Result<(), Error> {
        let model = *listener.model();
        let detector = listener.detector();
        apply(&self.threshold, &model, |label, value| Detector::set_threshold(detector, label, value))?;
        apply(&self.sensitivity, &model, |label, value| detector.set_label_sensitivity(label, value))
    }
}

/// A gate with a margin, for the length of a model's window.
pub fn gate(model: &Model<'_>, margin_db: f32) -> GateSettings {
    let window_ms = model.window_samples() as u64 * 1_000 / u64::from(model.sample_rate());
    GateSettings { margin_db, ..GateSettings::for_window(u32::try_from(window_ms).unwrap_or(u32::MAX)) }
}

/// Values for all labels come first, so that those for single ones last whatever their order.
fn apply(
    settings: &[Setting],
    model: &Model<'_>,
    mut set: impl FnMut(usize, f32) -> Result<(), earmark_core::Error>,
) -> Result<(), Error> {
    for setting in settings.iter().filter(|setting| setting.label.is_none()) {
        (0..model.label_count()).try_for_each(|label| set(label, setting.value))?;
    }
    for setting in settings {
        let Some(wanted) = &setting.label else { continue };
        let label = model.labels().position(|label| label == wanted);
        let unknown =
            || Error::LabelUnknown { label: wanted.clone(), known: model.labels().collect::<Vec<_>>().join(", ") };
        set(label.ok_or_else(unknown)?, setting.value)?;
    }
    Ok(())
}

fn parse_sensitivity(text: &str) -> Result<Setting, String> {
    parse_setting(text, |value| (0.0..=1.0).contains(&value), "a sensitivity is a number from 0 to 1")
}

fn parse_threshold(text: &str) -> Result<Setting, String> {
    parse_setting(text, |value| value >= 0.0, "a threshold is a number, 0 or more")
}

/// `VALUE` or `LABEL=VALUE`; the label may hold an equals sign itself.
fn parse_setting(text: &str, is_valid: impl Fn(f32) -> bool, expected: &str) -> Result<Setting, String> {
    let (label, value) = match text.rsplit_once('=') {
        Some((label, value)) => (Some(label.to_owned()), value),
        None => (None, text),
    };
    let value = value.parse().ok().filter(|&value| is_valid(value)).ok_or_else(|| expected.to_owned())?;
    Ok(Setting { label, value })
}

/// A gain in decibels.
pub fn parse_gain(text: &str) -> Result<f32, String> {
    decibels_within(text, -60.0..=48.0)
}

/// An isolation, of a detector or to try for one.
pub fn parse_isolation(text: &str) -> Result<f32, String> {
    within(text, 0.0..=1.0, "an isolation is a number from 0 to 1")
}

/// A gate's margin in decibels.
pub fn parse_margin(text: &str) -> Result<f32, String> {
    decibels_within(text, 0.0..=40.0)
}

/// A number of decibels in a range.
pub fn decibels_within(text: &str, range: RangeInclusive<f32>) -> Result<f32, String> {
    let expected = format!("it must be a number of decibels from {} to {}", range.start(), range.end());
    within(text, range, &expected)
}

/// A number in a range, or what was expected.
pub fn within<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>, expected: &str) -> Result<T, String> {
    text.parse().ok().filter(|value| range.contains(value)).ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_for_all_labels_or_for_one() {
        let setting = |label: Option<&str>, value| Ok(Setting { label: label.map(str::to_owned), value });
        assert_eq!(parse_threshold("0.8"), setting(None, 0.8));
        assert_eq!(parse_threshold("yes=2"), setting(Some("yes"), 2.0));
        assert_eq!(parse_sensitivity("a=b=1"), setting(Some("a=b"), 1.0));
        for wrong in ["", "yes", "yes=", "nan", "1.1", "-0.1", "yes=1,1"] {
            assert!(parse_sensitivity(wrong).is_err(), "{wrong}");
        }
        assert!(parse_threshold("-1").is_err() && parse_threshold("nan").is_err());
        assert!(parse_gain("inf").is_err() && parse_margin("41").is_err());
        assert_eq!(parse_gain("-6"), Ok(-6.0));
    }
}
