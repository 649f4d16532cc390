//! What the emulated boards share: a simulated I2S microphone that plays a WAV file of the host, the host's console and files by
//! semihosting, and the program that runs between them.
//!
//! A board adds its start-up code, its memory map, its LED and its fault handler.

#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod arguments;
mod failure;
mod fault;
mod injection;
mod microphone;
mod pace;
mod padding;
mod ports;
mod program;
pub mod semihosting;
mod wav;
mod whole_windows;
mod witness;

pub use fault::die;
pub use pace::Clock;
pub use program::{Statics, start};
