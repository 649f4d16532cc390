#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod audio;
pub mod classify;
#[cfg(feature = "tract")]
pub mod compile;
pub mod error;
pub mod frontend;
mod guard;
pub mod model;
#[cfg(feature = "tract")]
pub mod reference;

pub use error::Error;
