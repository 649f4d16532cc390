//! The linker script, and the networks to measure.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "../../../core/tests/plan/support/artifact.rs"]
mod artifact;
#[path = "../../../benches/src/nets.rs"]
mod nets;

/// A part of what AN386 has, about as much as the chips that people own.
///
/// It is written to the build's own folder: a `memory.x` beside `Cargo.toml` would take its place unseen.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 1M  RAM : ORIGIN = 0x20000000, LENGTH = 512K }\n";
/// The shipped models, and the variables that give their paths to the firmware.
const MODELS: [(&str, &str); 2] =
    [("EARMARK_COMMANDS_S", "models/commands-s.ear"), ("EARMARK_COMMANDS_M", "models/commands-m.ear")];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let write = |name: &str, bytes: &[u8]| {
        fs::write(Path::new(&out).join(name), bytes).expect("the build's folder can be written to");
    };
    write("memory.x", MEMORY.as_bytes());
    write("ds_cnn.ear", &nets::ds_cnn());
    write("pointwise.ear", &nets::pointwise());
    write("depthwise.ear", &nets::depthwise());
    for (variable, model) in MODELS {
        let path = root.join("../../..").join(model);
        println!("cargo::rustc-env={variable}={}", path.display());
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
    for source in ["core/tests/plan/support/artifact.rs", "benches/src/nets.rs"] {
        println!("cargo::rerun-if-changed=../../../{source}");
    }
}
