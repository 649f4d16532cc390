//! The part of an MP4 track that is meant to be heard.
//!
//! AAC encoders put 1,024 or more frames of their own in front of the sound and fill up the last packet; the edit list says what
//! to leave out. symphonia decodes all of it, so the list is read here. Boxes: ISO/IEC 14496-12, sections 8.2 to 8.6.

use std::ops::Range;

/// The boxes that lie one after the other in a box or file: kind and contents.
struct Boxes<'b>(&'b [u8]);

impl<'b> Iterator for Boxes<'b> {
    type Item = ([u8; 4], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[a, b, c, d, kind @ ..], body) = self.0.split_first_chunk::<8>()?;
        let (length, body) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (body.len(), body),
            1 => {
                let (length, body) = body.split_first_chunk::<8>()?;
                (usize::try_from(u64::from_be_bytes(*length)).ok()?.checked_sub(16)?, body)
            }
            length => ((length as usize).checked_sub(8)?, body),
        };
        let (body, rest) = body.split_at_checked(length)?;
        self.0 = rest;
        Some((kind, body))
    }
}

/// The length that an MP4 file should have whose last box goes on beyond its end; `None` if all boxes end in time, or for
/// other files.
pub(super) fn length_of_cut(file: &[u8]) -> Option<u64> {
    if file.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let mut boxes = Boxes(file);
    boxes.by_ref().for_each(drop);
    let rest = boxes.0;
    let length = match u32_at(rest, 0)? {
        1 => u64_at(rest, 8)?,
        length => length,
    };
    let before = (file.len() - rest.len()) as u64;
    before.checked_add(length).filter(|&needed| needed > file.len() as u64)
}

fn find<'b>(boxes: &'b [u8], kind: &[u8; 4]) -> Option<&'b [u8]> {
    Boxes(boxes).find_map(|(found, body)| (found == *kind).then_some(body))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes).into())
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Ticks a second of a `mvhd` or `mdhd` box, behind two times whose width depends on the version.
fn timescale(header: &[u8]) -> Option<u64> {
    u32_at(header, if header.first() == Some(&1) { 20 } else { 12 }).filter(|&ticks| ticks > 0)
}

/// The frames to be heard of the first sound track, at `sample_rate` frames a second; `None` if the file is no MP4 or does not
/// say, or says it with more than one stretch.
pub(super) fn audible_frames(file: &[u8], sample_rate: u32) -> Option<Range<u64>> {
    let movie = find(file, b"moov")?;
    let sound = Boxes(movie).find_map(|(kind, track)| {
        let media = (kind == *b"trak").then(|| find(track, b"mdia")).flatten()?;
        (find(media, b"hdlr")?.get(8..12) == Some(b"soun")).then_some((track, media))
    });
    let (track, media) = sound?;
    let list = find(find(track, b"edts")?, b"elst")?;
    if u32_at(list, 4) != Some(1) {
        return None;
    }
    let (duration, start) = match list.first() {
        Some(1) => (u64_at(list, 8)?, u64_at(list, 16)?),
        _ => (u32_at(list, 8)?, u32_at(list, 12)?),
    };
    let frames = |ticks: u64, scale: u64| Some(ticks.checked_mul(sample_rate.into())?.checked_add(scale / 2)? / scale);
    let start = frames(start, timescale(find(media, b"mdhd")?)?)?;
    let duration = frames(duration, timescale(find(movie, b"mvhd")?)?)?;
    // A stretch without a duration goes on to the end.
    Some(start..if duration == 0 { u64::MAX } else { start.saturating_add(duration) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_goes_on_beyond_the_end_is_seen() {
        let file = b"\0\0\0\x0cftypM4A \0\0\0\x0cmdat1234";
        assert_eq!(length_of_cut(file), None);
        for length in 16..24 {
            assert_eq!(length_of_cut(&file[..length]), Some(24), "{length}");
        }
        let wide = |length: u64| [&file[..12], b"\0\0\0\x01mdat", &length.to_be_bytes()].concat();
        assert_eq!(length_of_cut(&wide(1 << 32)), Some((1 << 32) + 12));
        assert_eq!(length_of_cut(&wide(u64::MAX)), None, "beyond what can be counted");
        assert_eq!(length_of_cut(b"RIFF\xff\0\0\0WAVE"), None);
    }
}
