//! A look at an ONNX file's bytes before they are decoded: how much memory that would take, and how deep it goes.
//!
//! Two bytes of a file can stand for a message of hundreds of bytes in memory, and one for a number of eight. The numbers of the fields are
//! those of `onnx.proto` (ONNX 1.23).

use prost::encoding::{WireType, decode_key, decode_varint};

use crate::Error;

/// Most bytes that a decoded file may take.
const MOST: u64 = 1 << 30;
/// How deep messages may lie in each other; ONNX has some ten, and four more for each graph in a graph.
const DEEPEST: u32 = 64;

/// Bytes of a decoded message, at most, and of an element of a list; lists have twice the room that they need while they grow.
const MESSAGE: u64 = 1024;
const ELEMENT: u64 = 64;
/// Bytes that a byte of packed numbers becomes: an integer of eight for each, a float of four for four; twice, as above.
const INTEGERS: u64 = 16;
const FLOATS: u64 = 2;

/// The messages that a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    ValueInfo,
    Type,
    Shape,
    /// One that holds only numbers and text.
    Plain,
}

/// What a field holds that has a length.
enum Field {
    Nested(Message),
    Integers,
    Floats,
    Bytes,
}

impl Message {
    fn field(self, number: u32) -> Field {
        use Field::{Bytes, Floats, Integers, Nested};
        match (self, number) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Nested(Self::Graph),
            (Self::Model, 20) => Nested(Self::Training),
            (Self::Model, 25) => Nested(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Nested(Self::Node),
            (Self::Node, 5) | (Self::Function, 11) => Nested(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Nested(Self::Tensor),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Nested(Self::Sparse),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Nested(Self::ValueInfo),
            (Self::ValueInfo, 2) | (Self::Attribute, 14 | 15) => Nested(Self::Type),
            // Tensors, sequences, maps and optional values, whose types lie in field 1 or 2.
            (Self::Type, _) => Nested(Self::Shape),
            (Self::Shape, 1 | 2) => Nested(Self::Shape),
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::Attribute, 8) | (Self::Sparse, 3) => Integers,
            (Self::Tensor, 4 | 10) | (Self::Attribute, 7) => Floats,
            (Self::Model | Self::Graph | Self::Function | Self::Node | Self::ValueInfo, 8 | 9 | 14 | 16) => {
                Nested(Self::Plain)
            }
            (Self::Tensor, 13) => Nested(Self::Plain),
            _ => Bytes,
        }
    }
}

/// Refuses a file whose decoding would take too much memory or stack.
///
/// # Errors
/// [`Error::Onnx`].
pub fn check(file: &[u8]) -> Result<(), Error> {
    let refused = |what: &str| Err(Error::Onnx { what: what.to_owned() });
    match cost(Message::Model, file, 0) {
        Some(bytes) if bytes <= MOST => Ok(()),
        Some(_) => refused("it would take more than a gigabyte of memory"),
        None => refused("it is damaged or not an ONNX file"),
    }
}

/// Bytes that a message takes in memory, at most; `None` if it is damaged or lies too deep.
fn cost(message: Message, mut bytes: &[u8], depth: u32) -> Option<u64> {
    if depth > DEEPEST {
        return None;
    }
    let mut total = MESSAGE;
    while !bytes.is_empty() {
        let (number, kind) = decode_key(&mut bytes).ok()?;
        let length = match kind {
            WireType::Varint => {
                decode_varint(&mut bytes).ok()?;
                total = total.saturating_add(ELEMENT);
                continue;
            }
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::LengthDelimited => usize::try_from(decode_varint(&mut bytes).ok()?).ok()?,
            // ONNX has no groups.
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        let (field, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let taken = match (kind, message.field(number)) {
            (WireType::LengthDelimited, Field::Nested(nested)) => cost(nested, field, depth + 1)?,
            (WireType::LengthDelimited, Field::Integers) => INTEGERS * length as u64,
            (_, Field::Floats) => FLOATS * length as u64,
            _ => length as u64,
        };
        total = total.saturating_add(taken).saturating_add(ELEMENT);
        if total > MOST {
            return Some(total);
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::check;

    /// A field with a length around `contents`.
    fn field(number: u8, contents: &[u8]) -> Vec<u8> {
        let mut length = contents.len();
        let mut bytes = vec![number << 3 | 2];
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(contents);
        bytes
    }

    #[test]
    fn messages_that_grow_a_thousandfold_are_refused() {
        // Empty nodes, of two bytes each.
        let nodes = field(7, &[0x0a, 0].repeat(2 << 20));
        assert!(check(&nodes).unwrap_err().to_string().contains("gigabyte"));
        assert!(check(&field(7, &[0x0a, 0].repeat(1 << 10))).is_ok());
        // Numbers of a byte each that become eight.
        let numbers = field(7, &field(5, &field(7, &vec![1; 70 << 20])));
        assert!(check(&numbers).unwrap_err().to_string().contains("gigabyte"));
        // The same bytes as they are.
        assert!(check(&field(7, &field(5, &field(9, &vec![1; 70 << 20])))).is_ok());
    }

    #[test]
    fn graphs_in_graphs_have_an_end() {
        let mut file = Vec::new();
        for _ in 0..100 {
            file = field(1, &field(5, &field(6, &file)));
        }
        assert!(check(&field(7, &file)).unwrap_err().to_string().contains("damaged"));
    }
}
