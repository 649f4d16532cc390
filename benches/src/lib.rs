//! Shared set-up of the benches: models, audio and the engines to compare.

#[path = "../../core/tests/plan/support/artifact.rs"]
mod artifact;
pub mod float_net;
pub mod nets;
