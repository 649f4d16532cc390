//! For build scripts: the model that goes into the firmware.

use std::env;
use std::path::PathBuf;

/// Names the model in `EARMARK_MODEL` to the compiler: what the variable says already, or the shipped model `default`.
pub fn find(default: &str) {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let shipped = || root.join("../../../models").join(default);
    let model = env::var_os("EARMARK_MODEL").map_or_else(shipped, |model| root.join(model));
    if !model.is_file() {
        println!("cargo::error=there is no model at {}: set EARMARK_MODEL to a .ear file", model.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../build/model.rs");
    println!("cargo::rerun-if-env-changed=EARMARK_MODEL");
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rustc-env=EARMARK_MODEL={}", model.display());
}
