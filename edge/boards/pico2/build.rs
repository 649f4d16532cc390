//! The linker script.

use std::path::PathBuf;
use std::{env, fs};

/// RP2350 and the Pico 2's 4 MB of flash. The boot loader looks for the image's description in the first 4 KB (RP2350 data sheet, section
/// 5.9.5); embassy-rp puts it into `.start_block`.
///
/// It is written to the build's own folder: a `memory.x` beside `Cargo.toml` would take its place unseen.
const MEMORY: &str = r#"
MEMORY {
    FLASH : ORIGIN = 0x10000000, LENGTH = 4M
    RAM : ORIGIN = 0x20000000, LENGTH = 512K
}
SECTIONS {
    .start_block : ALIGN(4) { KEEP(*(.start_block)); } > FLASH
} INSERT AFTER .vector_table;
_stext = ADDR(.start_block) + SIZEOF(.start_block);
"#;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), MEMORY).expect("the build's folder can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
}
