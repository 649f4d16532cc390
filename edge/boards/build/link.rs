//! For the boards' build scripts: where the chip's memory is, and the linker's arguments.

use std::path::PathBuf;
use std::{env, fs};

/// Has the firmware linked with `memory` for the linker scripts' `memory.x`.
///
/// It is written to the build's own folder: a `memory.x` beside `Cargo.toml` would take its place unseen.
pub fn link(memory: &str, arguments: &[&str]) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), memory).expect("the build's folder can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../build/link.rs");
}
