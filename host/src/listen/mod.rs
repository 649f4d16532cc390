//! Detections in sound that goes on: in files of any length and from a microphone, by either engine.
//!
//! [`ListenerMemory`] sets up the core's listener. [`hear`] shows it a file of any length, [`listen`] what a [`Capture`] gives: a
//! microphone (with the feature `listen`), or anything else that is live.

mod capture;
mod file;
mod live;
mod memory;
#[cfg(feature = "listen")]
mod microphone;

pub use capture::{Capture, CaptureFormat, Captured};
pub(crate) use file::finish;
pub use file::{Heard, hear};
pub use live::{LiveEvent, Session, listen};
pub use memory::{ListenerMemory, StreamListener};
#[cfg(feature = "listen")]
pub use microphone::{InputDevice, Microphone};
