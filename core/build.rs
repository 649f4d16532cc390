//! Says whether the target has Arm's DSP instructions: `cfg(target_feature = "dsp")` is not set on stable Rust.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(earmark_arm_dsp)");
    let target = env::var("TARGET").unwrap_or_default();
    // Armv7E-M has them always; Armv8-M Mainline where the chip's maker chose so, which whoever sets the feature `dsp` knows.
    let always = target.starts_with("thumbv7em-");
    let chosen = target.starts_with("thumbv8m.main-") && env::var_os("CARGO_FEATURE_DSP").is_some();
    if always || chosen {
        println!("cargo::rustc-cfg=earmark_arm_dsp");
    }
}
