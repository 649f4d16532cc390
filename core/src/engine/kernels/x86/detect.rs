//! What the processor can do, asked once: under virtualisation the question takes microseconds.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID, and volume 1, 13.3 (XCR0).

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use core::sync::atomic::{AtomicU8, Ordering};

/// The widest instructions that the processor has and the system saves the registers of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Level {
    Baseline = 1,
    Avx2 = 2,
    Vnni = 3,
}

/// The processor's level.
pub(super) fn level() -> Level {
    /// 0: not asked yet. Racing threads find the same answer.
    static KNOWN: AtomicU8 = AtomicU8::new(0);
    match KNOWN.load(Ordering::Relaxed) {
        1 => Level::Baseline,
        2 => Level::Avx2,
        3 => Level::Vnni,
        _ => {
            let level = ask();
            KNOWN.store(level as u8, Ordering::Relaxed);
            level
        }
    }
}

fn ask() -> Level {
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    const AVX_STATE: u64 = 0b110;
    const AVX512_STATE: u64 = 0b1110_0110;
    const AVX2: u32 = 1 << 5;
    const AVX512_F_BW_VL: u32 = 1 << 16 | 1 << 30 | 1 << 31;
    const AVX512_VNNI: u32 = 1 << 11;

    let has = |register: u32, bits: u32| register & bits == bits;
    // Miri interprets none of this.
    if cfg!(miri) || __cpuid(0).eax < 7 || !has(__cpuid(1).ecx, OSXSAVE_AND_AVX) {
        return Level::Baseline;
    }
    // SAFETY: OSXSAVE says that XGETBV is there.
    let saved = unsafe { _xgetbv(0) };
    let features = __cpuid_count(7, 0);
    if saved & AVX_STATE != AVX_STATE || !has(features.ebx, AVX2) {
        Level::Baseline
    } else if saved & AVX512_STATE == AVX512_STATE
        && has(features.ebx, AVX512_F_BW_VL)
        && has(features.ecx, AVX512_VNNI)
    {
        Level::Vnni
    } else {
        Level::Avx2
    }
}
