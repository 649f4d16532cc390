//! Says what the target has: Arm's DSP instructions (`cfg(target_feature = "dsp")` is not set on stable Rust), and products of 64 bits.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(earmark_arm_dsp)");
    println!("cargo::rustc-check-cfg=cfg(earmark_no_long_products)");
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-check-cfg=cfg(earmark_dsp_extension)");
    // Armv7E-M has them always. Armv8-M Mainline may have them: whoever builds says so, and names a processor that has them.
    let is_extension = target.starts_with("thumbv8m.main-") && env::var_os("CARGO_FEATURE_DSP").is_some();
    if is_extension {
        println!("cargo::rustc-cfg=earmark_dsp_extension");
    }
    if is_extension || target.starts_with("thumbv7em-") {
        println!("cargo::rustc-cfg=earmark_arm_dsp");
    }
    // Armv6-M and Armv8-M Baseline multiply 32 bits by 32 and keep 32.
    if target.starts_with("thumbv6m-") || target.starts_with("thumbv8m.base-") {
        println!("cargo::rustc-cfg=earmark_no_long_products");
    }
}
