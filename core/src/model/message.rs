//! Messages with figures in constant evaluation, where `format_args!` takes nothing but a text.

/// A text put together piece by piece; what does not fit is left out.
pub(super) struct Message {
    bytes: [u8; 160],
    length: usize,
}

impl Message {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; 160], length: 0 }
    }

    /// Appends a text.
    pub(super) const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        if text.len() <= self.bytes.len() - self.length {
            let mut index = 0;
            while index < text.len() {
                self.bytes[self.length + index] = text[index];
                index += 1;
            }
            self.length += text.len();
        }
        self
    }

    /// Appends a number in decimal.
    pub(super) const fn number(self, number: usize) -> Self {
        let message = if number > 9 { self.number(number / 10) } else { self };
        message.text(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"][number % 10])
    }

    pub(super) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn texts_and_numbers_follow_one_another() {
        let message = Message::new().text("größer: ").number(0).text(" < ").number(4_294_967_295);
        assert_eq!(message.as_str(), "größer: 0 < 4294967295");
        let full = (0..100).fold(Message::new(), |message, _| message.text("ab "));
        assert_eq!(full.as_str(), "ab ".repeat(53));
    }
}
