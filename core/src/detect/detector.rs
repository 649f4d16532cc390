//! Scores over time to detections.

use super::label::Label;
use super::settings::{DetectorSettings, Timing};
use super::smoother::Smoother;
use super::talk::Talk;
use super::threshold::{ONE, quantise_score};
use crate::Error;
use crate::model::{Problem, SILENCE, is_background};

/// A label that was heard. Times are samples since the last reset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Which label, from 0, in the model's order.
    pub label: usize,
    /// Its smoothed score, 0 to 1.
    pub score: f32,
    /// About where it began: half a window before the end of the first window at which its smoothed score had risen to the release level;
    /// words stand in the middle of the windows that models are trained on.
    pub start: u64,
    /// Where the window ends at which it was detected: the moment of the decision.
    pub end: u64,
}

/// Turns scores, one row of them a step, into detections.
///
/// A label is detected once its smoothed score has been at or above its threshold, or after talk above a higher one
/// ([`DetectorSettings::isolation`]), for the minimum time, unless it or, in a single-label model, any label was detected within the
/// refractory time. Then it must fall below the release level before it can be detected again. In a single-label model one label at most is
/// detected a step: that with the highest smoothed score. Background labels ([`is_background`]) and labels with a threshold above 1 never
/// are.
///
/// Scores are quantised to 2⁻¹⁵ and smoothed in integers: the same scores give the same detections on every target, and after a day the
/// sums are as exact as at the start. The work of a step is in proportion to the number of labels.
///
/// ```
/// use earmark_core::detect::{Detector, DetectorSettings, Smoothing, Timing};
/// use earmark_core::model::{Memory, Problem};
///
/// let timing = Timing { sample_rate: 16_000, step_samples: 1_600, window_samples: 16_000, problem: Problem::SingleLabel };
/// let settings = DetectorSettings {
///     smoothing: Smoothing::Mean,
///     smoothing_ms: 200, // two steps of 100 ms
///     sensitivity: 0.5,
///     isolation: 0.0,
///     release: 0.5,
///     minimum_ms: 0,
///     refractory_ms: 1_000,
///     mute_ms: 0,
/// };
/// let mut memory = Memory::<{ Detector::memory(2, 2, 0) }>::new();
/// let labels = [("yes", 0.8), ("_silence_", 0.8)].into_iter();
/// let mut detector = Detector::new(timing, &settings, labels, memory.bytes())?;
///
/// let mut found = Vec::new();
/// for (step, yes) in [0.1, 0.9, 0.9, 0.9].into_iter().enumerate() {
///     let end = 16_000 + 1_600 * step as u64;
///     detector.step(end, &[yes, 1.0 - yes], |detection| found.push(detection))?;
/// }
/// // Half of the first mean above 0.4 lies in the second window; at the third the mean is 0.9.
/// assert_eq!((found.len(), found[0].label, found[0].start, found[0].end), (1, 0, 9_600, 19_200));
/// # Ok::<(), earmark_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Detector<'b> {
    timing: Timing,
    release: f32,
    isolation: f32,
    minimum_steps: u32,
    refractory_steps: u32,
    mute_samples: u64,
    labels: &'b mut [Label],
    smoother: Smoother<'b>,
    talk: Talk<'b>,
    /// Which label stands for silence.
    silence: Option<usize>,
    /// Steps to come in which nothing counts as talk: what was detected just now is still in the windows.
    forgiven: u32,
    /// End of the last window, from which a gap in the scores is told.
    last_end: Option<u64>,
}

impl<'b> Detector<'b> {
    /// Bytes of memory that a detector takes for a number of labels, of scores that a mean is taken of, and of scores of silence that are
    /// remembered: [`DetectorSettings::smoothing_steps`] and [`DetectorSettings::talk_steps`].
    #[must_use]
    pub const fn memory(labels: usize, smoothing_steps: usize, talk_steps: usize) -> usize {
        (labels * size_of::<Label>() + size_of::<u16>() * (labels * smoothing_steps + talk_steps)).next_multiple_of(4)
    }

    /// Sets up a detector for labels with their calibrated thresholds, in [`memory`](Self::memory) that starts at a multiple of 4,
    /// whatever is in it.
    ///
    /// # Errors
    /// [`Error::MemoryTooSmall`] with the number of bytes needed; [`Error::MisalignedMemory`].
    pub fn new<'l>(
        timing: Timing,
        settings: &DetectorSettings,
        labels: impl ExactSizeIterator<Item = (&'l str, f32)>,
        memory: &'b mut [u8],
    ) -> Result<Self, Error> {
        let (count, given) = (labels.len(), memory.len());
        let (smoothing_steps, talk_steps) = (settings.smoothing_steps(timing), settings.talk_steps(timing));
        let too_small = Error::MemoryTooSmall { needed: Self::memory(count, smoothing_steps, talk_steps), given };
        let (states, rest) = memory.split_at_mut_checked(size_of::<Label>() * count).ok_or(too_small)?;
        let (ring, rest) = rest.split_at_mut_checked(size_of::<u16>() * smoothing_steps * count).ok_or(too_small)?;
        let past_silence = rest.get_mut(..size_of::<u16>() * talk_steps).ok_or(too_small)?;
        let states = bytemuck::try_cast_slice_mut::<u8, Label>(states).map_err(|_| Error::MisalignedMemory)?;
        let [ring, past_silence] = [ring, past_silence].map(bytemuck::try_cast_slice_mut::<u8, u16>);
        let (Ok(ring), Ok(past_silence)) = (ring, past_silence) else { return Err(Error::MisalignedMemory) };
        let mut silence = None;
        for (index, (state, (name, threshold))) in states.iter_mut().zip(labels).enumerate() {
            *state = bytemuck::Zeroable::zeroed();
            if name == SILENCE {
                silence = Some(index);
            }
            state.background = u32::from(is_background(name));
            (state.threshold, state.sensitivity) = (threshold, settings.sensitivity);
        }
        let mut detector = Self {
            timing,
            release: settings.release,
            isolation: settings.isolation,
            minimum_steps: timing.steps(settings.minimum_ms),
            refractory_steps: timing.steps(settings.refractory_ms),
            mute_samples: timing.samples(settings.mute_ms),
            labels: states,
            smoother: Smoother::new(settings, timing, ring),
            talk: Talk::new(past_silence),
            silence,
            forgiven: 0,
            last_end: None,
        };
        detector.set_levels();
        detector.reset();
        Ok(detector)
    }

