//! Files and streams into memory.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::Limits;
use crate::Error;

/// Reads a file of at most `limits.bytes`.
///
/// # Errors
/// [`Error::AudioMissing`], [`Error::AudioDirectory`], [`Error::AudioUnreadable`], [`Error::AudioTooLarge`].
pub fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|cause| Error::AudioUnreadable { cause })?;
    if metadata.len() > limits.bytes {
        return Err(Error::AudioTooLarge { limit: limits.bytes });
    }
    read_stream(file, limits)
}

/// Opens a file, or a named pipe.
///
/// # Errors
/// [`Error::AudioMissing`], [`Error::AudioDirectory`], [`Error::AudioUnreadable`].
pub(super) fn open(path: &Path) -> Result<File, Error> {
    match File::open(path).and_then(|file| Ok((file.metadata()?.is_dir(), file))) {
        Ok((false, file)) => Ok(file),
        Ok((true, _)) => Err(Error::AudioDirectory),
        Err(cause) => Err(match cause.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Error::AudioMissing,
            ErrorKind::IsADirectory => Error::AudioDirectory,
            _ => Error::AudioUnreadable { cause },
        }),
    }
}

/// Reads a stream, such as stdin, to its end, but at most `limits.bytes`.
///
/// # Errors
/// [`Error::AudioUnreadable`], [`Error::AudioTooLarge`].
pub fn read_stream(stream: impl Read, limits: &Limits) -> Result<Vec<u8>, Error> {
    read_at_most(stream, limits.bytes)
}

/// Reads a stream to its end, but at most `limit` bytes.
pub(super) fn read_at_most(stream: impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a stream that is too long from one that just fits.
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|cause| Error::AudioUnreadable { cause })?;
    if bytes.len() as u64 > limit {
        return Err(Error::AudioTooLarge { limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 4, seconds: 1 };

    #[test]
    fn a_stream_may_be_as_long_as_the_limit_and_no_longer() {
        assert_eq!(read_stream(&[1, 2, 3, 4][..], &LIMITS).unwrap(), [1, 2, 3, 4]);
        assert!(matches!(read_stream(&[0; 5][..], &LIMITS), Err(Error::AudioTooLarge { limit: 4 })));
        assert!(matches!(read_stream(std::io::repeat(0), &LIMITS), Err(Error::AudioTooLarge { .. })));
    }

    #[test]
    fn a_large_file_is_refused_before_it_is_read() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(matches!(read_file(&manifest, &LIMITS), Err(Error::AudioTooLarge { limit: 4 })));
    }
}
