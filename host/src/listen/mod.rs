//! Detections in sound that goes on, by either engine.
//!
//! [`ListenerMemory`] sets up the core's listener.

mod memory;

pub use memory::{ListenerMemory, StreamListener};
