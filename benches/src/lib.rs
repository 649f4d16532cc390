//! Shared set-up of the benches: models, audio and the engines to compare.
