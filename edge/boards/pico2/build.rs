//! The linker script.

#[path = "../build/link.rs"]
mod link;

/// RP2350 and the Pico 2's 4 MB of flash. The boot loader looks for the image's description in the first 4 KB (RP2350 data sheet, section
/// 5.9.5); embassy-rp puts it into `.start_block`.
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
    link::link(MEMORY, &["-Tlink.x", "--nmagic"]);
}
