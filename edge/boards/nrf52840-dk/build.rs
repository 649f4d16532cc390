//! The linker script.

#[path = "../build/link.rs"]
mod link;

/// nRF52840 product specification, section "Memory": all of the flash, without a soft device.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 1M  RAM : ORIGIN = 0x20000000, LENGTH = 256K }\n";

fn main() {
    link::link(MEMORY, &["-Tlink.x", "-Tdefmt.x", "--nmagic"]);
}
