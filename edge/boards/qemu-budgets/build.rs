//! The linker script, and the networks to measure.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "../../../core/tests/plan/support/artifact.rs"]
mod artifact;
#[path = "../build/link.rs"]
mod link;
#[path = "../../../benches/src/nets.rs"]
mod nets;

/// A part of what AN386 has, about as much as the chips that people own.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 1M  RAM : ORIGIN = 0x20000000, LENGTH = 512K }\n";
/// The machine for RISC-V has nothing but RAM; firmware starts at its first byte.
const RISCV_MEMORY: &str = r#"
MEMORY { FLASH : ORIGIN = 0x80000000, LENGTH = 1M  RAM : ORIGIN = 0x80400000, LENGTH = 512K }
REGION_ALIAS("REGION_TEXT", FLASH);
REGION_ALIAS("REGION_RODATA", FLASH);
REGION_ALIAS("REGION_DATA", RAM);
REGION_ALIAS("REGION_BSS", RAM);
REGION_ALIAS("REGION_HEAP", RAM);
REGION_ALIAS("REGION_STACK", RAM);
"#;
/// The shipped models, and the variables that give their paths to the firmware.
const MODELS: [(&str, &str); 3] = [
    ("EARMARK_COMMANDS_S", "models/commands-s.ear"),
    ("EARMARK_COMMANDS_S_FIXED", "models/commands-s-fixed.ear"),
    ("EARMARK_COMMANDS_M", "models/commands-m.ear"),
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let write = |name: &str, bytes: &[u8]| {
        fs::write(Path::new(&out).join(name), bytes).expect("the build's folder can be written to");
    };
    let is_riscv = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "riscv32");
    write("ds_cnn.ear", &nets::ds_cnn());
    write("pointwise.ear", &nets::pointwise());
    write("depthwise.ear", &nets::depthwise());
    for (variable, model) in MODELS {
        let path = root.join("../../..").join(model);
        println!("cargo::rustc-env={variable}={}", path.display());
        println!("cargo::rerun-if-changed={}", path.display());
    }
    if is_riscv {
        link::link(RISCV_MEMORY, &["-Tmemory.x", "-Tlink.x"]);
    } else {
        link::link(MEMORY, &["-Tlink.x", "--nmagic"]);
    }
    for source in ["core/tests/plan/support/artifact.rs", "benches/src/nets.rs"] {
        println!("cargo::rerun-if-changed=../../../{source}");
    }
}
