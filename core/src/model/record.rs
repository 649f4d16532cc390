//! The operators' records in the file.
//!
//! A record's first word holds the kind in its low half and the record's length in words in its high half. A tensor takes
//! three words: offset; height and width; channels (23 bits), whether it is int16 (1) and zero point (8). A window takes four, each with the number for the
//! height in its low half and that for the width in its high half: kernel, stride, dilation, padding.

use super::op::{
    Addition, AveragePool, BlockCopy, Convolution, Element, Lookup, MaxPool, Multiplication, Op, RunningMean, Tensor,
    Window,
};
#[cfg(feature = "recurrent")]
use super::op::{Recurrent, RecurrentKind};

/// Longest record in 32-bit words.
pub const MAX_RECORD_WORDS: usize = 16;

/// The bits of a tensor's third word that hold its channels. In a build without int16 the header has been refused before a record says so.
const CHANNELS: u32 = if Element::HAS_INT16 { (1 << 23) - 1 } else { (1 << 24) - 1 };

mod kind {
    pub(super) const CONVOLUTION: u16 = 1;
    pub(super) const DEPTHWISE: u16 = 2;
    pub(super) const LOOKUP: u16 = 3;
    pub(super) const ADD: u16 = 4;
    pub(super) const MULTIPLY: u16 = 5;
    pub(super) const MAX_POOL: u16 = 6;
    pub(super) const AVERAGE_POOL: u16 = 7;
    pub(super) const COPY: u16 = 8;
    pub(super) const RUNNING_MEAN: u16 = 9;
    pub(super) const RECURRENT: u16 = 10;
}

impl Op {
    /// The record of the operator; gives the number of words written.
    ///
    /// ```
    /// use earmark_core::model::{Element, Lookup, Op, Tensor};
    /// let tensor = Tensor { offset: 0, height: 4, width: 1, channels: 8, zero_point: -128, element: Element::Int8 };
    /// let op = Op::Lookup(Lookup { input: tensor, output: tensor, table: 4096 });
    /// let mut words = [0; earmark_core::model::MAX_RECORD_WORDS];
    /// let count = op.encode(&mut words);
    /// let bytes: Vec<u8> = words[..count].iter().flat_map(|word| word.to_le_bytes()).collect();
    /// assert_eq!(Op::decode(&bytes, 0), Some((op, bytes.len())));
    /// ```
    pub fn encode(&self, words: &mut [u32; MAX_RECORD_WORDS]) -> usize {
        let mut record = Record { words, length: 1 };
        let kind = match self {
            Self::Convolution(op) => record.convolution(op, kind::CONVOLUTION),
            Self::Depthwise(op) => record.convolution(op, kind::DEPTHWISE),
            Self::Lookup(op) => {
                record.tensors(&[op.input, op.output]);
                record.push(op.table);
                kind::LOOKUP
            }
            Self::Add(op) => {
                record.tensors(&[op.inputs[0], op.inputs[1], op.output]);
                record.push(op.multipliers[0].cast_unsigned());
                record.push(op.multipliers[1].cast_unsigned());
                record.push(shift_and_clamp(op.shift, op.clamp));
                kind::ADD
            }
            Self::Multiply(op) => {
                record.tensors(&[op.inputs[0], op.inputs[1], op.output]);
                record.push(op.multiplier.cast_unsigned());
                record.push(shift_and_clamp(op.shift, op.clamp));
                kind::MULTIPLY
            }
            Self::MaxPool(op) => {
                record.tensors(&[op.input, op.output]);
                record.window(&op.window);
                kind::MAX_POOL
            }
            Self::AveragePool(op) => {
                record.tensors(&[op.input, op.output]);
                record.window(&op.window);
                record.push(op.multiplier.cast_unsigned());
                record.push(op.shift as u32 | (op.count_padding as u32) << 8);
                kind::AVERAGE_POOL
            }
            Self::Copy(op) => {
                record.tensors(&[op.input, op.output]);
                for triple in [op.from, op.to, op.extent] {
                    triple.into_iter().for_each(|word| record.push(word));
                }
                kind::COPY
            }
            Self::RunningMean(op) => {
                record.tensors(&[op.input, op.output]);
                record.push(op.state);
                record.push(op.rows);
                record.push(op.multiplier.cast_unsigned());
                record.push(op.shift as u32);
                kind::RUNNING_MEAN
            }
            #[cfg(feature = "recurrent")]
            Self::Recurrent(op) => {
                record.tensors(&[op.input, op.output]);
                let flags = [op.kind as u8, u8::from(op.carried), op.cell_bits, 0];
                for word in [op.state, op.skipped, op.weights, op.rows, op.curves, u32::from_le_bytes(flags), op.scale]
                {
                    record.push(word);
                }
                kind::RECURRENT
            }
        };
        let length = record.length;
        words[0] = kind as u32 | (length as u32) << 16;
        length
    }

