//! The linker script.

use std::env;

#[path = "../build/link.rs"]
mod link;

/// AN386 has two SSRAMs of 4 MiB; code runs from the one at 0.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }\n";
/// AN505 starts in secure state, where its SSRAMs are at these addresses.
const SECURE_MEMORY: &str =
    "MEMORY { FLASH : ORIGIN = 0x10000000, LENGTH = 4M  RAM : ORIGIN = 0x38000000, LENGTH = 2M }\n";

fn main() {
    let is_armv8 = env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv8m"));
    link::link(if is_armv8 { SECURE_MEMORY } else { MEMORY }, &["-Tlink.x", "--nmagic"]);
}
