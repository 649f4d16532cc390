//! All clips through the model, on all cores.

use std::time::{Duration, Instant};

use earmark_core::api::FunctionToApply;
use rayon::prelude::*;

use super::clips::{Clip, Collection, Skipped};
use super::{Answer, Stress};
use crate::Error;
use crate::audio::{self, Limits};
use crate::classify::{Classifier, Engine};
use crate::model::LoadedModel;

/// How clips are heard.
#[derive(Debug, Default)]
pub struct Conditions {
    /// What runs the model.
    pub engine: Engine,
    /// Indices of labels that cannot be answered; their clips are left out.
    pub masked: Vec<usize>,
    /// What is done to each clip first.
    pub stress: Stress,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// An answer a clip, in the clips' order, without those that were skipped or masked.
    pub answers: Vec<Answer>,
    /// How long the model took for each answer, front end and network together.
    pub latencies: Vec<Duration>,
    /// The files that could not be used.
    pub skipped: Vec<Skipped>,
}

/// Hears all clips of a collection, each as [`Classifier::best_window`] does: a clip shorter than the window stands in the middle
/// of silence, of a longer one the best window counts.
///
/// Answers do not depend on the number of threads. `on_clip` is called after each clip, from any thread.
///
/// # Errors
/// The model is damaged or the engine cannot run it; what goes wrong with single files is in the outcome.
pub fn hear(
    loaded: &LoadedModel,
    collection: &Collection,
    conditions: &Conditions,
    on_clip: impl Fn() + Sync,
) -> Result<Outcome, Error> {
    let clips: Vec<&Clip> = collection.clips.iter().filter(|clip| !conditions.masked.contains(&clip.truth)).collect();
    // One to begin with, so that a model that cannot run is an error of its own and not one of every clip.
    Classifier::new(loaded, conditions.engine)?;
    let heard: Vec<_> = clips
        .par_iter()
        .map_init(
            || Classifier::new(loaded, conditions.engine),
            |classifier, clip| {
                let answer = match classifier {
                    Ok(classifier) => hear_one(classifier, clip, conditions),
                    Err(_) => Classifier::new(loaded, conditions.engine)
                        .and_then(|mut classifier| hear_one(&mut classifier, clip, conditions)),
                };
                on_clip();
                answer
            },
        )
        .collect();
    let mut outcome = Outcome { skipped: collection.skipped.clone(), ..Outcome::default() };
    for (clip, heard) in clips.iter().zip(heard) {
        match heard {
            Ok((answer, latency)) => {
                outcome.answers.push(answer);
                outcome.latencies.push(latency);
            }
            Err(error) => outcome.skipped.push(Skipped::new(&clip.path, &error)),
        }
    }
    Ok(outcome)
}

fn hear_one(
    classifier: &mut Classifier<'_>,
    clip: &Clip,
    conditions: &Conditions,
) -> Result<(Answer, Duration), Error> {
    let limits = Limits::default();
    let sample_rate = classifier.sample_rate();
    let samples = audio::decode(&audio::read_file(&clip.path, &limits)?, sample_rate, &limits)?;
    let samples = conditions.stress.apply(samples, &clip.name, classifier.window_samples(), sample_rate);
    let start = Instant::now();
    let window = classifier.best_window(&samples)?;
    let latency = start.elapsed();
    let scores = masked_scores(window.outputs, classifier.function_to_apply(), &conditions.masked);
    Ok((Answer { truth: clip.truth, scores }, latency))
}

/// Scores of raw outputs; softmax shares what masked labels would have had among the others.
fn masked_scores(mut outputs: Vec<f32>, function: FunctionToApply, masked: &[usize]) -> Vec<f32> {
    let is_masked = |index: &usize| masked.contains(index);
    // The function takes finite numbers, of which the lowest makes a score of exactly 0.
    (0..outputs.len()).filter(is_masked).for_each(|index| outputs[index] = f32::MIN);
    function.apply(&mut outputs);
    (0..outputs.len()).filter(is_masked).for_each(|index| outputs[index] = f32::NEG_INFINITY);
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_labels_are_never_answered() {
        let scores = masked_scores(vec![9.0, 1.0, 1.0], FunctionToApply::Softmax, &[0]);
        assert_eq!(scores, [f32::NEG_INFINITY, 0.5, 0.5]);
    }
}
