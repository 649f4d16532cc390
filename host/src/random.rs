//! Numbers that look random and are the same every time.

use earmark_core::model::checksum::xxh32;

/// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    /// Numbers that depend on a name and a seed.
    pub(crate) fn named(name: &str, seed: u64) -> Self {
        Self(seed.rotate_left(32) ^ u64::from(xxh32(name.as_bytes(), 0)))
    }

    /// The next number in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}
