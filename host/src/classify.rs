//! What is heard in a clip of any length, by either engine.
//!
//! A model hears one window (a second, say). A clip of that length is one window. A shorter one is put in the middle of a window
//! of silence. A longer one is cut into windows that start every tenth of a window (rounded to the front end's hop) from the
//! clip's first sample; the last one reaches the clip's end, with silence behind it where the clip does not end on that grid.

use std::ops::{ControlFlow, Range};

use earmark_core::api::FunctionToApply;
use earmark_core::engine::Network;
use earmark_core::model::{Model, is_background};
use earmark_core::recognizer::Recognizer;

use crate::Error;
#[cfg(feature = "tract")]
use crate::compile::describe::Input;
use crate::model::LoadedModel;
#[cfg(feature = "tract")]
use crate::reference::{ReferenceNetwork, WaveformNetwork};

/// Windows that start within the length of one.
const WINDOWS_PER_WINDOW: usize = 10;

/// What evaluates the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// The compiled plan, as on a device.
    #[default]
    Core,
    /// The reference runtime, on the ONNX file that the model was compiled from.
    #[cfg(feature = "tract")]
    Tract,
}

impl Engine {
    /// What the option `--engine` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            #[cfg(feature = "tract")]
            Self::Tract => "tract",
        }
    }

    /// What runs in the place of the core's engine, if anything does.
    ///
    /// # Errors
    /// The reference runtime cannot run the model, or its ONNX file is not at hand.
    pub(crate) fn network(
        self,
        #[cfg_attr(not(feature = "tract"), expect(unused_variables, reason = "only the reference runtime asks"))]
        loaded: &LoadedModel,
        #[cfg_attr(not(feature = "tract"), expect(unused_variables, reason = "only the reference runtime asks"))]
        model: &Model<'_>,
    ) -> Result<Option<Box<dyn Network + Send>>, Error> {
        match self {
            Self::Core => Ok(None),
            #[cfg(feature = "tract")]
            Self::Tract => Ok(Some(Box::new(match loaded.described() {
                None => ReferenceNetwork::new(&loaded.source()?, model)?,
                Some(Input::Features) => ReferenceNetwork::described(&loaded.source()?, model)?,
                Some(Input::Samples(_)) => return Err(Error::WaveformListens),
            }))),
        }
    }
}

impl Runs {
    fn new(engine: Engine, loaded: &LoadedModel, model: &Model<'_>) -> Result<Self, Error> {
        #[cfg(feature = "tract")]
        if let (Engine::Tract, Some(Input::Samples(pcm_scale))) = (engine, loaded.described()) {
            let network = WaveformNetwork::new(&loaded.source()?, pcm_scale, model.label_count())?;
            return Ok(Self::Samples(network));
        }
        Ok(engine.network(loaded, model)?.map_or(Self::Core, Self::Instead))
    }
}

/// What was heard in one window of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The clip's samples in the window, without padding.
    pub samples: Range<usize>,
    /// The network's raw outputs, one a label; [`FunctionToApply`] makes scores of them.
    pub outputs: Vec<f32>,
}

impl Window {
    /// The outputs after `function`: one finite score a label.
    #[must_use]
    pub fn scores(&self, function: FunctionToApply) -> Vec<f32> {
        let mut scores = self.outputs.clone();
        function.apply(&mut scores);
        scores
    }
}

/// A model ready to hear clips.
pub struct Classifier<'m> {
    model: Model<'m>,
    labels: Vec<&'m str>,
    /// Memory for the core, in words because it must start at a multiple of 4 bytes.
    memory: Vec<u32>,
    runs: Runs,
}

/// What evaluates a classifier's network.
enum Runs {
    Core,
    /// What runs in the place of the core's engine.
    Instead(Box<dyn Network + Send>),
    /// What takes samples and needs no front end.
    #[cfg(feature = "tract")]
    Samples(WaveformNetwork),
}

