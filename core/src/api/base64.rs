//! Audio as text: base64 in a JSON string.

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD_NO_PAD;

use super::json::Escaped;
use crate::Error;

/// Characters decoded at a time: a multiple of 4, small enough for a microcontroller's stack.
const BLOCK: usize = 256;

/// Base64 text that has been checked and counted but not decoded yet, still where it arrived.
///
/// The standard alphabet (RFC 4648 section 4), wrapped or in one line, with or without `=` at the end, and with any character
/// written as a JSON escape (`\/`, `\u002b`, `\n`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base64<'b> {
    text: Escaped<'b>,
    /// Characters of the alphabet in it.
    digits: usize,
}

impl<'b> Base64<'b> {
    /// Checks base64 that stands alone, as the whole body of a request.
    ///
    /// ```
    /// use earmark_core::api::Base64;
    ///
    /// assert_eq!(Base64::from_text("UklG\nRg==").map(|text| text.decoded_length()), Ok(4));
    /// assert!(Base64::from_text("yes.wav").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::Base64Empty`], [`Error::Base64Character`], [`Error::Base64Length`].
    pub fn from_text(text: &'b str) -> Result<Self, Error> {
        Self::new(Escaped::plain(text))
    }

    pub(super) fn new(text: Escaped<'b>) -> Result<Self, Error> {
        let mut digits = 0;
        let mut padding = 0;
        for (offset, character) in text.unescaped().enumerate() {
            match character {
                ' ' | '\t' | '\n' | '\r' => {}
                '=' => padding += 1,
                'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' if padding == 0 => digits += 1,
                _ => return Err(Error::Base64Character { character, offset }),
            }
        }
        if digits == 0 {
            return Err(Error::Base64Empty);
        }
        let is_padded_right = padding == 0 || padding == (4 - digits % 4) % 4;
        if digits % 4 == 1 || !is_padded_right {
            return Err(Error::Base64Length { digits, padding });
        }
        Ok(Self { text, digits })
    }

    /// Bytes that the text decodes to.
    pub fn decoded_length(&self) -> usize {
        // Of the 1 to 3 digits beyond a group of four, each but the first completes a byte.
        self.digits / 4 * 3 + (self.digits % 4).saturating_sub(1)
    }

    /// Decodes into the beginning of `buffer` and returns the number of bytes, [`decoded_length`](Self::decoded_length).
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] if they do not fit; [`Error::Base64Length`] if the text breaks off within a byte.
    pub fn decode_into(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let needed = self.decoded_length();
        let too_small = Error::BufferTooSmall { needed, given: buffer.len() };
        let mut rest = buffer.get_mut(..needed).ok_or(too_small)?;
        let mut digits =
            self.text.unescaped().filter(|character| !character.is_ascii_whitespace() && *character != '=');
        let mut left = self.digits;
        while left > 0 {
            let mut block = [0; BLOCK];
            let length = left.min(BLOCK);
            for (place, digit) in block[..length].iter_mut().zip(&mut digits) {
                *place = digit as u8; // ASCII, as `new` has made sure
            }
            let decoded = STANDARD_NO_PAD
                .decode_slice(&block[..length], rest)
                .map_err(|_| Error::Base64Length { digits: self.digits, padding: 0 })?;
            rest = rest.get_mut(decoded..).ok_or(too_small)?;
            left -= length;
        }
        Ok(needed)
    }
}
