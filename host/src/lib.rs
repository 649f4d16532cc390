#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod audio;
#[cfg(feature = "tract")]
pub mod compile;
pub mod classify;
pub mod error;
pub mod frontend;

pub mod model;
#[cfg(feature = "tract")]
pub mod reference;

pub use error::Error;
