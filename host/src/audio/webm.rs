//! Where a WebM or Matroska file should end, which its reader does not tell.

use super::signature::EBML;

/// The element that holds all but the header (RFC 9559, section 5.1).
const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];

/// The length that the file should have, by its first bytes; `None` where it does not say: it was written as it was recorded.
pub(super) fn length(head: &[u8]) -> Option<u64> {
    let (header, rest) = size(head.strip_prefix(&EBML)?)?;
    let segment = rest.get(usize::try_from(header).ok()?..)?.strip_prefix(&SEGMENT)?;
    let (length, contents) = size(segment)?;
    length.checked_add((head.len() - contents.len()) as u64)
}

/// An element's size and what comes after it (RFC 8794, section 4): as many bytes as the first one's leading zeros tell, whose remaining
/// bits are the number. All of them ones mean that it is not known.
fn size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let more = bytes.first()?.leading_zeros() as usize;
    let (size, rest) = bytes.split_at_checked(more + 1).filter(|(size, _)| size.len() <= 8)?;
    let unknown = (1 << (7 * size.len())) - 1;
    let number = size.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)) & unknown;
    (number != unknown).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: &[u8]) -> Vec<u8> {
        [&EBML, &[0x82, 7, 7][..], &SEGMENT, size, &[1; 30]].concat()
    }

    #[test]
    fn the_segment_says_where_it_ends() {
        assert_eq!(length(&file(&[0x9e])), Some(12 + 30));
        assert_eq!(length(&file(&[0x01, 0, 0, 0, 0, 0, 1, 0])), Some(19 + 256));
        assert_eq!(length(&file(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), None);
        assert_eq!(length(&file(&[0xff])), None);
        assert_eq!(length(&file(&[0x9e])[..9]), None);
        assert_eq!(length(b"RIFF"), None);
    }
}
