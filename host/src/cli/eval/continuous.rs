//! `earmark eval --continuous`: listening all day.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::eval::continuous::{
    Found, Ground, Labels, Listening, OperatingFigures, Point, Programme, Scenery, Sieve, Target, Total, Trial, hear,
    search, thresholds, trade_offs,
};
use earmark::eval::{Skipped, has_words, plots, recordings};
use earmark::model::with_detector;
use earmark_core::detect::{DetectorSettings, Timing};
use earmark_core::listener::ListenerSettings;
use earmark_core::model::{DetectorDefaults, Model, SILENCE, format};
use serde::Serialize;

use super::files::{exit_code, json_line, progress, write_plots};
use super::{Eval, indices, table};
use crate::cli::detector::{GATE_DB, gate, parse_isolation, parse_margin, within};
use crate::cli::{Output, complain, is_same_file, write_file};

/// What `--continuous` needs to know.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening all day")]
pub struct ContinuousOptions {
    /// Listen to DIR as to a microphone, with the detector: misses, false alarms an hour and latency
    ///
    /// DIR is a folder of clips as above, which are strung together with gaps (and --noise at --snr), or a recording, or a folder of
    /// recordings; any number of them. A recording has its label track beside it (Audacity's: start, end and label with tabs between), as a
    /// file of the same name that ends in .txt.
    ///
    /// A word is detected if the first detection with its label overlaps it or ends no later than 0.5 s after it. A detection while another
    /// word is said is a confusion; every other one is a false alarm. Latency is from the word's end to the detection's; in clips the
    /// word ends with its sound, which is told by its energy.
    #[arg(long)]
    continuous: bool,

    /// The label track of the recording, if it is not beside it
    #[arg(long, value_name = "FILE", requires = "continuous")]
    track: Option<PathBuf>,

    /// Recordings in which no word is said: a file, a folder or a quoted pattern ('esc10/*/4-*'); may be repeated
    #[arg(long, value_name = "PATH", requires = "continuous")]
    negatives: Vec<PathBuf>,

    /// Mean time between two clips, in seconds
    #[arg(long, value_name = "SECONDS", requires = "continuous", default_value_t = 2.0, value_parser = parse_gap)]
    gap: f64,

    /// Leave the words of these labels out of the misses and the latency of all; they have figures of their own
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',', requires = "continuous")]
    apart: Vec<String>,

    /// Find the operating point: the settings and thresholds with the fewest misses at so many false alarms an hour
    #[arg(long, value_name = "N", requires = "continuous", value_parser = parse_rate)]
    false_alarms_an_hour: Option<f64>,

    /// The longest median latency that the operating point should have, in milliseconds [default: 250]
    #[arg(long, value_name = "MS", requires = "continuous", value_parser = parse_latency)]
    latency_ms: Option<f64>,

    /// Times of smoothing to try for the operating point [default: 50,100,150,200,300,400]
    #[arg(long, value_name = "MS,…", requires = "continuous", value_delimiter = ',')]
    smoothing_ms: Vec<u32>,

    /// Isolations to try for the operating point, 0 to 1: how much surer a label must be in the midst of talk [default: the model's]
    ///
    /// 1 raises a threshold of 0.9 to 0.998 where all that came before was talk, which is what the label `_silence_` is not sure of.
    /// The most isolation wins unless words are said in the midst of talk in what is listened to.
    #[arg(long, value_name = "N,…", requires = "continuous", value_delimiter = ',', value_parser = parse_isolation)]
    isolation: Vec<f32>,

    /// Times above the threshold to try for the operating point [default: the model's]
    #[arg(long, value_name = "MS,…", requires = "continuous", value_delimiter = ',')]
    minimum_ms: Vec<u32>,

    /// Write the operating point into the model: its detector's defaults [at 0.5 false alarms an hour, unless told otherwise]
    #[arg(long, requires = "continuous")]
    calibrate: bool,

    /// Where to write the calibrated model [default: over --model]
    #[arg(short, long, value_name = "MODEL.ear", requires = "calibrate")]
    output: Option<PathBuf>,

    /// Listen with the energy gate, to see what it costs: only sound that lies DB decibels above the background is looked at [DB: 6]
    #[arg(long, value_name = "DB", requires = "continuous", num_args = 0..=1, require_equals = true,
        default_missing_value = GATE_DB, value_parser = parse_margin)]
    gate: Option<f32>,
}

