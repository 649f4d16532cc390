//! The linker script.

use std::path::PathBuf;
use std::{env, fs};

/// RP2040 and the Pico's 2 MB of flash. The first 256 bytes hold the second stage of the boot loader (RP2040 data sheet, section 2.8).
///
/// It is written to the build's own folder: a `memory.x` beside `Cargo.toml` would take its place unseen.
const MEMORY: &str = r#"
MEMORY {
    BOOT2 : ORIGIN = 0x10000000, LENGTH = 256
    FLASH : ORIGIN = 0x10000100, LENGTH = 2M - 256
    RAM : ORIGIN = 0x20000000, LENGTH = 256K
}
"#;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), MEMORY).expect("the build's folder can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // embassy-rp's, which places the second stage.
    println!("cargo::rustc-link-arg-bins=-Tlink-rp.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
}
