//! How long each part of the chain takes on this machine.

use std::hint::black_box;
use std::time::{Duration, Instant};

use earmark_core::api::{FunctionToApply, Ranking, response_bound, write_response};
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::FrontEnd;
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;

use crate::Error;

/// Time that each measurement takes about.
const BUDGET: Duration = Duration::from_millis(400);
/// Fewest runs of a measurement.
const FEWEST_RUNS: usize = 5;

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// What was measured.
    pub what: &'static str,
    /// The median run.
    pub median: Duration,
    /// The shortest run.
    pub shortest: Duration,
    /// How many runs there were.
    pub runs: usize,
}

/// Measures the parts of the chain for one window of noise: front end, network, answer, and all of it; and `reference`,
/// if there is one, on the same features.
///
/// # Errors
/// What the networks say.
pub fn measure(model: Model<'_>, reference: Option<&mut dyn Network>) -> Result<Vec<Timing>, Error> {
    let samples = noise(model.window_samples());
    let spec = model.front_end();
    let front_end = FrontEnd::new(spec)?;
    let mut scratch = vec![0.0; front_end.scratch_len()];
    let mut features = vec![0.0; model.features() * model.frames()];
    let mut timings = vec![time("front end", || {
        let starts = samples.windows(spec.window_length).step_by(spec.hop_length);
        for (frame, features) in starts.zip(features.chunks_exact_mut(front_end.features())) {
            front_end.frame(frame, &mut scratch, features)?;
        }
        Ok(())
    })?];

    let mut memory = vec![0u32; model.sizes().recognizer.div_ceil(size_of::<u32>())];
    let mut outputs = vec![0.0; model.label_count()];
    let mut engine = PlanEngine::new(model, bytemuck::cast_slice_mut(&mut memory))?;
    timings.push(time_network("network, core", &mut engine, &model, &features, &mut outputs)?);
    if let Some(reference) = reference {
        timings.push(time_network("network, tract", reference, &model, &features, &mut outputs)?);
    }

    let labels: Vec<&str> = model.labels().collect();
    let function = FunctionToApply::from(model.problem());
    let mut buffer = vec![0; response_bound(labels.iter().copied())];
    let mut answer = |outputs: &mut [f32]| -> Result<(), Error> {
        function.apply(outputs);
        let ranking = Ranking::new(outputs, None);
        black_box(write_response(ranking.map(|ranked| (labels[ranked.index], ranked.score)), &mut buffer)?);
        Ok(())
    };
    timings.push(time("scores and JSON", || answer(&mut outputs.clone()))?);
    let mut recognizer = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory))?;
    timings.push(time("samples to JSON, core", || {
        let mut outputs = recognizer.classify(&samples)?.to_vec();
        answer(&mut outputs)
    })?);
    Ok(timings)
}

fn time_network(
    what: &'static str,
    network: &mut dyn Network,
    model: &Model<'_>,
    features: &[f32],
    outputs: &mut [f32],
) -> Result<Timing, Error> {
    network.reset();
    for frame in features.chunks_exact(model.features()) {
        network.push_frame(frame)?;
    }
    time(what, || {
        network.outputs(black_box(&mut *outputs))?;
        Ok(())
    })
}

/// Runs `work` for about [`BUDGET`].
fn time(what: &'static str, mut work: impl FnMut() -> Result<(), Error>) -> Result<Timing, Error> {
    work()?;
    let begin = Instant::now();
    let mut runs = Vec::new();
    while runs.len() < FEWEST_RUNS || begin.elapsed() < BUDGET {
        let start = Instant::now();
        work()?;
        runs.push(start.elapsed());
    }
    runs.sort_unstable();
    Ok(Timing { what, median: runs[runs.len() / 2], shortest: runs[0], runs: runs.len() })
}

/// White noise, the same every time.
fn noise(count: usize) -> Vec<i16> {
    let mut state = 1u32;
    let mut sample = || {
        // Numerical Recipes' linear congruential generator.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16 / 4
    };
    (0..count).map(|_| sample()).collect()
}
