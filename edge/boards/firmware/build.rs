//! Finds the model that goes into the firmware.

use std::env;
use std::path::PathBuf;

/// Streams, and fits the smallest of the boards.
const DEFAULT_MODEL: &str = "../../../models/commands-s.ear";

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let model = root.join(env::var_os("EARMARK_MODEL").map_or_else(|| DEFAULT_MODEL.into(), PathBuf::from));
    if !model.is_file() {
        println!("cargo::error=there is no model at {}: set EARMARK_MODEL to a .ear file", model.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=EARMARK_MODEL");
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rustc-env=EARMARK_MODEL={}", model.display());
}
