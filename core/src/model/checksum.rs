//! XXH32, the checksum of the artifact.
//!
//! Source: the xxHash specification, version 0.1.1 (XXH32). It reads four bytes at a step, so that checking an artifact
//! costs a device little and a build's constant evaluation finishes.

use super::reader::{byte_at, word_at};

const PRIME_1: u32 = 0x9E37_79B1;
const PRIME_2: u32 = 0x85EB_CA77;
const PRIME_3: u32 = 0xC2B2_AE3D;
const PRIME_4: u32 = 0x27D4_EB2F;
const PRIME_5: u32 = 0x1656_67B1;

const fn round(lane: u32, word: u32) -> u32 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2)).rotate_left(13).wrapping_mul(PRIME_1)
}

/// XXH32 with seed 0 of `bytes` from offset `from` to the end.
///
/// ```
/// use earmark_core::model::checksum::xxh32;
/// assert_eq!(xxh32(b"", 0), 0x02CC_5D05); // the specification's value for the empty input
/// assert_eq!(xxh32(b"xabc", 1), xxh32(b"abc", 0));
/// ```
#[must_use]
pub const fn xxh32(bytes: &[u8], from: usize) -> u32 {
    let length = bytes.len().saturating_sub(from);
    let end = from + length;
    let mut at = from;
    let mut hash = if length >= 16 {
        let (mut a, mut b) = (PRIME_1.wrapping_add(PRIME_2), PRIME_2);
        let (mut c, mut d) = (0u32, 0u32.wrapping_sub(PRIME_1));
        while end - at >= 16 {
            a = round(a, word_at(bytes, at));
            b = round(b, word_at(bytes, at + 4));
            c = round(c, word_at(bytes, at + 8));
            d = round(d, word_at(bytes, at + 12));
            at += 16;
        }
        a.rotate_left(1).wrapping_add(b.rotate_left(7)).wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18))
    } else {
        PRIME_5
    };
    hash = hash.wrapping_add(length as u32);
    while end - at >= 4 {
        hash = hash.wrapping_add(word_at(bytes, at).wrapping_mul(PRIME_3)).rotate_left(17).wrapping_mul(PRIME_4);
        at += 4;
    }
    while at < end {
        hash = hash.wrapping_add((byte_at(bytes, at) as u32).wrapping_mul(PRIME_5));
        hash = hash.rotate_left(11).wrapping_mul(PRIME_1);
        at += 1;
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(PRIME_2);
    hash = (hash ^ (hash >> 13)).wrapping_mul(PRIME_3);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::xxh32;

    /// Values of the reference implementation (Python package xxhash 3.5, `xxhash.xxh32(data, seed=0)`).
    #[test]
    fn agrees_with_the_reference() {
        assert_eq!(xxh32(b"abc", 0), 0x32D1_53FF);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition", 0), 0xE229_3B2F);
    }
}
