//! The artifact and the plan executor, from the outside. One program, so that what its parts share is built once.

mod engine;
mod model;
mod mutation;
mod ops;
mod recognizer;
mod records;
mod stream;
mod support;
