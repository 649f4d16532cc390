//! What a model says about itself: labels, front end, problem type, detector defaults, provenance.
//!
//! Layers say it, each over the one before: `metadata_props` of the ONNX file (keys `earmark.…`, values JSON), labels and a
//! TOML file beside it (the model's own name with `.labels.txt` and `.toml`, or `MODEL.toml`), and what the caller sets. They are merged
//! key by key; naming a front-end preset starts a new front end, because it sets every option that is not named with
//! it.

use std::path::Path;

use earmark_core::model::DetectorDefaults;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Error;
pub use crate::compile::stream::State;
use crate::frontend::Options;
use crate::model::header::check_detector;

/// Prefix of the keys in `metadata_props` that belong to earmark.
const PREFIX: &str = "earmark.";
/// File beside the ONNX file that sets or overrides what the model says, if there is none of the model's own name.
const SHARED_FILE: &str = "MODEL.toml";

/// Whether one label is right or any number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// Exactly one label is right.
    SingleLabel,
    /// Any number of labels may be right.
    MultiLabel,
}

/// Defaults for turning scores into detections.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detector {
    /// Time over which scores are averaged.
    pub smoothing_ms: u32,
    /// Score from which a label counts.
    pub threshold: Threshold,
    /// How much surer a label must be in the midst of talk than after a pause: see
    /// [`DetectorSettings::isolation`](earmark_core::detect::DetectorSettings::isolation); 0..=1.
    pub isolation: f32,
    /// Part of its threshold below which a label's score must fall before it may be detected again; 0..=1.
    pub release: f32,
    /// Time for which the averaged score must stay above its threshold.
    pub minimum_ms: u32,
    /// Time after a detection in which no label is detected.
    pub refractory_ms: u32,
    /// Time after a start in which no label is detected.
    pub mute_ms: u32,
}

/// Scores from which labels count; 0..=1.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list of one a label")]
pub enum Threshold {
    /// One for all labels.
    Common(f32),
    /// One a label.
    Each(Vec<f32>),
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            smoothing_ms: 200,
            threshold: Threshold::Common(0.9),
            isolation: 0.0,
            release: 0.8,
            minimum_ms: 0,
            refractory_ms: 1000,
            mute_ms: 0,
        }
    }
}

impl Detector {
    /// What the artifact holds of it, apart from the thresholds.
    #[must_use]
    pub const fn defaults(&self) -> DetectorDefaults {
        let Self { smoothing_ms, isolation, release, minimum_ms, refractory_ms, mute_ms, .. } = *self;
        DetectorDefaults { smoothing_ms, isolation, release, minimum_ms, refractory_ms, mute_ms }
    }

    /// The thresholds, one for each of a number of labels.
    ///
    /// # Errors
    /// [`Error::Metadata`] if there are more or fewer.
    pub fn thresholds(&self, labels: usize) -> Result<Vec<f32>, Error> {
        match &self.threshold {
            Threshold::Common(threshold) => Ok(vec![*threshold; labels]),
            Threshold::Each(thresholds) if thresholds.len() == labels => Ok(thresholds.clone()),
            Threshold::Each(thresholds) => Err(Error::Metadata {
                what: format!(
                    "detector.threshold has {} numbers for {labels} labels: give one a label",
                    thresholds.len()
                ),
            }),
        }
    }
}

/// What a network that takes samples expects.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waveform {
    /// Samples a second, in hertz.
    pub sample_rate: u32,
    /// What samples, integers from -32768 to 32767, are multiplied by; 1/32768 if absent.
    #[serde(default = "unit")]
    pub pcm_scale: f32,
}

/// Samples from -1 to 1.
const fn unit() -> f32 {
    1.0 / 32_768.0
}

