//! The linker script.

#[path = "../build/link.rs"]
mod link;

/// AN386 has two SSRAMs of 4 MiB; code runs from the one at 0.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }\n";

fn main() {
    link::link(MEMORY, &["-Tlink.x", "--nmagic"]);
}
