//! The chain: diagnosis, DC blocker, gain, mute.

use super::{Conditioning, DcBlocker, Diagnosis, Gain, Mute, SignalChange, SignalCondition};

/// Conditions a stream of samples in place and says what is wrong with it.
///
/// Chunks may have any size: the samples that come out, and the events, depend on the samples alone.
///
/// ```
/// use earmark_core::signal::{Conditioner, Preset};
///
/// let mut conditioner = Conditioner::new(Preset::Inmp441.conditioning(16_000), 16_000);
/// let mut chunk = [3_000; 160]; // a DMA buffer
/// conditioner.process(&mut chunk, |change| println!("at sample {}: {}", change.at, change.condition));
/// assert_eq!(chunk, [0; 160]); // the microphone is still waking up
/// ```
#[derive(Debug, Clone)]
pub struct Conditioner {
    diagnosis: Diagnosis,
    dc_blocker: Option<DcBlocker>,
    gain: Gain,
    mute: Mute,
}

/// With a DC blocker an offset matters only once it takes a quarter of the scale away.
const BLOCKED_DC_LIMIT: u16 = 8_192;

impl Conditioner {
    /// Sets up the steps for samples at a rate in Hz.
    #[must_use]
    pub const fn new(steps: Conditioning, sample_rate: u32) -> Self {
        let diagnosis = Diagnosis::new(sample_rate);
        Self {
            diagnosis: if steps.dc_blocker.is_some() { diagnosis.with_dc_limit(BLOCKED_DC_LIMIT) } else { diagnosis },
            dc_blocker: steps.dc_blocker,
            gain: steps.gain,
            mute: Mute::new(steps.mute_samples),
        }
    }

    /// Conditions samples in place, diagnosing what they were before.
    pub fn process(&mut self, samples: &mut [i16], on_change: impl FnMut(SignalChange)) {
        self.diagnosis.hear(samples, on_change);
        self.condition_in_place(samples);
    }

    /// Conditions samples on their way from one buffer to another; as many as the shorter one has.
    pub fn process_into(&mut self, samples: &[i16], places: &mut [i16], on_change: impl FnMut(SignalChange)) {
        let count = samples.len().min(places.len());
        let (samples, places) = (&samples[..count], &mut places[..count]);
        self.diagnosis.hear(samples, on_change);
        self.condition_into(samples, places);
    }

    // Firmware that is optimised for size has these as fast as this crate is compiled.
    #[inline(never)]
    fn condition_in_place(&mut self, samples: &mut [i16]) {
        self.condition(samples.iter_mut().map(|place| (*place, place)));
        self.mute.process(samples);
    }

    #[inline(never)]
    fn condition_into(&mut self, samples: &[i16], places: &mut [i16]) {
        self.condition(samples.iter().copied().zip(places.iter_mut()));
        self.mute.process(places);
    }

    /// Takes each sample through DC blocker and gain to its place.
    #[inline(always)]
    fn condition<'s>(&mut self, samples: impl Iterator<Item = (i16, &'s mut i16)>) {
        // One pass over the samples where both steps are there, with the filter's state in registers.
        let gain = self.gain;
        match (self.dc_blocker, gain == Gain::UNITY) {
            (Some(mut blocker), is_unity) => {
                if is_unity {
                    samples.for_each(|(sample, place)| *place = blocker.filter(sample));
                } else {
                    samples.for_each(|(sample, place)| *place = gain.apply(blocker.filter(sample)));
                }
                self.dc_blocker = Some(blocker);
            }
            (None, false) => samples.for_each(|(sample, place)| *place = gain.apply(sample)),
            (None, true) => samples.for_each(|(sample, place)| *place = sample),
        }
    }

    /// How many samples it takes until the signal is judged next: a chunk that ends there has its event, if any, at its end.
    #[must_use]
    pub const fn until_judgement(&self) -> usize {
        self.diagnosis.until_judgement()
    }

    /// What is wrong with the signal at present, if anything.
    #[must_use]
    pub const fn present(&self) -> Option<SignalCondition> {
        self.diagnosis.present()
    }

    /// Forgets everything heard.
    pub const fn reset(&mut self) {
        self.diagnosis.reset();
        if let Some(blocker) = &mut self.dc_blocker {
            blocker.reset();
        }
        self.mute.reset();
    }
}
