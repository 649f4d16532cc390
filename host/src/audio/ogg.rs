//! Whether an Ogg file is whole, which its decoder does not tell.

use std::io::{self, Read, Seek, SeekFrom};

use super::source::length;

/// The longest page: a header, 255 lengths and as many full segments (RFC 3533, section 6).
const LONGEST_PAGE: u64 = 27 + 255 + 255 * 255;

/// Whether the file breaks off within its last page. It is left at its beginning.
pub(super) fn is_cut(file: &mut (impl Read + Seek + ?Sized)) -> io::Result<bool> {
    let start = length(file)?.saturating_sub(LONGEST_PAGE);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.take(LONGEST_PAGE).read_to_end(&mut end)?;
    file.rewind()?;
    Ok(is_last_page_cut(&end))
}

/// `end` holds the whole last page, if it is whole.
fn is_last_page_cut(end: &[u8]) -> bool {
    let Some(start) = end.windows(4).rposition(|bytes| bytes == b"OggS") else { return false };
    let page = &end[start..];
    let lengths = page.get(26).and_then(|&segments| page.get(27..27 + usize::from(segments)));
    lengths.is_none_or(|lengths| {
        page.len() < 27 + lengths.len() + lengths.iter().map(|&length| usize::from(length)).sum::<usize>()
    })
}