/// Everything that a model says about itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The model's name.
    pub name: Option<String>,
    /// One label an output.
    pub labels: Option<Vec<String>>,
    /// Whether one label is right; if absent, what the network's last operator says.
    pub problem: Option<Problem>,
    /// Samples of one window; if absent, as many as its frames cover.
    pub window_samples: Option<u32>,
    /// How features are computed.
    pub frontend: Option<Options>,
    /// What recurrent layers of a stream remember.
    #[serde(default)]
    pub state: State,
    /// The network takes samples instead of features: only the reference runtime runs it.
    pub waveform: Option<Waveform>,
    /// Detector defaults.
    #[serde(default)]
    pub detector: Detector,
    /// Free text.
    #[serde(default)]
    pub provenance: Map<String, Value>,
}

/// The layers, merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layers(Map<String, Value>);

impl Layers {
    /// Adds the `metadata_props` of an ONNX file; keys of others are left out.
    ///
    /// A value that is no JSON counts as text.
    pub fn add_onnx(&mut self, properties: &[(String, String)]) {
        for (key, text) in properties {
            if let Some(key) = key.strip_prefix(PREFIX) {
                let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
                self.set(key, value);
            }
        }
    }

    /// Adds the text of a TOML file.
    ///
    /// # Errors
    /// [`Error::Metadata`] if it is no TOML, or holds a number that is not finite.
    pub fn add_toml(&mut self, text: &str) -> Result<(), Error> {
        let table: Map<String, Value> =
            toml::from_str(text).map_err(|error| Error::Metadata { what: one_line(&error.to_string()) })?;
        table.into_iter().try_for_each(|(key, value)| self.set_toml(&key, value))
    }

    /// Adds the TOML file beside the ONNX file at `path`, if there is one, and below it the labels of its own name with `.labels.txt`, a
    /// line each.
    ///
    /// # Errors
    /// [`Error::Metadata`] if one cannot be read or is no TOML.
    pub fn add_file_beside(&mut self, path: &Path) -> Result<(), Error> {
        let file = path.with_extension("labels.txt");
        match std::fs::read_to_string(&file) {
            Ok(text) => self.set("labels", text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::Metadata { what: format!("{}: {error}", file.display()) }),
        }
        for file in [path.with_extension("toml"), path.with_file_name(SHARED_FILE)] {
            match std::fs::read_to_string(&file) {
                Ok(text) => {
                    return self.add_toml(&text).map_err(|error| match error {
                        Error::Metadata { what } => Error::Metadata { what: format!("{}: {what}", file.display()) },
                        other => other,
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::Metadata { what: format!("{}: {error}", file.display()) }),
            }
        }
        Ok(())
    }

    /// Sets a value by its path, as `frontend.mel_bands=40`; the value is TOML, and what is no TOML is text.
    ///
    /// # Errors
    /// [`Error::Metadata`] without `=`, or for a number that is not finite.
    pub fn add_setting(&mut self, setting: &str) -> Result<(), Error> {
        let (path, text) = setting.split_once('=').ok_or_else(|| Error::Metadata {
            what: format!("`{setting}` is no setting: write KEY=VALUE, such as frontend.mel_bands=40"),
        })?;
        let parsed = toml::from_str::<Map<String, Value>>(&format!("value = {text}"));
        let mut value =
            parsed.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()));
        let mut keys = path.split('.').map(str::trim);
        let first = keys.next().unwrap_or_default();
        for key in keys.rev() {
            value = Value::Object(Map::from_iter([(key.to_owned(), value)]));
        }
        self.set_toml(first, value)
    }

    /// Sets a value that was TOML.
    fn set_toml(&mut self, key: &str, value: Value) -> Result<(), Error> {
        if holds_null(&value) {
            return Err(Error::Metadata { what: format!("`{key}` holds nan or inf: give a number or leave it out") });
        }
        self.set(key, value);
        Ok(())
    }

    /// Adds all that other layers say.
    pub fn add_layers(&mut self, above: &Self) {
        above.0.iter().for_each(|(key, value)| self.set(key, value.clone()));
    }

