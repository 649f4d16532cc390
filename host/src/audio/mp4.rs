//! The part of an MP4 track that is meant to be heard.
//!
//! AAC encoders put 1,024 or more frames of their own in front of the sound and fill up the last packet; the edit list says what
//! to leave out. symphonia decodes all of it, so the list is read here. Boxes: ISO/IEC 14496-12, sections 8.2 to 8.6.
//!
//! Nothing but the fields that are wanted is read, however large a box is. What cannot be read is not there.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::source::length;

/// Where a box's contents lie in the file.
type Place = Range<u64>;

/// Reads a file that is laid out in boxes.
struct Boxes<'f, F: ?Sized>(&'f mut F);

impl<F: Read + Seek + ?Sized> Boxes<'_, F> {
    /// `N` bytes that lie `at` bytes behind the beginning of `place`.
    fn bytes<const N: usize>(&mut self, place: &Place, at: u64) -> Option<[u8; N]> {
        let start = place.start.checked_add(at)?;
        if start.checked_add(N as u64)? > place.end {
            return None;
        }
        let mut bytes = [0; N];
        self.0.seek(SeekFrom::Start(start)).ok()?;
        self.0.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn u32(&mut self, place: &Place, at: u64) -> Option<u64> {
        self.bytes(place, at).map(|bytes| u32::from_be_bytes(bytes).into())
    }

    fn u64(&mut self, place: &Place, at: u64) -> Option<u64> {
        self.bytes(place, at).map(u64::from_be_bytes)
    }

    /// Takes the first box out of `rest`: its kind and its contents. `rest` stays as it is if no whole box is there.
    fn next(&mut self, rest: &mut Place) -> Option<([u8; 4], Place)> {
        let kind = self.bytes(rest, 4)?;
        let (header, length) = match self.u32(rest, 0)? {
            0 => (8, rest.end - rest.start),
            1 => (16, self.u64(rest, 8)?),
            length => (8, length),
        };
        let end = rest.start.checked_add(length).filter(|&end| length >= header && end <= rest.end)?;
        let contents = rest.start + header..end;
        rest.start = end;
        Some((kind, contents))
    }

    /// The first box of this kind in `place`.
    fn find(&mut self, place: &Place, kind: &[u8; 4]) -> Option<Place> {
        let mut rest = place.clone();
        loop {
            let (found, contents) = self.next(&mut rest)?;
            if found == *kind {
                return Some(contents);
            }
        }
    }

    /// The first sound track and its media box.
    fn sound(&mut self, movie: &Place) -> Option<(Place, Place)> {
        let mut rest = movie.clone();
        loop {
            let (kind, track) = self.next(&mut rest)?;
            let media = if kind == *b"trak" { self.find(&track, b"mdia") } else { None };
            let Some(media) = media else { continue };
            if self.find(&media, b"hdlr").and_then(|handler| self.bytes(&handler, 8)) == Some(*b"soun") {
                return Some((track, media));
            }
        }
    }

    /// Ticks a second of a `mvhd` or `mdhd` box, behind two times whose width depends on the version.
    fn timescale(&mut self, header: &Place) -> Option<u64> {
        let at = if self.bytes(header, 0) == Some([1]) { 20 } else { 12 };
        self.u32(header, at).filter(|&ticks| ticks > 0)
    }
}

/// The length that an MP4 file should have whose last box goes on beyond its end; `None` if all boxes end in time. The file is
/// left anywhere.
pub(super) fn length_of_cut(file: &mut (impl Read + Seek + ?Sized)) -> Option<u64> {
    let mut rest = 0..length(file).ok()?;
    let mut boxes = Boxes(file);
    while boxes.next(&mut rest).is_some() {}
    let needed = match boxes.u32(&rest, 0)? {
        1 => boxes.u64(&rest, 8)?,
        length => length,
    };
    rest.start.checked_add(needed).filter(|&needed| needed > rest.end)
}

/// The stretch of the first sound track that is to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Ticks of `media_scale` before it.
    start: u64,
    /// Ticks of `movie_scale`; 0 goes on to the end.
    duration: u64,
    /// Ticks a second, not 0.
    media_scale: u64,
    movie_scale: u64,
}

impl Edit {
    /// `None` if the file does not say, or says it with more than one stretch. The file is left anywhere.
    pub(super) fn read(file: &mut (impl Read + Seek + ?Sized)) -> Option<Self> {
        let whole = 0..length(file).ok()?;
        let mut boxes = Boxes(file);
        let movie = boxes.find(&whole, b"moov")?;
        let (track, media) = boxes.sound(&movie)?;
        let edits = boxes.find(&track, b"edts")?;
        let list = boxes.find(&edits, b"elst")?;
        if boxes.u32(&list, 4) != Some(1) {
            return None;
        }
        let (duration, start) = match boxes.bytes(&list, 0)? {
            [1] => (boxes.u64(&list, 8)?, boxes.u64(&list, 16)?),
            _ => (boxes.u32(&list, 8)?, boxes.u32(&list, 12)?),
        };
        let (media, movie) = (boxes.find(&media, b"mdhd")?, boxes.find(&movie, b"mvhd")?);
        Some(Self { start, duration, media_scale: boxes.timescale(&media)?, movie_scale: boxes.timescale(&movie)? })
    }

    /// In frames at `sample_rate` frames a second; `None` for what cannot be counted.
    pub(super) fn frames(&self, sample_rate: u32) -> Option<Range<u64>> {
        let frames =
            |ticks: u64, scale: u64| Some(ticks.checked_mul(sample_rate.into())?.checked_add(scale / 2)? / scale);
        let start = frames(self.start, self.media_scale)?;
        let duration = frames(self.duration, self.movie_scale)?;
        Some(start..if duration == 0 { u64::MAX } else { start.saturating_add(duration) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_box_that_goes_on_beyond_the_end_is_seen() {
        let length_of_cut = |file: &[u8]| length_of_cut(&mut Cursor::new(file));
        let file = b"\0\0\0\x0cftypM4A \0\0\0\x0cmdat1234";
        assert_eq!(length_of_cut(file), None);
        for length in 16..24 {
            assert_eq!(length_of_cut(&file[..length]), Some(24), "{length}");
        }
        let wide = |length: u64| [&file[..12], b"\0\0\0\x01mdat", &length.to_be_bytes()].concat();
        assert_eq!(length_of_cut(&wide(1 << 32)), Some((1 << 32) + 12));
        assert_eq!(length_of_cut(&wide(u64::MAX)), None, "beyond what can be counted");
    }

    #[test]
    fn an_edit_is_counted_in_frames() {
        let edit = Edit { start: 1_024, duration: 1_000, media_scale: 44_100, movie_scale: 1_000 };
        assert_eq!(edit.frames(44_100), Some(1_024..45_124));
        assert_eq!(Edit { duration: 0, ..edit }.frames(22_050), Some(512..u64::MAX));
        assert_eq!(Edit { start: u64::MAX, ..edit }.frames(44_100), None);
    }
}
