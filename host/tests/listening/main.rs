//! Sound that goes on: `earmark stream`, `earmark listen`, `earmark features` and the library beneath them.

#[path = "../support/mod.rs"]
mod support;

mod faults;
mod features;
mod live;
mod microphone;
mod recording;
mod stream;
