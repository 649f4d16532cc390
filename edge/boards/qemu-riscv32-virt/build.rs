//! The linker script.

#[path = "../build/link.rs"]
mod link;

/// The machine has nothing but RAM; firmware starts at its first byte.
const MEMORY: &str = r#"
MEMORY { FLASH : ORIGIN = 0x80000000, LENGTH = 4M  RAM : ORIGIN = 0x80400000, LENGTH = 4M }
REGION_ALIAS("REGION_TEXT", FLASH);
REGION_ALIAS("REGION_RODATA", FLASH);
REGION_ALIAS("REGION_DATA", RAM);
REGION_ALIAS("REGION_BSS", RAM);
REGION_ALIAS("REGION_HEAP", RAM);
REGION_ALIAS("REGION_STACK", RAM);
"#;

fn main() {
    link::link(MEMORY, &["-Tmemory.x", "-Tlink.x"]);
}