    /// Reads the record at byte `at`; gives the operator and where the next record begins, or `None` if there is no record of
    /// a known kind and length. The numbers in it are not checked.
    #[must_use]
    #[inline(always)]
    pub const fn decode(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let Some((_, from_record)) = bytes.split_at_checked(at) else { return None };
        let (words, _) = from_record.as_chunks();
        let Some((&head, words)) = words.split_first() else { return None };
        let head = u32::from_le_bytes(head);
        // A record is as long as its kind is, and says so.
        macro_rules! body {
            ($words:literal) => {
                match words.first_chunk() {
                    Some(words) if head >> 16 == $words + 1 => Body::<$words> { words },
                    _ => return None,
                }
            };
        }
        let op = match head as u16 {
            kind::CONVOLUTION => Self::Convolution(body!(14).convolution()),
            kind::DEPTHWISE => Self::Depthwise(body!(14).convolution()),
            kind::LOOKUP => {
                let body = body!(7);
                Self::Lookup(Lookup { input: body.tensor(0), output: body.tensor(3), table: body.word(6) })
            }
            kind::ADD => {
                let body = body!(12);
                Self::Add(Addition {
                    inputs: [body.tensor(0), body.tensor(3)],
                    output: body.tensor(6),
                    multipliers: [body.word(9).cast_signed(), body.word(10).cast_signed()],
                    shift: body.word(11) as u8,
                    clamp: body.clamp(11),
                })
            }
            kind::MULTIPLY => {
                let body = body!(11);
                Self::Multiply(Multiplication {
                    inputs: [body.tensor(0), body.tensor(3)],
                    output: body.tensor(6),
                    multiplier: body.word(9).cast_signed(),
                    shift: body.word(10) as u8,
                    clamp: body.clamp(10),
                })
            }
            kind::MAX_POOL => {
                let body = body!(10);
                Self::MaxPool(MaxPool { input: body.tensor(0), output: body.tensor(3), window: body.window(6) })
            }
            kind::AVERAGE_POOL => {
                let body = body!(12);
                Self::AveragePool(AveragePool {
                    input: body.tensor(0),
                    output: body.tensor(3),
                    window: body.window(6),
                    multiplier: body.word(10).cast_signed(),
                    shift: body.word(11) as u8,
                    count_padding: (body.word(11) >> 8) & 1 == 1,
                })
            }
            kind::COPY => {
                let body = body!(15);
                Self::Copy(BlockCopy {
                    input: body.tensor(0),
                    output: body.tensor(3),
                    from: body.triple(6),
                    to: body.triple(9),
                    extent: body.triple(12),
                })
            }
            kind::RUNNING_MEAN => {
                let body = body!(10);
                Self::RunningMean(RunningMean {
                    input: body.tensor(0),
                    output: body.tensor(3),
                    state: body.word(6),
                    rows: body.word(7),
                    multiplier: body.word(8).cast_signed(),
                    shift: body.word(9) as u8,
                })
            }
            #[cfg(feature = "recurrent")]
            kind::RECURRENT => {
                let body = body!(13);
                let [kind, carried, cell_bits, _] = body.word(11).to_le_bytes();
                Self::Recurrent(Recurrent {
                    kind: if kind == RecurrentKind::Gru as u8 { RecurrentKind::Gru } else { RecurrentKind::Lstm },
                    input: body.tensor(0),
                    output: body.tensor(3),
                    state: body.word(6),
                    carried: carried & 1 == 1,
                    skipped: body.word(7),
                    weights: body.word(8),
                    rows: body.word(9),
                    curves: body.word(10),
                    cell_bits,
                    scale: body.word(12),
                })
            }
            _ => return None,
        };
        Some((op, at + 4 * (head >> 16) as usize))
    }

