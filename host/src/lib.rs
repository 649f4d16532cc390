#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod audio;
pub mod classify;
pub mod error;
pub mod frontend;

pub mod model;

pub use error::Error;
