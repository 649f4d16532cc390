#![no_std]
#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

pub mod error;
pub mod handover;
pub mod slots;
pub mod source;
pub mod windowed;

pub use error::Error;