/// The target of `--calibrate`.
const FALSE_ALARMS_AN_HOUR: f64 = 0.5;
/// The longest median latency of an operating point.
const LATENCY_MS: f64 = 250.0;
/// What is tried for an operating point.
const SMOOTHINGS_MS: [u32; 6] = [50, 100, 150, 200, 300, 400];

fn parse_gap(text: &str) -> Result<f64, String> {
    within(text, 0.0..=60.0, "give seconds, 0 to 60")
}

fn parse_latency(text: &str) -> Result<f64, String> {
    within(text, 0.0..=60_000.0, "give milliseconds, 0 to 60000")
}

fn parse_rate(text: &str) -> Result<f64, String> {
    within(text, 0.0..=1e6, "give a number of false alarms, such as 0.5")
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    pub hours: f64,
    /// The detector as it is in the model.
    pub present: OperatingFigures,
    /// One threshold for all labels, with the model's other settings.
    pub curve: Vec<Point>,
    /// The operating point that was asked for.
    pub operating_point: Option<OperatingFigures>,
    /// The artifact that it was written to.
    pub calibrated: Option<String>,
    pub skipped: Vec<Skipped>,
}

impl ContinuousOptions {
    pub const fn is_wanted(&self) -> bool {
        self.continuous
    }

    fn target(&self) -> Option<Target> {
        let target =
            |false_alarms_an_hour| Target { false_alarms_an_hour, latency_ms: self.latency_ms.unwrap_or(LATENCY_MS) };
        self.false_alarms_an_hour.or(self.calibrate.then_some(FALSE_ALARMS_AN_HOUR)).map(target)
    }

    /// Refuses what only the search for an operating point takes, where there is none.
    fn check(&self) -> Result<(), Error> {
        let of_the_search = [
            ("--latency-ms", self.latency_ms.is_some()),
            ("--smoothing-ms", !self.smoothing_ms.is_empty()),
            ("--minimum-ms", !self.minimum_ms.is_empty()),
            ("--isolation", !self.isolation.is_empty()),
        ];
        match of_the_search.iter().find(|(_, is_given)| *is_given && self.target().is_none()) {
            Some((name, _)) => Err(Error::EvalOption {
                what: format!(
                    "{name} is for the search of an operating point: ask for one with --false-alarms-an-hour or --calibrate"
                ),
            }),
            None => Ok(()),
        }
    }

    /// The settings to try for the operating point.
    fn candidates(&self, present: DetectorSettings) -> Vec<DetectorSettings> {
        let minima = if self.minimum_ms.is_empty() { &[present.minimum_ms][..] } else { &self.minimum_ms };
        let isolations = if self.isolation.is_empty() { &[present.isolation][..] } else { &self.isolation };
        let smoothings = if self.smoothing_ms.is_empty() { &SMOOTHINGS_MS[..] } else { &self.smoothing_ms };
        let mut candidates = Vec::new();
        for &smoothing_ms in smoothings {
            for &isolation in isolations {
                let with = |&minimum_ms| DetectorSettings { smoothing_ms, isolation, minimum_ms, ..present };
                candidates.extend(minima.iter().map(with));
            }
        }
        candidates
    }

    /// Where the calibrated model goes.
    fn destination(&self, eval: &Eval) -> Result<Option<PathBuf>, Error> {
        if !self.calibrate {
            return Ok(None);
        }
        let source = eval.model.path().filter(|path| !is_artifact(path));
        let own = eval.model.path().filter(|_| source.is_none()).map(Path::to_owned);
        let path = self.output.clone().or(own).ok_or_else(|| Error::EvalOption {
            what: "--calibrate writes into an artifact: give its path as --model MODEL.ear, or another one as --output"
                .into(),
        })?;
        if source.is_some_and(|source| is_same_file(source, &path)) {
            Err(Error::OverwritesSource { path })
        } else {
            Ok(Some(path))
        }
    }
}

