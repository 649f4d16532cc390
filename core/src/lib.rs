#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]
#![doc = include_str!("../README.md")]

#[cfg(target_endian = "big")]
compile_error!("the artifact is read in place and is little-endian; big-endian targets are not supported");

pub mod api;
pub mod detect;
pub mod engine;
pub mod error;
pub mod frontend;
pub mod listener;
pub mod model;
pub mod recognizer;
pub mod signal;
mod words;

pub use error::Error;