impl<'m> Classifier<'m> {
    /// Prepares a model.
    ///
    /// # Errors
    /// The model is damaged, or the engine cannot run it.
    pub fn new(loaded: &'m LoadedModel, engine: Engine) -> Result<Self, Error> {
        let model = loaded.model()?;
        let runs = Runs::new(engine, loaded, &model)?;
        let bytes = model.sizes().recognizer;
        Ok(Self { labels: model.labels().collect(), memory: vec![0; bytes.div_ceil(size_of::<u32>())], model, runs })
    }

    /// The model's labels; outputs are in this order.
    #[must_use]
    pub fn labels(&self) -> &[&'m str] {
        &self.labels
    }

    /// The sample rate that clips must have, in hertz.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.model.sample_rate()
    }

    /// Samples of the model's window.
    #[must_use]
    pub fn window_samples(&self) -> usize {
        self.model.window_samples()
    }

    /// What makes scores of the outputs unless somebody asks for something else.
    #[must_use]
    pub fn function_to_apply(&self) -> FunctionToApply {
        self.model.problem().into()
    }

    /// Hears the windows of a clip, in order.
    ///
    /// # Errors
    /// What the network says; none from the core.
    pub fn windows(&mut self, clip: &[i16]) -> Result<Vec<Window>, Error> {
        let mut windows = Vec::new();
        _ = self.each_window(clip, |window| {
            windows.push(window);
            ControlFlow::Continue(())
        })?;
        Ok(windows)
    }

    /// Hears the windows of a clip, in order, until `on_window` has had enough.
    fn each_window(
        &mut self,
        clip: &[i16],
        on_window: impl FnMut(Window) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let memory = bytemuck::cast_slice_mut(&mut self.memory);
        let model = &self.model;
        match &mut self.runs {
            Runs::Core => hear(Recognizer::new(*model, memory)?, model, clip, on_window),
            Runs::Instead(network) => {
                hear(Recognizer::with_network(*model, &mut **network, memory)?, model, clip, on_window)
            }
            #[cfg(feature = "tract")]
            Runs::Samples(network) => {
                let window = model.window_samples();
                let grid = Grid::new(clip.len(), window, 1);
                hear_apart(|samples| network.outputs(samples), (grid, window), clip, on_window)
            }
        }
    }

    /// Hears a clip and keeps its best window: the one in which a class scores highest, the first of equals.
    ///
    /// Labels in underscores (`_silence_`, `_unknown_`) stand for everything else and do not count, so that a word is found
    /// wherever it is in a clip of silence; of a model without other labels, all count. Scores are compared after the model's own
    /// [`function_to_apply`](Self::function_to_apply).
    ///
    /// # Errors
    /// As [`windows`](Self::windows).
    pub fn best_window(&mut self, clip: &[i16]) -> Result<Window, Error> {
        let best = self.best_window_unless(clip, || false)?;
        // A clip has at least one window, whatever its length.
        Ok(best.unwrap_or_else(|| Window { samples: 0..0, outputs: vec![0.0; self.labels.len()] }))
    }

    /// The same, but asks before every window whether the answer is still wanted; `None` once it is not.
    ///
    /// # Errors
    /// As [`windows`](Self::windows).
    pub fn best_window_unless(
        &mut self,
        clip: &[i16],
        is_cancelled: impl Fn() -> bool,
    ) -> Result<Option<Window>, Error> {
        let has_classes = self.labels.iter().any(|label| !is_background(label));
        let counts: Vec<bool> = self.labels.iter().map(|label| !has_classes || !is_background(label)).collect();
        let function = self.function_to_apply();
        let score_of = |window: &Window| {
            let scores = window.scores(function);
            scores.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(score, _)| *score).fold(f32::MIN, f32::max)
        };
        let mut best: Option<(f32, Window)> = None;
        let outcome = self.each_window(clip, |window| {
            if is_cancelled() {
                return ControlFlow::Break(());
            }
            let score = score_of(&window);
            if best.as_ref().is_none_or(|(best, _)| score > *best) {
                best = Some((score, window));
            }
            ControlFlow::Continue(())
        })?;
        Ok(best.filter(|_| outcome.is_continue()).map(|(_, window)| window))
    }
}