    /// The feature of this crate that brings the operator whose record is at byte `at`, if it was left out of this build.
    pub(super) const fn left_out(bytes: &[u8], at: usize) -> Option<&'static str> {
        let is_recurrent = super::reader::word_at(bytes, at) as u16 == kind::RECURRENT;
        if is_recurrent && !cfg!(feature = "recurrent") { Some("recurrent") } else { None }
    }

    /// The operators of `count` records from byte `at` on.
    pub(super) fn sequence(bytes: &[u8], mut at: usize, count: usize) -> impl Iterator<Item = Self> + use<'_> {
        (0..count).map_while(move |_| {
            let (op, next) = Self::decode(bytes, at)?;
            at = next;
            Some(op)
        })
    }
}

const fn shift_and_clamp(shift: u8, clamp: [i8; 2]) -> u32 {
    u32::from_le_bytes([shift, 0, clamp[0].cast_unsigned(), clamp[1].cast_unsigned()])
}

struct Record<'a> {
    words: &'a mut [u32; MAX_RECORD_WORDS],
    length: usize,
}

impl Record<'_> {
    fn push(&mut self, word: u32) {
        self.words[self.length] = word;
        self.length += 1;
    }

    fn tensors(&mut self, tensors: &[Tensor]) {
        for tensor in tensors {
            self.push(tensor.offset);
            self.push(tensor.height as u32 | (tensor.width as u32) << 16);
            let int16 = tensor.element.is_int16() as u32;
            self.push((tensor.channels & CHANNELS) | int16 << 23 | (tensor.zero_point.cast_unsigned() as u32) << 24);
        }
    }

    fn window(&mut self, window: &Window) {
        for [height, width] in [window.kernel, window.stride, window.dilation, window.pad] {
            self.push(height as u32 | (width as u32) << 16);
        }
    }

    fn convolution(&mut self, op: &Convolution, kind: u16) -> u16 {
        self.tensors(&[op.input, op.output]);
        self.window(&op.window);
        self.push(op.groups);
        self.push(shift_and_clamp(0, op.clamp));
        self.push(op.weights);
        self.push(op.requantisation);
        kind
    }
}

/// The words of a record behind its head.
struct Body<'a, const WORDS: usize> {
    words: &'a [[u8; 4]; WORDS],
}

impl<const WORDS: usize> Body<'_, WORDS> {
    /// A word of a record of this kind: `index` is one of those above.
    #[inline(always)]
    const fn word(&self, index: usize) -> u32 {
        u32::from_le_bytes(self.words[index])
    }

    #[inline(always)]
    const fn pair(&self, index: usize) -> [u16; 2] {
        let word = self.word(index);
        [word as u16, (word >> 16) as u16]
    }

    #[inline(always)]
    const fn triple(&self, index: usize) -> [u32; 3] {
        [self.word(index), self.word(index + 1), self.word(index + 2)]
    }

    #[inline(always)]
    const fn clamp(&self, index: usize) -> [i8; 2] {
        let [_, _, low, high] = self.word(index).to_le_bytes();
        [low.cast_signed(), high.cast_signed()]
    }

    #[inline(always)]
    const fn tensor(&self, index: usize) -> Tensor {
        let [height, width] = self.pair(index + 1);
        let channels = self.word(index + 2);
        Tensor {
            offset: self.word(index),
            height,
            width,
            channels: channels & CHANNELS,
            zero_point: ((channels >> 24) as u8).cast_signed(),
            element: Element::int16_if((channels >> 23) & 1 == 1),
        }
    }

    #[inline(always)]
    const fn window(&self, index: usize) -> Window {
        Window {
            kernel: self.pair(index),
            stride: self.pair(index + 1),
            dilation: self.pair(index + 2),
            pad: self.pair(index + 3),
        }
    }

    #[inline(always)]
    const fn convolution(&self) -> Convolution {
        Convolution {
            input: self.tensor(0),
            output: self.tensor(3),
            window: self.window(6),
            groups: self.word(10),
            clamp: self.clamp(11),
            weights: self.word(12),
            requantisation: self.word(13),
        }
    }
}
