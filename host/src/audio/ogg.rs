//! Whether an Ogg file is whole, which its decoder does not tell.

/// The longest page: a header, 255 lengths and as many full segments (RFC 3533, section 6).
const LONGEST_PAGE: usize = 27 + 255 + 255 * 255;

/// Whether the file breaks off within its last page.
pub(super) fn is_cut(file: &[u8]) -> bool {
    let end = &file[file.len().saturating_sub(LONGEST_PAGE)..];
    let Some(start) = end.windows(4).rposition(|bytes| bytes == b"OggS") else { return false };
    let page = &end[start..];
    let lengths = page.get(26).and_then(|&segments| page.get(27..27 + usize::from(segments)));
    lengths.is_none_or(|lengths| {
        page.len() < 27 + lengths.len() + lengths.iter().map(|&length| usize::from(length)).sum::<usize>()
    })
}
