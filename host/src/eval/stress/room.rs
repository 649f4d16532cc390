//! A sound in a room.

use std::path::Path;

use realfft::RealFftPlanner;

use super::{FULL_SCALE, rms};
use crate::Error;
use crate::audio::{self, Limits};

/// A room's impulse response.
#[derive(Debug)]
pub struct Room {
    response: Vec<f32>,
}

impl Room {
    /// Reads a recording of an impulse response.
    ///
    /// # Errors
    /// [`Error::EvalInput`] if it cannot be read or is silent.
    pub fn read(path: &Path, sample_rate: u32) -> Result<Self, Error> {
        let limits = Limits::default();
        let refused = |what: String| Error::EvalInput { path: path.to_owned(), what };
        let response = audio::read_file(path, &limits)
            .and_then(|bytes| audio::decode(&bytes, sample_rate, &limits))
            .map_err(|error| refused(error.to_string()))?;
        let response: Vec<f32> = response.into_iter().map(|sample| f32::from(sample) / FULL_SCALE).collect();
        Self::new(response).ok_or_else(|| refused("is silent: give a room's impulse response".into()))
    }

    /// From the response's samples; none if all are 0.
    ///
    /// What lies before its greatest sample, the direct sound, is cut off, so that the room delays nothing.
    fn new(response: Vec<f32>) -> Option<Self> {
        let loudest = |a: &(usize, &f32), b: &(usize, &f32)| a.1.abs().total_cmp(&b.1.abs());
        let (direct, peak) = response.iter().enumerate().rev().max_by(loudest)?;
        (*peak != 0.0).then(|| Self { response: response[direct..].to_vec() })
    }

    /// Convolves a sound with the room. Its length stays, the reverberation's tail beyond it is lost; so does its loudness (root mean
    /// square), so that the room and the level are measured apart.
    pub fn apply(&self, sound: &mut [f32]) {
        let length = (sound.len() + self.response.len()).next_power_of_two();
        let mut planner = RealFftPlanner::<f32>::new();
        let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        let spectrum = |signal: &[f32]| {
            let mut padded = signal.to_vec();
            padded.resize(length, 0.0);
            let mut spectrum = forward.make_output_vec();
            forward.process(&mut padded, &mut spectrum).map(|()| spectrum)
        };
        // The lengths are the planner's own, and the product of two real signals' spectra is one of a real signal.
        let (Ok(mut product), Ok(response)) = (spectrum(sound), spectrum(&self.response)) else { return };
        product.iter_mut().zip(response).for_each(|(bin, factor)| *bin *= factor);
        let mut heard = inverse.make_output_vec();
        if inverse.process(&mut product, &mut heard).is_err() {
            return;
        }
        heard.truncate(sound.len());
        let (before, after) = (rms(sound), rms(&heard));
        let gain = if after > 0.0 { before / after } else { 0.0 };
        sound.iter_mut().zip(heard).for_each(|(sample, heard)| *sample = heard * gain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_comes_back_later_and_the_loudness_stays() {
        let room = Room::new(vec![0.0, 0.1, 1.0, 0.0, 0.5]).unwrap();
        let mut sound = vec![0.0, 0.4, 0.0, 0.0, 0.0, 0.0];
        room.apply(&mut sound);
        let (direct, echo) = (sound[1], sound[3]);
        assert!((echo / direct - 0.5).abs() < 1e-5, "{sound:?}");
        assert!((direct.hypot(echo) - 0.4).abs() < 1e-5, "{sound:?}");
    }

    #[test]
    fn a_silent_response_is_no_room() {
        assert!(Room::new(vec![0.0; 4]).is_none() && Room::new(vec![]).is_none());
    }
}
