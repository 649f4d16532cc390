//! Pages of Ogg files (RFC 3533).
#![allow(dead_code, reason = "each test file uses a part of it")]

/// Writes a page's checksum into it.
pub fn seal(page: &mut [u8]) {
    page[22..26].fill(0);
    let mut checksum = 0_u32;
    for byte in &*page {
        checksum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            checksum = checksum << 1 ^ if checksum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        }
    }
    page[22..26].copy_from_slice(&checksum.to_le_bytes());
}

/// The pages that a file consists of.
pub fn pages(file: &mut [u8]) -> Vec<&mut [u8]> {
    let (mut pages, mut rest) = (Vec::new(), file);
    while !rest.is_empty() {
        let segments = usize::from(rest[26]);
        let length = 27 + segments + rest[27..27 + segments].iter().map(|&length| usize::from(length)).sum::<usize>();
        let (page, others) = rest.split_at_mut(length);
        pages.push(page);
        rest = others;
    }
    pages
}