/// Where the windows of a clip lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grid {
    /// Silence before the clip, in samples.
    before: usize,
    /// Silence behind it.
    after: usize,
    /// Samples from one window's start to the next one's.
    hop: usize,
    windows: usize,
}

impl Grid {
    /// `frame_hop` is the front end's; windows start on frames, so that neighbours share them.
    fn new(clip: usize, window: usize, frame_hop: usize) -> Self {
        let frames = ((window + WINDOWS_PER_WINDOW * frame_hop / 2) / (WINDOWS_PER_WINDOW * frame_hop)).max(1);
        let hop = frames * frame_hop;
        if clip <= window {
            let before = (window - clip) / 2;
            return Self { before, after: window - clip - before, hop, windows: 1 };
        }
        let hops = (clip - window).div_ceil(hop);
        Self { before: 0, after: hops * hop + window - clip, hop, windows: hops + 1 }
    }

    /// The samples of a clip that are in the window at `start`, which counts from the silence before the clip.
    fn samples(&self, start: usize, window: usize, clip: usize) -> Range<usize> {
        start.saturating_sub(self.before)..(start + window - self.before).min(clip)
    }
}

/// Feeds a clip and its padding frame by frame, and evaluates where a window ends.
fn hear<N: Network>(
    mut recognizer: Recognizer<'_, '_, N>,
    model: &Model<'_>,
    clip: &[i16],
    mut on_window: impl FnMut(Window) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error> {
    let front_end = model.front_end();
    let window = model.window_samples();
    let grid = Grid::new(clip.len(), window, front_end.hop_length);
    if front_end.clip.refusal().is_some() {
        return hear_apart(|samples| Ok(recognizer.classify(samples)?.to_vec()), (grid, window), clip, on_window);
    }
    let frames_in_window = window.saturating_sub(front_end.window_length) / front_end.hop_length + 1;
    let frames_in_hop = grid.hop / front_end.hop_length;

    recognizer.reset();
    let mut frames = 0;
    for mut samples in [&vec![0; grid.before], clip, &vec![0; grid.after]] {
        while recognizer.next_frame(&mut samples)? {
            frames += 1;
            let Some(beyond) = usize::checked_sub(frames, frames_in_window) else { continue };
            if beyond % frames_in_hop != 0 {
                continue;
            }
            let start = beyond * front_end.hop_length;
            if let Some(outputs) = recognizer.outputs()? {
                let samples = grid.samples(start, window, clip.len());
                if on_window(Window { samples, outputs: outputs.to_vec() }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Shows each window by itself, where nothing of one can be used for the next.
fn hear_apart(
    mut outputs: impl FnMut(&[i16]) -> Result<Vec<f32>, Error>,
    (grid, window): (Grid, usize),
    clip: &[i16],
    mut on_window: impl FnMut(Window) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error> {
    let padded = [&vec![0; grid.before], clip, &vec![0; grid.after]].concat();
    for (index, heard) in padded.windows(window).step_by(grid.hop).enumerate().take(grid.windows) {
        let outputs = outputs(heard)?;
        let samples = grid.samples(index * grid.hop, window, clip.len());
        if on_window(Window { samples, outputs }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_cover_the_whole_clip() {
        for (clip, grid) in [
            (16_000, Grid { before: 0, after: 0, hop: 1_600, windows: 1 }),
            (0, Grid { before: 8_000, after: 8_000, hop: 1_600, windows: 1 }),
            (15_999, Grid { before: 0, after: 1, hop: 1_600, windows: 1 }),
            (16_001, Grid { before: 0, after: 1_599, hop: 1_600, windows: 2 }),
            (17_600, Grid { before: 0, after: 0, hop: 1_600, windows: 2 }),
            (160_000, Grid { before: 0, after: 0, hop: 1_600, windows: 91 }),
        ] {
            assert_eq!(Grid::new(clip, 16_000, 160), grid, "{clip}");
        }
        assert_eq!(Grid::new(5, 4, 256).hop, 256);
    }
}
