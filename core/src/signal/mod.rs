//! Conditioning of samples between the microphone and the front end, the same on a device and on the host.
//!
//! [`Conditioner`] is the whole chain, [`Preset`] what it does for a given microphone. Its parts are usable by themselves. Everything
//! is integer arithmetic, sample by sample, without memory beyond a few words.

mod condition;
mod conditioner;
mod dc_blocker;
mod diagnosis;
mod gain;
mod mute;
mod preset;

pub use condition::{SignalChange, SignalCondition};
pub use conditioner::Conditioner;
pub use dc_blocker::DcBlocker;
pub use diagnosis::Diagnosis;
pub use gain::Gain;
pub use mute::Mute;
pub use preset::{Conditioning, Preset};
