//! The square root, as one instruction where the target has one.
#![allow(unsafe_code)]

// `core` has no stable square root yet (rust-lang/rust#137578) and `libm::sqrtf` is a loop in software. The C symbol is
// there on every target (compiler-builtins defines it on bare metal), and the compiler knows it: on a Cortex-M4F the call
// becomes `vsqrt.f32`.
unsafe extern "C" {
    safe fn sqrtf(x: f32) -> f32;
}

/// √x, correctly rounded as IEEE 754 asks for, hence the same bits on every target.
#[inline]
pub(super) fn sqrt(x: f32) -> f32 {
    sqrtf(x)
}
