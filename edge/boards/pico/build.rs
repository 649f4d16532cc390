//! The linker script.

#[path = "../build/link.rs"]
mod link;

/// RP2040 and the Pico's 2 MB of flash. The first 256 bytes hold the second stage of the boot loader (RP2040 data sheet, section 2.8).
const MEMORY: &str = r#"
MEMORY {
    BOOT2 : ORIGIN = 0x10000000, LENGTH = 256
    FLASH : ORIGIN = 0x10000100, LENGTH = 2M - 256
    RAM : ORIGIN = 0x20000000, LENGTH = 256K
}
"#;

fn main() {
    // embassy-rp's linker script places the second stage.
    link::link(MEMORY, &["-Tlink.x", "-Tlink-rp.x", "--nmagic"]);
}
