#![no_std]
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod buffers;
mod hold;
mod lines;
#[cfg(feature = "defmt")]
mod log;

pub mod decoded;
pub mod error;
pub mod handover;
pub mod listening;
pub mod pdm;
pub mod slots;
pub mod source;
pub mod windowed;

pub use error::Error;
