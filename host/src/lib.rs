#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod audio;
pub mod bench;
pub mod classify;
#[cfg(feature = "tract")]
pub mod compile;
pub mod error;
pub mod eval;
pub mod features;
pub mod frontend;
mod guard;
pub mod inspect;
pub mod listen;
pub mod model;
pub mod plot;
mod random;
#[cfg(feature = "tract")]
pub mod reference;
pub mod rust_module;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "tract")]
pub mod verify;

pub use error::Error;
