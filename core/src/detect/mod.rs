//! From scores over time to detections.
//!
//! A network scores every window of a stream, several a second. [`Detector`] turns these scores into one event a word: it smooths them,
//! compares them with a threshold a label, a higher one in the midst of talk, and keeps a word from being reported twice. Its settings come
//! from the model ([`DetectorSettings::from_defaults`]), where calibration on recordings put them. [`Gate`] tells silence from sound
//! beforehand.

mod detector;
mod gate;
mod label;
mod settings;
mod smoother;
mod talk;
mod threshold;

pub use detector::{Detection, Detector};
pub use gate::{Gate, GateSettings};
pub use settings::{DetectorSettings, Smoothing, Timing};
pub use threshold::{SENSITIVITY_LOGITS, threshold_at};
