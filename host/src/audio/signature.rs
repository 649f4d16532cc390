//! What a file is, by its first bytes.

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// A RIFF/WAVE file, also with 64-bit sizes (RF64, BW64).
    Wav,
    /// FLAC, Ogg, MP3, MP4/M4A, WebM/Matroska, ADTS AAC, AIFF: what symphonia opens.
    Compressed,
    /// Audio or video of a known kind that cannot be decoded here; its name.
    Unsupported(&'static str),
    /// No bytes at all.
    Empty,
    /// Text, such as a web page saved as `.wav`.
    Text,
    /// Nothing known.
    Unknown,
}

/// Opus whose channels are neither stereo nor surround.
pub(super) const UNPLACED_OPUS: &str = "Opus with an unusual channel mapping";

/// How EBML begins, which WebM and Matroska are written in (RFC 8794).
pub(super) const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// Bytes looked at to tell text from other things.
const TEXT_PROBE: usize = 512;

impl Signature {
    /// Looks at the beginning of a file.
    ///
    /// ```
    /// use earmark::audio::Signature;
    ///
    /// assert_eq!(Signature::of(b"fLaC\0\0\0\x22"), Signature::Compressed);
    /// assert_eq!(Signature::of(b"<html>"), Signature::Text);
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        let at = |offset: usize, signature: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(signature));
        match bytes {
            [] => Self::Empty,
            [b'R', b'I', b'F', b'F', ..] | [b'R', b'F', b'6', b'4', ..] | [b'B', b'W', b'6', b'4', ..]
                if at(8, b"WAVE") =>
            {
                Self::Wav
            }
            [b'O', b'g', b'g', b'S', ..] if at(28, b"Speex   ") => Self::Unsupported("Speex"),
            // Mapping families that give channels no place in a room (RFC 7845, section 5.1.1).
            [b'O', b'g', b'g', b'S', ..] if at(28, b"OpusHead") && bytes.get(46).is_some_and(|&family| family > 1) => {
                Self::Unsupported(UNPLACED_OPUS)
            }
            [b'f', b'L', b'a', b'C', ..] | [b'O', b'g', b'g', b'S', ..] | [b'I', b'D', b'3', ..] => Self::Compressed,
            [b'F', b'O', b'R', b'M', ..] if at(8, b"AIF") => Self::Compressed,
            _ if at(4, b"ftyp") => Self::Compressed,
            _ if at(0, &EBML) => Self::Compressed,
            // MPEG audio and ADTS frames: eleven or twelve bits set.
            [0xff, second, ..] if second & 0xe0 == 0xe0 && *second != 0xff && *second != 0xfe => Self::Compressed,
            [b'R', b'I', b'F', b'X', ..] => Self::Unsupported("big-endian WAV (RIFX)"),
            [0x30, 0x26, 0xb2, 0x75, ..] => Self::Unsupported("Windows Media (ASF/WMA)"),
            [b'.', b's', b'n', b'd', ..] => Self::Unsupported("Sun/NeXT audio (.au)"),
            [b'c', b'a', b'f', b'f', ..] => Self::Unsupported("Core Audio Format (CAF)"),
            [0x0b, 0x77, ..] => Self::Unsupported("AC-3"),
            [b'#', b'!', b'A', b'M', b'R', ..] => Self::Unsupported("AMR"),
            [b'w', b'v', b'p', b'k', ..] => Self::Unsupported("WavPack"),
            [b'M', b'A', b'C', b' ', ..] => Self::Unsupported("Monkey's Audio"),
            [b'M', b'T', b'h', b'd', ..] => Self::Unsupported("MIDI"),
            _ if is_text(&bytes[..bytes.len().min(TEXT_PROBE)]) => Self::Text,
            _ => Self::Unknown,
        }
    }
}

fn is_text(start: &[u8]) -> bool {
    let (text, is_cut) = match core::str::from_utf8(start) {
        Ok(text) => (text, false),
        // The probe may end within a character.
        Err(error) => (core::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or(""), error.error_len().is_some()),
    };
    !is_cut && text.chars().all(|character| !character.is_control() || "\t\n\r\u{c}".contains(character))
}
