//! The linker script.

use std::path::PathBuf;
use std::{env, fs};

/// AN386 has two SSRAMs of 4 MiB; code runs from the one at 0.
///
/// It is written to the build's own folder: a `memory.x` beside `Cargo.toml` would take its place unseen.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }\n";
/// AN505 starts in secure state, where its SSRAMs are at these addresses.
const SECURE_MEMORY: &str =
    "MEMORY { FLASH : ORIGIN = 0x10000000, LENGTH = 4M  RAM : ORIGIN = 0x38000000, LENGTH = 2M }\n";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let is_armv8 = env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv8m"));
    fs::write(out.join("memory.x"), if is_armv8 { SECURE_MEMORY } else { MEMORY })
        .expect("the build's folder can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
}
