//! Writing the header of an artifact, and changing what may be changed in one: the detector's defaults.

use earmark_core::model::checksum::xxh32;
use earmark_core::model::format::{CHECKED_FROM, MAX_DETECTOR_MS, word};
use earmark_core::model::{DetectorDefaults, Model};

use super::bytes::AlignedBytes;
use crate::Error;

/// The artifact `artifact` with other detector defaults and thresholds, one a label; everything else stays as it is, and the checksum is
/// that of the new contents.
///
/// # Errors
/// [`Error::Core`] if `artifact` is damaged; [`Error::Detector`] if a number is out of its range or the thresholds are not one a label.
///
/// ```
/// use earmark::model::{LoadedModel, with_detector};
/// let built_in = LoadedModel::built_in();
/// let model = built_in.model()?;
/// let mut detector = model.detector();
/// detector.refractory_ms = 500;
/// let changed = with_detector(model.bytes(), &detector, &vec![0.75; model.label_count()])?;
/// let changed = LoadedModel::from_artifact("calibrated", &changed)?;
/// assert_eq!(changed.model()?.detector().refractory_ms, 500);
/// assert_eq!(changed.model()?.thresholds()[0], 0.75);
/// # Ok::<(), earmark::Error>(())
/// ```
pub fn with_detector(artifact: &[u8], detector: &DetectorDefaults, thresholds: &[f32]) -> Result<Vec<u8>, Error> {
    let checked = AlignedBytes::new(artifact);
    let labels = Model::new(checked.as_slice())?.label_count();
    check_detector(detector, thresholds)?;
    if thresholds.len() != labels {
        return Err(Error::Detector { what: format!("{} thresholds for {labels} labels", thresholds.len()) });
    }
    let mut bytes = artifact.to_vec();
    let section = 4 * word::THRESHOLDS;
    let place = bytes[section..][..4].iter().rev().fold(0, |offset, &byte| offset << 8 | usize::from(byte));
    for (index, threshold) in thresholds.iter().enumerate() {
        bytes[place + 4 * index..][..4].copy_from_slice(&threshold.to_le_bytes());
    }
    set_detector(&mut bytes, detector);
    set_checksum(&mut bytes);
    Ok(bytes)
}

/// Checks the ranges that an artifact's detector defaults must keep.
pub(crate) fn check_detector(detector: &DetectorDefaults, thresholds: &[f32]) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::Detector { what });
    let DetectorDefaults { smoothing_ms, isolation, release, minimum_ms, refractory_ms, mute_ms } = *detector;
    for (name, milliseconds) in [
        ("smoothing_ms", smoothing_ms),
        ("minimum_ms", minimum_ms),
        ("refractory_ms", refractory_ms),
        ("mute_ms", mute_ms),
    ] {
        if milliseconds > MAX_DETECTOR_MS {
            return refuse(format!("{name} is {milliseconds} and may be at most {MAX_DETECTOR_MS}"));
        }
    }
    for (name, part) in [("isolation", isolation), ("release", release)] {
        if !(0.0..=1.0).contains(&part) {
            return refuse(format!("{name} is {part} and must be 0 to 1"));
        }
    }
    match thresholds.iter().find(|threshold| !(0.0..=1.0).contains(*threshold)) {
        Some(threshold) => refuse(format!("a threshold is {threshold} and must be 0 to 1")),
        None => Ok(()),
    }
}

/// Sets a word of the header.
pub(crate) fn set_word(bytes: &mut [u8], number: usize, value: u32) {
    bytes[4 * number..][..4].copy_from_slice(&value.to_le_bytes());
}

/// Sets the detector's words of the header.
pub(crate) fn set_detector(bytes: &mut [u8], detector: &DetectorDefaults) {
    set_word(bytes, word::SMOOTHING_MS, detector.smoothing_ms);
    set_word(bytes, word::ISOLATION, detector.isolation.to_bits());
    set_word(bytes, word::RELEASE, detector.release.to_bits());
    set_word(bytes, word::MINIMUM_MS, detector.minimum_ms);
    set_word(bytes, word::REFRACTORY_MS, detector.refractory_ms);
    set_word(bytes, word::MUTE_MS, detector.mute_ms);
}

/// Sets the checksum of what the bytes hold now.
pub(crate) fn set_checksum(bytes: &mut [u8]) {
    let checksum = xxh32(bytes, CHECKED_FROM);
    set_word(bytes, word::CHECKSUM, checksum);
}
