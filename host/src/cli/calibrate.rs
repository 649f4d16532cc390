//! `earmark compile --calibrate DIR`: a float model becomes a quantised one with the help of audio.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use earmark::Error;
use earmark::audio::{self, Limits};
use earmark::classify::Engine;
use earmark::compile::calibrate::{FloatModel, Int16, LayerNoise, MAX_WINDOWS, Ranges};
use earmark::compile::metadata::Layers;
use earmark::eval::{Collection, Conditions, Figures, has_words, hear, recordings};
use earmark::model::LoadedModel;
use rayon::prelude::*;
use serde::Serialize;

use super::complain;

/// Most labelled clips that float and quantised are compared on.
const COMPARED: usize = 1000;
/// Layers that are printed as those that lose most.
const WORST: usize = 5;

#[derive(Debug, Args)]
pub struct Calibration {
    /// Quantise a float model with the audio below DIR: some hundred clips like what it will hear, best in a folder a label
    #[arg(long, value_name = "DIR")]
    calibrate: Option<PathBuf>,
    /// How the ranges of tensors are chosen: all values, all but the rarest, those with the least square error, or the best of these
    #[arg(long, value_enum, default_value_t, requires = "calibrate")]
    ranges: RangesName,
    /// Hold these layers in 16 bits instead of 8, named as in the report of what each loses; all of them, and the features: all
    #[arg(long, value_delimiter = ',', value_name = "LAYER,…|all", requires = "calibrate")]
    int16: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum RangesName {
    #[default]
    Best,
    MinMax,
    Percentile,
    MeanSquare,
}

impl From<RangesName> for Ranges {
    fn from(name: RangesName) -> Self {
        match name {
            RangesName::Best => Self::Best,
            RangesName::MinMax => Self::MinMax,
            RangesName::Percentile => Self::Percentile,
            RangesName::MeanSquare => Self::MeanSquare,
        }
    }
}

/// How the quantised model compares with the float one.
#[derive(Debug, Serialize)]
pub struct Report {
    windows: usize,
    ranges: &'static str,
    layers: Vec<LayerNoise>,
    /// Only if the audio has labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<Accuracy>,
    skipped: usize,
}

/// Shares of right answers, 0 to 1.
#[derive(Debug, Serialize)]
struct Accuracy {
    clips: usize,
    float: Option<f64>,
    quantised: Option<f64>,
}

impl Calibration {
    /// The folder of audio, if one was given.
    pub fn folder(&self) -> Option<&Path> {
        self.calibrate.as_deref()
    }

    fn int16(&self) -> Int16 {
        match self.int16.as_slice() {
            [] => Int16::None,
            names if names.iter().any(|name| name == "all") => Int16::All,
            names => Int16::Layers(names.to_vec()),
        }
    }

    /// Quantises and compiles the float model `onnx` with the audio in `folder`; `name` is that of the artifact.
    pub fn run(
        &self,
        name: &str,
        onnx: Vec<u8>,
        layers: &Layers,
        folder: &Path,
    ) -> Result<(LoadedModel, Report), Error> {
        let float = FloatModel::new(&onnx, layers)?;
        let files = evenly(recordings(folder)?, MAX_WINDOWS);
        let limits = Limits::default();
        let rate = float.sample_rate();
        let read = |file: &PathBuf| audio::decode(&audio::read_file(file, &limits)?, rate, &limits);
        let decoded: Vec<Result<Vec<i16>, Error>> = files.par_iter().map(read).collect();
        let mut clips = Vec::new();
        for (file, clip) in files.iter().zip(decoded) {
            match clip {
                Ok(clip) => clips.push(clip),
                Err(error) => complain(&format_args!("{}: {error}", file.display())),
            }
        }
        let skipped = files.len() - clips.len();
        if clips.is_empty() {
            let what = format!("no file below {} could be read: give a folder of audio", folder.display());
            return Err(Error::Calibration { what });
        }
        let calibrated = float.calibrate(&clips, Ranges::from(self.ranges), &self.int16())?;
        let has_labels = has_words(folder, &float.labels());
        let loaded = LoadedModel::with_source(name, &calibrated.artifact, onnx)?;
        let accuracy = if has_labels { Some(compare(&loaded, folder)?) } else { None };
        let (windows, ranges) = (calibrated.windows, calibrated.ranges.name());
        let report = Report { windows, ranges, layers: calibrated.layers, accuracy, skipped };
        Ok((loaded, report))
    }
}

/// Both models on the same labelled clips.
fn compare(loaded: &LoadedModel, folder: &Path) -> Result<Accuracy, Error> {
    let model = loaded.model()?;
    let labels: Vec<&str> = model.labels().collect();
    let mut collection = Collection::find(folder, &labels, &[])?;
    collection.clips = evenly(collection.clips, COMPARED);
    let figures = |engine| -> Result<Figures, Error> {
        let outcome = hear(loaded, &collection, &Conditions { engine, ..Conditions::default() }, || {})?;
        Ok(Figures::new(&labels, &outcome.answers, &[], 1))
    };
    let (float, quantised) = (figures(Engine::Tract)?, figures(Engine::Core)?);
    Ok(Accuracy { clips: quantised.n, float: float.accuracy, quantised: quantised.accuracy })
}

/// At most `most` of some things, from everywhere among them.
fn evenly<T>(things: Vec<T>, most: usize) -> Vec<T> {
    let step = things.len().div_ceil(most).max(1);
    things.into_iter().step_by(step).collect()
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let decibels = |layer: &LayerNoise| layer.sqnr_db.map_or("exact".into(), |sqnr| format!("{sqnr:.1} dB"));
        let mut text = format!("calibrated on {} windows, ranges {}", self.windows, self.ranges);
        if let Some(output) = self.layers.last() {
            text += &format!("; signal to quantisation noise {} at the output, least at\n", decibels(output));
        }
        let mut worst: Vec<&LayerNoise> = self.layers.iter().filter(|layer| layer.sqnr_db.is_some()).collect();
        worst.sort_by(|a, b| a.sqnr_db.unwrap_or_default().total_cmp(&b.sqnr_db.unwrap_or_default()));
        for layer in worst.iter().take(WORST) {
            text +=
                &format!("{:>10}  {}{}\n", decibels(layer), layer.node, if layer.bits == 16 { ", int16" } else { "" });
        }
        let count = self.layers.iter().filter(|layer| layer.bits == 16).count();
        if count > 0 {
            text += &format!("{count} of {} layers are int16\n", self.layers.len());
        }
        let mut narrow: Vec<(f64, &str)> = (self.layers.iter().filter(|layer| layer.bits == 8))
            .filter_map(|layer| Some((layer.rounding_db?, layer.node.as_str())))
            .collect();
        narrow.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !narrow.is_empty() {
            let names: Vec<&str> = narrow.iter().take(WORST).map(|(_, node)| *node).collect();
            text += &format!("most to gain by 16 bits: --int16 {}\n", names.join(","));
        }
        if let Some(Accuracy { clips, float, quantised }) = &self.accuracy {
            let percent = |share: &Option<f64>| share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share));
            let (float, quantised) = (percent(float), percent(quantised));
            text += &format!("right answers to {clips} clips: float {float}, quantised {quantised}\n");
        }
        text
    }
}
