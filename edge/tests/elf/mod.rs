//! How much memory the sections of a firmware take. Source: System V ABI, Object Files; 32 bits, little-endian.

/// Bytes that a firmware takes.
pub struct Sizes {
    /// Code, constants and the initial values of variables.
    pub flash: u32,
    /// Variables.
    pub ram: u32,
}

/// Adds up the sections of a file.
pub fn sizes(file: &[u8]) -> Sizes {
    const WRITE: u32 = 1;
    const ALLOC: u32 = 2;
    /// A section without contents in the file.
    const NOBITS: u32 = 8;
    assert_eq!(&file[..6], b"\x7fELF\x01\x01", "a 32-bit little-endian ELF file");
    let word = |at: usize| u32::from_le_bytes(*file[at..].first_chunk().expect("a whole file"));
    let half = |at: usize| usize::from(u16::from_le_bytes(*file[at..].first_chunk().expect("a whole file")));
    let (table, entry, count) = (word(0x20) as usize, half(0x2e), half(0x30));
    let mut sizes = Sizes { flash: 0, ram: 0 };
    for section in (0..count).map(|index| table + index * entry) {
        let (kind, flags, size) = (word(section + 4), word(section + 8), word(section + 20));
        if flags & ALLOC == 0 {
            continue;
        }
        if kind != NOBITS {
            sizes.flash += size;
        }
        if flags & WRITE != 0 {
            sizes.ram += size;
        }
    }
    sizes
}
