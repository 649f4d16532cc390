//! A strict JSON scanner that knows where it is.
//!
//! serde-json-core writes our answers but does not read our requests: it skips what it is told to ignore by recursion (a
//! body of `[[[[…` ends a small stack) and without checking it, cannot name the field whose type is wrong, and hands out strings
//! still escaped. This scanner walks the text once, without recursion, and checks all of it.

use core::str::Chars;

use crate::Error;

/// How deep objects and arrays in a request may be nested, the request itself included.
pub const MAX_DEPTH: usize = 32;

/// What a value is, told by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Kind {
    /// With its article, as error messages need it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// The characters of a JSON string between its quotes: escapes are valid but still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Escaped<'b>(&'b str);

impl<'b> Escaped<'b> {
    /// Text from outside of JSON; what looks like an escape in it is taken for one.
    pub(super) const fn plain(text: &'b str) -> Self {
        Self(text)
    }

    /// What the string means.
    pub(super) fn unescaped(self) -> Unescaped<'b> {
        Unescaped(self.0.chars())
    }

    pub(super) fn is(self, text: &str) -> bool {
        self.unescaped().eq(text.chars())
    }
}

/// Iterator over the characters that a JSON string means. Halves of surrogate pairs come out as U+FFFD, one each: nothing that
/// a request may say is written with them.
#[derive(Debug, Clone)]
pub(super) struct Unescaped<'b>(Chars<'b>);

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => Some(match self.0.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let code = (0..4).try_fold(0, |code, _| Some(code * 16 + self.0.next()?.to_digit(16)?))?;
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                literal => literal,
            }),
            plain => Some(plain),
        }
    }
}

/// The containers around a place in the text: bit `d` of `objects` says that the one at depth `d` is an object.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    objects: u32,
}

const _: () = assert!(MAX_DEPTH <= u32::BITS as usize);

impl Nesting {
    fn is_object(self) -> bool {
        self.depth > 0 && self.objects >> (self.depth - 1) & 1 == 1
    }
}

/// Where reading stands in a request.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'b> {
    text: &'b str,
    at: usize,
    /// Containers entered through [`Self::object`] and not left yet.
    depth: usize,
}

impl<'b> Scanner<'b> {
    pub(super) fn new(text: &'b str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// What the next value is; it is not consumed.
    pub(super) fn kind(&mut self) -> Result<Kind, Error> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads an object; `member` is called with each key and must consume the value.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Escaped<'b>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.expect(b'{', "{")?;
        self.depth += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                let key = self.key()?;
                member(self, key)?;
                if self.peek() == Some(b',') {
                    self.at += 1;
                } else {
                    self.expect(b'}', "a comma or }")?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a string.
    ///
    /// Line breaks and tabs are let through although JSON wants them escaped: shell scripts paste wrapped base64 as it is.
    pub(super) fn string(&mut self) -> Result<Escaped<'b>, Error> {
        self.expect(b'"', "a string in quotes")?;
        let start = self.at;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.byte() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(b'u') => {
                            for _ in 0..4 {
                                self.at += 1;
                                if !self.byte().is_some_and(|digit| digit.is_ascii_hexdigit()) {
                                    return Err(self.expected("four hexadecimal digits after \\u"));
                                }
                            }
                        }
                        _ => return Err(self.expected("one of \"\\/bfnrtu after a backslash")),
                    }
                }
                Some(0..0x20) if !matches!(self.byte(), Some(b'\n' | b'\r' | b'\t')) => {
                    return Err(self.expected("no control characters in a string"));
                }
                Some(_) => {}
                None => return Err(self.expected("a closing quote")),
            }
            self.at += 1;
        }
        let string = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Escaped(string))
    }

    /// Reads a number and returns its text.
    pub(super) fn number(&mut self) -> Result<&'b str, Error> {
        self.peek();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Reads any value and forgets it.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let mut nesting = Nesting::default();
        loop {
            // Here a value is due.
            match self.kind()? {
                kind @ (Kind::Object | Kind::Array) => {
                    if self.depth + nesting.depth == MAX_DEPTH {
                        return Err(Error::RequestTooDeep { offset: self.at });
                    }
                    let is_object = kind == Kind::Object;
                    nesting.objects = nesting.objects & !(1 << nesting.depth) | u32::from(is_object) << nesting.depth;
                    nesting.depth += 1;
                    self.at += 1;
                    if self.peek() != Some(if is_object { b'}' } else { b']' }) {
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Kind::String => {
                    self.string()?;
                }
                Kind::Number => {
                    self.number()?;
                }
                Kind::Boolean if self.byte() == Some(b't') => self.literal("true")?,
                Kind::Boolean => self.literal("false")?,
                Kind::Null => self.literal("null")?,
            }
            // Here a value has ended, or an empty container is about to.
            loop {
                if nesting.depth == 0 {
                    return Ok(());
                }
                match (self.peek(), nesting.is_object()) {
                    (Some(b','), is_object) => {
                        self.at += 1;
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        nesting.depth -= 1;
                    }
                    (_, true) => return Err(self.expected("a comma or }")),
                    (_, false) => return Err(self.expected("a comma or ]")),
                }
            }
        }
    }

    /// Makes sure that nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("nothing after the closing }")),
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<Escaped<'b>, Error> {
        self.peek();
        let key = self.string()?;
        self.expect(b':', "a colon")?;
        Ok(key)
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !self.byte().is_some_and(|digit| digit.is_ascii_digit()) {
            return Err(self.expected("a digit"));
        }
        while self.byte().is_some_and(|digit| digit.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), Error> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(literal.as_bytes())) {
            return Err(self.expected(literal));
        }
        self.at += literal.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.expected(name));
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> Error {
        Error::RequestSyntax { offset: self.at, expected }
    }
}
