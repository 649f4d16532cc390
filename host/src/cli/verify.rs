//! `earmark verify`: the engine and the reference runtime side by side.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use earmark::Error;
use earmark::audio::{self, Limits};
use earmark::model::LoadedModel;
use earmark::verify::Verifier;

use super::{FAILED, Output, PARTLY_FAILED, complain};

/// Windows of random features that are always compared.
const RANDOM_WINDOWS: usize = 100;

/// Run a compiled model and its ONNX file side by side
///
/// Shows both random features and then each audio file, every window of it, a frame apart. Fails (exit code 1) if an
/// output differs by more than is accepted, and at once if the ONNX file is not the one that the model was compiled
/// from.
#[derive(Debug, Args)]
pub struct Verify {
    /// The compiled model
    #[arg(value_name = "MODEL.ear")]
    model: PathBuf,
    /// The ONNX file that it was compiled from
    #[arg(value_name = "MODEL.onnx")]
    source: PathBuf,
    /// Audio files of any format
    #[arg(value_name = "AUDIO")]
    audio: Vec<PathBuf>,
    /// Accept outputs that differ by up to so many steps of the quantised output
    #[arg(long, value_name = "STEPS", default_value_t = 0)]
    accept_lsb: u32,
    /// Where the random features start
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Verify {
    pub fn run(&self) -> Result<ExitCode, Error> {
        let loaded = LoadedModel::open_with_source(&self.model, &self.source)?;
        let model = loaded.model()?;
        let mut verifier = Verifier::new(model, &loaded.source()?)?;
        verifier.imagine(self.seed, RANDOM_WINDOWS)?;
        let limits = Limits::default();
        for path in &self.audio {
            let decode = |bytes: Vec<u8>| audio::decode(&bytes, model.sample_rate(), &limits);
            match audio::read_file(path, &limits).and_then(decode) {
                Ok(clip) => verifier.hear(&path.display().to_string(), &clip)?,
                Err(error) => {
                    complain(&format_args!("{}: {error}", path.display()));
                    return Ok(ExitCode::from(FAILED));
                }
            }
        }
        let agreement = verifier.agreement();
        let worst = agreement.worst.as_ref().map(|worst| {
            serde_json::json!({
                "in": worst.source,
                "window": worst.window,
                "label": model.labels().nth(worst.output),
                "core": worst.core,
                "tract": worst.reference,
                "steps": worst.steps,
            })
        });
        let steps = agreement.worst.as_ref().map_or(0, |worst| worst.steps);
        let agrees = steps <= self.accept_lsb;
        let report = serde_json::json!({
            "agrees": agrees,
            "windows": agreement.windows,
            "values": agreement.values,
            "differing": agreement.differing,
            "worst": worst,
        });
        Output::new().write(format_args!("{report}\n"))?;
        if agrees {
            return Ok(ExitCode::SUCCESS);
        }
        complain(&format_args!(
            "core and tract differ by up to {steps} steps in {} of {} outputs; --accept-lsb {steps} would accept it",
            agreement.differing, agreement.values
        ));
        Ok(ExitCode::from(PARTLY_FAILED))
    }
}
