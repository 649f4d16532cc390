//! How long each part of the chain takes on this machine.

use std::hint::black_box;
use std::time::{Duration, Instant};

use earmark_core::api::{FunctionToApply, Ranking, response_bound, write_response};
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::FrontEnd;
use earmark_core::model::Model;
use earmark_core::recognizer::Recognizer;

use crate::Error;
use crate::random::SplitMix;

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

/// Measures the parts of the chain for one window of noise: front end, network, answer, and all of it.
///
/// # Errors
/// What the core says; nothing, for a checked model.
pub fn measure(model: Model<'_>) -> Result<Vec<Timing>, Error> {
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
    let mut engine = PlanEngine::new(model, bytemuck::cast_slice_mut(&mut memory))?;
    timings.push(measure_network("network, core", &model, &mut engine)?);

    let labels: Vec<&str> = model.labels().collect();
    let function = FunctionToApply::from(model.problem());
    let mut buffer = vec![0; response_bound(labels.iter().copied())];
    let mut answer = |outputs: &mut [f32]| -> Result<(), Error> {
        function.apply(outputs);
        let ranking = Ranking::new(outputs, None);
        black_box(write_response(ranking.map(|ranked| (labels[ranked.index], ranked.score)), &mut buffer)?);
        Ok(())
    };
    let mut recognizer = Recognizer::new(model, bytemuck::cast_slice_mut(&mut memory))?;
    let outputs = recognizer.classify(&samples)?.to_vec();
    timings.push(time("scores and JSON", || answer(&mut outputs.clone()))?);
    timings.push(time("samples to JSON, core", || {
        let mut outputs = recognizer.classify(&samples)?.to_vec();
        answer(&mut outputs)
    })?);
    Ok(timings)
}

/// Measures a network that stands in the place of the model's, on one window of the features of noise.
///
/// Measure the reference runtime last: tract's kernels leave the processor's wide registers in use, which slows down what runs
/// after them in the same thread.
///
/// # Errors
/// What the network says.
pub fn measure_network(what: &'static str, model: &Model<'_>, network: &mut dyn Network) -> Result<Timing, Error> {
    let (input, mut random) = (model.input(), SplitMix(2));
    network.reset();
    for _ in 0..model.frames() {
        let mut feature = || ((random.unit() - 0.5) * 256.0 - f32::from(input.zero_point)) * input.scale;
        let frame: Vec<f32> = (0..model.features()).map(|_| feature()).collect();
        network.push_frame(&frame)?;
    }
    let mut outputs = vec![0.0; model.label_count()];
    time(what, || {
        network.outputs(black_box(&mut outputs))?;
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
    const LOUDNESS: f32 = 16_000.0;
    let mut random = SplitMix(1);
    (0..count).map(|_| ((random.unit() - 0.5) * LOUDNESS) as i16).collect()
}
