//! The linker script.

#[path = "../build/link.rs"]
mod link;

/// STM32F411xE, data sheet DS10314, section 5 (memory mapping).
const MEMORY: &str =
    "MEMORY { FLASH : ORIGIN = 0x08000000, LENGTH = 512K  RAM : ORIGIN = 0x20000000, LENGTH = 128K }\n";

fn main() {
    link::link(MEMORY, &["-Tlink.x", "-Tdefmt.x", "--nmagic"]);
}
