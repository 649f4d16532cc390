#![no_std]
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod buffers;
mod hold;
mod lines;

pub mod active_low;
pub mod decoded;
pub mod error;
pub mod handover;
pub mod listening;
#[cfg(feature = "defmt")]
pub mod log;
pub mod pdm;
pub mod slots;
pub mod source;
pub mod windowed;

pub use error::Error;