    /// Takes the scores of the window that ends `end` samples after the reset, and hands over what is detected with it.
    ///
    /// Windows that were left out since the last call count as silence: a score of 0 for every label, and no talk.
    ///
    /// # Errors
    /// [`Error::BufferLength`] unless there is one score a label.
    pub fn step(&mut self, end: u64, scores: &[f32], mut on_detection: impl FnMut(Detection)) -> Result<(), Error> {
        let (needed, given) = (self.labels.len(), scores.len());
        if given != needed {
            return Err(Error::BufferLength { buffer: "scores", needed, given });
        }
        if end <= self.mute_samples {
            return Ok(());
        }
        self.pass_time(end);
        if let Some(&silence) = self.silence.and_then(|label| scores.get(label)) {
            self.talk.hear(if self.forgiven > 0 { ONE as u16 } else { quantise_score(silence) });
        }
        let talk = self.talk.share();
        for (index, (label, &score)) in self.labels.iter_mut().zip(scores).enumerate() {
            let smoothed = self.smoother.smooth(index, label.smoothed, quantise_score(score));
            label.update(smoothed, talk);
        }
        self.smoother.advance(needed);
        match self.timing.problem {
            Problem::MultiLabel => {
                for index in 0..needed {
                    self.fire(index, end, &mut on_detection);
                }
            }
            Problem::SingleLabel => {
                let due = self.labels.iter().enumerate().filter(|(_, label)| label.is_due(self.minimum_steps));
                // Of equal scores the first label's counts.
                if let Some((index, _)) = due.rev().max_by_key(|(_, label)| label.smoothed) {
                    self.fire(index, end, &mut on_detection);
                    self.labels.iter_mut().for_each(|label| label.refractory = self.refractory_steps);
                }
            }
        }
        Ok(())
    }

    /// The present smoothed score of a label, 0 to 1; 0 for a label that does not exist.
    #[must_use]
    pub fn smoothed(&self, label: usize) -> f32 {
        self.labels.get(label).map_or(0.0, |label| label.score(self.smoother.unit()))
    }

    /// Replaces a label's calibrated threshold.
    ///
    /// # Errors
    /// [`Error::NoSuchLabel`].
    pub fn set_threshold(&mut self, label: usize, threshold: f32) -> Result<(), Error> {
        self.label(label)?.threshold = threshold;
        self.set_levels();
        Ok(())
    }

    /// Sets how easily one label is detected; see [`DetectorSettings::sensitivity`].
    ///
    /// # Errors
    /// [`Error::NoSuchLabel`].
    pub fn set_label_sensitivity(&mut self, label: usize, sensitivity: f32) -> Result<(), Error> {
        self.label(label)?.sensitivity = sensitivity;
        self.set_levels();
        Ok(())
    }

    /// Sets how easily all labels are detected; see [`DetectorSettings::sensitivity`].
    pub fn set_sensitivity(&mut self, sensitivity: f32) {
        self.labels.iter_mut().for_each(|label| label.sensitivity = sensitivity);
        self.set_levels();
    }

    /// Forgets all scores and detections; thresholds and sensitivities stay.
    pub fn reset(&mut self) {
        self.forget_scores();
        self.talk.reset();
        self.forgiven = 0;
        self.labels.iter_mut().for_each(|label| label.refractory = 0);
        self.last_end = None;
    }

    fn label(&mut self, label: usize) -> Result<&mut Label, Error> {
        let labels = self.labels.len();
        self.labels.get_mut(label).ok_or(Error::NoSuchLabel { label, labels })
    }

    fn set_levels(&mut self) {
        let unit = self.smoother.unit();
        self.labels.iter_mut().for_each(|label| label.set_levels(self.release, self.isolation, unit));
    }

    fn forget_scores(&mut self) {
        self.smoother.reset();
        self.labels.iter_mut().for_each(Label::forget_scores);
    }

    /// Lets the steps since the last window pass, with scores of 0 for those without a window.
    fn pass_time(&mut self, end: u64) {
        let step = self.timing.step();
        let steps = self.last_end.replace(end).map_or(1, |last| end.saturating_sub(last) / step);
        if steps > 1 {
            self.forget_scores();
            self.talk.pass(steps - 1);
        }
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.forgiven = self.forgiven.saturating_sub(steps);
        self.labels.iter_mut().for_each(|label| label.refractory = label.refractory.saturating_sub(steps));
    }

    /// Detects a label if it is due.
    fn fire(&mut self, index: usize, end: u64, on_detection: &mut impl FnMut(Detection)) {
        let (step, window, unit) = (self.timing.step(), self.timing.window_samples as u64, self.smoother.unit());
        let Some(label) = self.labels.get_mut(index).filter(|label| label.is_due(self.minimum_steps)) else { return };
        (label.fired, label.refractory) = (1, self.refractory_steps);
        // One command may follow on another.
        self.forgiven = self.refractory_steps;
        self.talk.reset();
        on_detection(label.detection(index, end, step, window, unit));
    }
}