    /// Sets one value; tables are merged.
    pub fn set(&mut self, key: &str, value: Value) {
        match (self.0.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) if key == "frontend" && above.contains_key("preset") => {
                *below = above;
            }
            (Some(Value::Object(below)), Value::Object(above)) => below.extend(above),
            (_, value) => {
                self.0.insert(key.to_owned(), value);
            }
        }
    }

    /// The merged layers, checked.
    ///
    /// # Errors
    /// [`Error::Metadata`] names the key that is unknown or has the wrong type.
    pub fn metadata(&self) -> Result<Metadata, Error> {
        let parse = |layers: &Map<String, Value>| serde_json::from_value::<Metadata>(Value::Object(layers.clone()));
        let metadata = parse(&self.0).map_err(|error| {
            // Each key alone, to name the one at fault, which the error does not.
            let alone = |(key, value): (&String, &Value)| {
                let error = parse(&Map::from_iter([(key.clone(), value.clone())])).err()?;
                Some(format!("`{key}`: {error}"))
            };
            Error::Metadata { what: one_line(&self.0.iter().find_map(alone).unwrap_or_else(|| error.to_string())) }
        })?;
        let thresholds = match &metadata.detector.threshold {
            Threshold::Common(threshold) => std::slice::from_ref(threshold),
            Threshold::Each(thresholds) => thresholds,
        };
        check_detector(&metadata.detector.defaults(), thresholds)?;
        Ok(metadata)
    }

    /// One merged value, as it was written.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
}

/// Whether there is a null in a value. TOML has none, but its `nan` and `inf` become one, and would pass for options left open.
fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(holds_null),
        Value::Object(values) => values.values().any(holds_null),
        _ => false,
    }
}

fn one_line(text: &str) -> String {
    super::import::printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::{Layers, Problem};

    const ONNX: [(&str, &str); 4] = [
        ("earmark.name", "doors"),
        ("earmark.labels", r#"["open","shut"]"#),
        ("earmark.frontend", r#"{"preset":"torchaudio","mel_bands":40,"hop_length":160}"#),
        ("producer", "someone else"),
    ];

    fn layers() -> Layers {
        let mut layers = Layers::default();
        layers.add_onnx(&ONNX.map(|(key, value)| (key.to_owned(), value.to_owned())));
        layers
    }

    #[test]
    fn later_layers_win_key_by_key() {
        let mut layers = layers();
        layers.add_toml("problem = \"multi-label\"\n[frontend]\nhop_length = 320\n").unwrap();
        layers.add_setting("frontend.mel_bands=64").unwrap();
        layers.add_setting("name=gates").unwrap();
        let metadata = layers.metadata().unwrap();
        assert_eq!(metadata.name.as_deref(), Some("gates"));
        assert_eq!(metadata.problem, Some(Problem::MultiLabel));
        assert_eq!(metadata.labels.unwrap(), ["open", "shut"]);
        let front_end = metadata.frontend.unwrap();
        assert_eq!((front_end.mel_bands, front_end.hop_length), (Some(64), Some(320)));
    }

    #[test]
    fn a_preset_starts_a_new_front_end() {
        let mut layers = layers();
        layers.add_toml("[frontend]\npreset = \"librosa\"\n").unwrap();
        assert_eq!(layers.metadata().unwrap().frontend.unwrap().mel_bands, None);
    }

    #[test]
    fn mistakes_are_named() {
        let mut unknown = layers();
        unknown.add_setting("frontend.mel_band=64").unwrap();
        assert!(unknown.metadata().unwrap_err().to_string().contains("`frontend`: unknown field `mel_band`"));
        assert!(layers().add_setting("frontend.floor=nan").unwrap_err().to_string().contains("`frontend` holds nan"));
        let mut number = layers();
        number.add_setting("labels=7").unwrap();
        assert!(number.metadata().unwrap_err().to_string().contains("`labels`: invalid type"));
        let mut threshold = layers();
        threshold.add_setting("detector.threshold=2").unwrap();
        assert!(threshold.metadata().unwrap_err().to_string().contains("threshold"));
        assert!(layers().add_setting("labels").is_err());
        assert!(layers().add_toml("name = ").is_err());
    }
}
