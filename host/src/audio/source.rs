//! The bytes of an audio file: a file, a pipe, or memory.

use std::io::{Chain, Cursor, Read, Seek, SeekFrom};

use symphonia::core::io::{MediaSource, ReadOnlySource};

use crate::Error;

/// Bytes at the beginning that tell what a file is.
const HEAD: usize = 512;

/// What can be read and perhaps sought in.
pub(super) type Media<'s> = Box<dyn MediaSource + 's>;

/// Encoded audio at its first byte, and a copy of its beginning.
pub(super) struct Source<'s> {
    pub(super) media: Media<'s>,
    /// The first bytes, at most [`HEAD`]; fewer only if there are no more.
    pub(super) head: Vec<u8>,
}

impl<'s> Source<'s> {
    /// Looks at the beginning of `media` and goes back to it.
    pub(super) fn new(media: impl MediaSource + 's) -> Result<Self, Error> {
        let unreadable = |cause| Error::AudioUnreadable { cause };
        let mut media = media;
        let mut head = Vec::with_capacity(HEAD);
        media.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
        let media: Media<'s> = if media.is_seekable() {
            media.seek(SeekFrom::Start(0)).map_err(unreadable)?;
            Box::new(media)
        } else {
            Box::new(ReadOnlySource::new(again(head.clone(), media)))
        };
        Ok(Self { media, head })
    }

    /// The same bytes, in memory if they come from a pipe: for containers whose tables may lie at the end.
    ///
    /// # Errors
    /// [`Error::AudioTooLarge`] for a pipe with more than `limit` bytes.
    pub(super) fn seekable(mut self, limit: u64) -> Result<Self, Error> {
        if !self.media.is_seekable() {
            let bytes = super::file::read_at_most(self.media, limit)?;
            self.media = Box::new(Cursor::new(bytes));
        }
        Ok(self)
    }
}

/// What was read already, and then the rest.
fn again<M: Read>(head: Vec<u8>, rest: M) -> Chain<Cursor<Vec<u8>>, M> {
    Cursor::new(head).chain(rest)
}

/// The length of what can be sought in; where it is read next stays as it is.
pub(super) fn length(media: &mut (impl Seek + ?Sized)) -> std::io::Result<u64> {
    let place = media.stream_position()?;
    let length = media.seek(SeekFrom::End(0))?;
    media.seek(SeekFrom::Start(place))?;
    Ok(length)
}
