//! The linker script, and the model that goes into the firmware.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// AN386 has two SSRAMs of 4 MiB; code runs from the one at 0.
///
/// It is written to the build's own folder: a `memory.x` beside `Cargo.toml` would take its place unseen.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }\n";

const DEFAULT_MODEL: &str = "../../../models/commands-m.ear";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), MEMORY).expect("the build's folder can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");

    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    println!("cargo::rerun-if-env-changed=EARMARK_MODEL");
    let model = root.join(env::var_os("EARMARK_MODEL").map_or_else(|| DEFAULT_MODEL.into(), PathBuf::from));
    if !Path::is_file(&model) {
        println!("cargo::error=there is no model at {}: set EARMARK_MODEL to a .ear file", model.display());
    }
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rustc-env=EARMARK_MODEL={}", model.display());
}
