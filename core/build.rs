//! Says whether the target has Arm's DSP instructions: `cfg(target_feature = "dsp")` is not set on stable Rust.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(earmark_arm_dsp)");
    let target = env::var("TARGET").unwrap_or_default();
    // Armv7E-M has them always. Armv8-M Mainline may have them, but the compiler does not assemble them there yet.
    if target.starts_with("thumbv7em-") {
        println!("cargo::rustc-cfg=earmark_arm_dsp");
    }
}
