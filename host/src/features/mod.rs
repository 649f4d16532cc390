//! What a network sees and says over a whole recording: its features, its scores and what is detected.

mod draw;
mod npy;

use earmark_core::detect::Detection;
use earmark_core::frontend::{Framer, FrontEnd, FrontEndSpec};
use earmark_core::listener::{Event, ListenerSettings};
use earmark_core::signal::Conditioner;
use serde::Serialize;
use serde_json::json;

use crate::Error;
use crate::listen::{StreamListener, finish};

pub use draw::draw;
pub use npy::npy;

/// A table of numbers, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Numbers of a row, not 0.
    pub columns: usize,
    /// All rows, one after the other.
    pub values: Vec<f32>,
}

impl Matrix {
    /// The rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> + Clone {
        self.values.chunks_exact(self.columns)
    }
}

impl Serialize for Matrix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows())
    }
}

/// The scores of a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Where the window ends, in samples.
    pub end: u64,
    /// One a label.
    pub scores: Vec<f32>,
}

/// A recording as a network hears it.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Samples a second.
    pub sample_rate: u32,
    /// Samples of a frame.
    pub frame_samples: usize,
    /// Samples from one frame to the next.
    pub hop_samples: usize,
    /// The model's labels.
    pub labels: Vec<String>,
    /// The samples, conditioned.
    pub samples: Vec<i16>,
    /// A row of features a frame, before quantisation.
    pub features: Matrix,
    /// Windows with their scores; the first begin in the half window of silence that precedes the recording, the last end in the window of it
    /// that follows.
    pub steps: Vec<Step>,
    /// What was detected; nothing lies behind the end of the recording.
    pub detections: Vec<Detection>,
}

impl Analysis {
    /// Shows a recording to a listener that was set up with `settings`, and to the front end.
    ///
    /// # Errors
    /// What the network says; none from the core.
    pub fn new(
        recording: &[i16],
        listener: &mut StreamListener<'_>,
        settings: &ListenerSettings,
    ) -> Result<Self, Error> {
        let model = *listener.model();
        let (mut steps, mut detections) = (Vec::new(), Vec::new());
        let mut keep = |event: Event<'_>| match event {
            Event::Scores { end, scores } => steps.push(Step { end, scores: scores.to_vec() }),
            Event::Detection(detection) => detections.push(detection),
            _ => {}
        };
        listener.reset_after_silence()?;
        listener.push(recording, &mut keep)?;
        finish(listener, |event| {
            keep(event);
            Ok(())
        })?;
        let mut samples = recording.to_vec();
        Conditioner::new(settings.conditioning, model.sample_rate()).process(&mut samples, |_| {});
        Ok(Self {
            sample_rate: model.sample_rate(),
            frame_samples: model.front_end().window_length,
            hop_samples: model.front_end().hop_length,
            labels: model.labels().map(str::to_owned).collect(),
            features: features(model.front_end(), &samples)?,
            samples,
            steps,
            detections,
        })
    }

    /// Everything but the samples as one JSON document, with times in samples.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let detected = |detection: &Detection| {
            let Detection { label, score, start, end } = *detection;
            json!({"start": start, "end": end, "label": self.labels.get(label), "score": score})
        };
        json!({
            "sample_rate": self.sample_rate,
            "samples": self.samples.len(),
            "frame_samples": self.frame_samples,
            "hop_samples": self.hop_samples,
            "features": self.features,
            "labels": self.labels,
            "steps": self.steps,
            "detections": self.detections.iter().map(detected).collect::<Vec<_>>(),
        })
    }
}

/// The front end's features of whole frames; of a front end for clips only, the samples are the clip.
pub(crate) fn features(spec: FrontEndSpec<'_>, samples: &[i16]) -> Result<Matrix, Error> {
    let front_end = FrontEnd::new(spec)?;
    let columns = front_end.features();
    let mut memory = vec![0; spec.window_length];
    let mut framer = Framer::new(&mut memory, spec.hop_length)?;
    let (mut scratch, mut frame) = (vec![0.0; front_end.scratch_len()], vec![0.0; columns]);
    let mut values = Vec::new();
    front_end.clip(samples, &mut framer, (&mut scratch, &mut frame), |features| {
        values.extend_from_slice(features);
        Ok::<_, Error>(())
    })?;
    Ok(Matrix { columns, values })
}
