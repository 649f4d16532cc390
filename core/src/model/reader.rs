//! Reading numbers out of bytes, in constant evaluation too, where slices and traits are not to be had.
//!
//! Reads beyond the end give zero. Callers check lengths first, so this never decides anything; it only keeps every
//! path free of panics.

pub(super) const fn byte_at(bytes: &[u8], at: usize) -> u8 {
    if at < bytes.len() { bytes[at] } else { 0 }
}

pub(super) const fn half_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([byte_at(bytes, at), byte_at(bytes, at.saturating_add(1))])
}

pub(super) const fn word_at(bytes: &[u8], at: usize) -> u32 {
    if bytes.len() >= 4 && at <= bytes.len() - 4 {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    } else {
        0
    }
}

pub(super) const fn float_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(word_at(bytes, at))
}

/// Whether `length` bytes from `offset` lie inside `bytes`, begin behind the header and are aligned to `alignment`.
pub(super) const fn holds(bytes: &[u8], offset: u32, length: u64, alignment: u32) -> bool {
    offset as usize >= super::format::HEADER_LENGTH
        && offset.is_multiple_of(alignment)
        && offset as u64 + length <= bytes.len() as u64
}