/// Whether a file begins as artifacts do. One that cannot be read will be refused as a model.
fn is_artifact(path: &Path) -> bool {
    let mut first = [0; format::MAGIC.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == format::MAGIC
}

pub fn run(eval: &Eval, options: &ContinuousOptions) -> Result<ExitCode, Error> {
    options.check()?;
    let destination = options.destination(eval)?;
    let loaded = eval.model.open()?;
    let model = loaded.model()?;
    let names: Vec<&str> = model.labels().collect();
    let (masked, apart) = (indices(&eval.mask, &names)?, indices(&options.apart, &names)?);
    let labels = Labels { names: &names, masked: &masked };
    if options.isolation.iter().any(|isolation| *isolation > 0.0) && !names.contains(&SILENCE) {
        return Err(Error::EvalOption { what: format!("--isolation takes a model with the label {SILENCE}") });
    }
    let mut programme = programme(eval, options, labels, model.sample_rate())?;
    let stress = eval.stress.read(model.sample_rate(), &mut programme.skipped)?;
    let scenery = Scenery {
        noise: stress.noise,
        room: stress.room,
        gain_db: stress.gain_db,
        gap_seconds: options.gap,
        seed: eval.stress.seed,
    };

    let gate = options.gate.map(|margin_db| gate(&model, margin_db));
    let settings = ListenerSettings { gate, ..ListenerSettings::of(&model) };
    let timing = Timing::of(&model);
    let candidates = options.candidates(settings.detector);
    let listening = Listening {
        engine: eval.model.engine(),
        settings,
        scenery: &scenery,
        sieve: sieve(&model, labels, &settings.detector, &candidates),
    };
    let bar = progress(programme.bytes(), "{bytes}/{total_bytes} heard");
    let heard = hear(&loaded, &mut programme, &listening, labels, |bytes| bar.inc(bytes))?;
    bar.finish_and_clear();

    let ground = Ground { heard: &heard, sources: programme.sources.len(), labels, timing };
    let figures_of =
        |Found { trial, tally }: &Found| OperatingFigures::new(trial, tally, &apart, &ground, &programme.sources);
    let trial = Trial { settings: settings.detector, thresholds: ground.masked(model.thresholds().to_vec()) };
    let present = Found { tally: ground.tally(&trial)?, trial };
    let curve = ground.curve(settings.detector)?;
    let found = match options.target() {
        Some(target) => Some(operating_point(&ground, &candidates, target, model.thresholds())?),
        None => None,
    };
    if let Some(folder) = &eval.plots {
        let least = 0.5 / ground.hours().max(1e-3);
        let det = plots::trade_off(&trade_offs(&curve, &apart, &ground), "false alarms an hour", least..least * 1e4)?;
        write_plots(folder, [("det.png", det)])?;
    }
    let point =
        |(threshold, tally): &(f32, _)| Point { threshold: *threshold, total: Total::new(tally, &apart, &ground) };
    let report = Report {
        hours: ground.hours(),
        present: figures_of(&present),
        curve: curve.iter().map(point).collect(),
        operating_point: found.as_ref().map(figures_of),
        calibrated: destination.as_ref().map(|path| path.to_string_lossy().into_owned()),
        skipped: programme.skipped.clone(),
    };
    let text = if eval.json { json_line(&report)? } else { table::of_hours(&report) };
    // Last, when nothing else can fail.
    if let (Some(path), Some(found)) = (&destination, &found) {
        write_calibrated(&model, found, labels, path)?;
    }
    Output::new().write(text)?;
    Ok(exit_code(&report.skipped, usize::from(report.hours > 0.0)))
}

/// Keeps all scores that the model's own detector or one of the candidates has to see.
fn sieve(model: &Model<'_>, labels: Labels<'_>, present: &DetectorSettings, candidates: &[DetectorSettings]) -> Sieve {
    let is_word: Vec<bool> = (0..labels.names.len()).map(|label| labels.is_word(label)).collect();
    let own = model.thresholds().iter().zip(&is_word).filter(|(_, is_word)| **is_word).map(|(threshold, _)| *threshold);
    let lowest = own.chain(thresholds()).fold(1.0, f32::min);
    let timing = Timing::of(model);
    let reach =
        candidates.iter().map(|settings| settings.reach_steps(timing)).fold(present.reach_steps(timing), usize::max);
    Sieve::new(lowest, present, reach, is_word)
}

/// Everything that is to be listened to.
fn programme(
    eval: &Eval,
    options: &ContinuousOptions,
    labels: Labels<'_>,
    sample_rate: u32,
) -> Result<Programme, Error> {
    let refused = |what: &str| Err(Error::EvalOption { what: what.into() });
    let holds_clips: Vec<bool> = eval.paths.iter().map(|path| path.is_dir() && has_words(path, labels.names)).collect();
    if eval.stress.shifts_clips() {
        return refused("--shift-ms is for clips that are heard one by one, without --continuous");
    }
    if eval.stress.changes_sound() && !holds_clips.contains(&true) {
        return refused(
            "--noise, --rir and --gain-db are for clips, which are strung together: a recording is heard as it is",
        );
    }
    if options.track.is_some() && (eval.paths.len() != 1 || eval.paths.iter().any(|path| path.is_dir())) {
        return refused("--track is the label track of one recording: give that, or tracks beside several");
    }
    let mut programme = Programme::default();
    for (path, holds_clips) in eval.paths.iter().zip(holds_clips) {
        if holds_clips {
            programme.add_clips(path, labels, &eval.without, eval.stress.seed)?;
        } else {
            for file in recordings(path)? {
                programme.add_recording(&file, options.track.as_deref(), labels, sample_rate)?;
            }
        }
    }
    for path in &options.negatives {
        programme.add_negatives(path)?;
    }
    Ok(programme)
}

/// `own`: the model's thresholds, which labels keep that nobody said.
fn operating_point(
    ground: &Ground<'_>,
    candidates: &[DetectorSettings],
    target: Target,
    own: &[f32],
) -> Result<Found, Error> {
    let unsaid = ground.unsaid();
    if ground.hours() == 0.0 || unsaid.len() == ground.words().count() {
        return Err(Error::EvalOption {
            what: "an operating point is a choice between misses and false alarms: give clips or recordings in which words of the model are said"
                .into(),
        });
    }
    let bar = progress(candidates.len() as u64, "{pos}/{len} settings tried");
    let found = search(ground, candidates, target, || bar.inc(1))?;
    bar.finish_and_clear();
    let mut found = found.ok_or_else(|| Error::EvalOption {
        what: format!(
            "no threshold keeps to {} false alarms an hour: allow more, or train on what sets it off",
            target.false_alarms_an_hour
        ),
    })?;
    if !unsaid.is_empty() {
        let names: Vec<&str> = unsaid.iter().map(|label| ground.labels.names[*label]).collect();
        complain(&format_args!("not said, so that their thresholds stay as they were: {}", names.join(", ")));
        unsaid.iter().for_each(|label| found.trial.thresholds[*label] = own[*label]);
        found.tally = ground.tally(&found.trial)?;
    }
    Ok(found)
}

/// Writes the artifact with another detector; masked and background labels keep their thresholds.
fn write_calibrated(model: &Model<'_>, found: &Found, labels: Labels<'_>, path: &Path) -> Result<(), Error> {
    let DetectorSettings { smoothing_ms, isolation, release, minimum_ms, refractory_ms, mute_ms, .. } =
        found.trial.settings;
    let defaults = DetectorDefaults { smoothing_ms, isolation, release, minimum_ms, refractory_ms, mute_ms };
    let mut thresholds = found.trial.thresholds.clone();
    for label in (0..thresholds.len()).filter(|label| !labels.is_word(*label)) {
        thresholds[label] = model.thresholds()[label];
    }
    let artifact = with_detector(model.bytes(), &defaults, &thresholds)?;
    write_file(path, &artifact).map_err(|cause| Error::WriteModel { path: path.to_owned(), cause })
}
