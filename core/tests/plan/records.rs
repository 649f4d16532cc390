//! The operators' records: what is written is what is read, and reading never fails otherwise than by saying so.

use crate::support::cases::cases;
use earmark_core::model::{
    Addition, AveragePool, BlockCopy, Convolution, Element, Lookup, MAX_RECORD_WORDS, MaxPool, Multiplication, Op,
    Recurrent, RecurrentKind, RunningMean, Tensor, Window,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn tensor() -> impl Strategy<Value = Tensor> {
    let element = prop_oneof![Just(Element::Int8), Just(Element::Int16)];
    (any::<u32>(), any::<[u16; 2]>(), 0..1u32 << 23, any::<i8>(), element).prop_map(
        |(offset, [height, width], channels, zero_point, element)| Tensor {
            offset,
            height,
            width,
            channels,
            zero_point,
            element,
        },
    )
}

fn window() -> impl Strategy<Value = Window> {
    any::<[[u16; 2]; 4]>().prop_map(|[kernel, stride, dilation, pad]| Window { kernel, stride, dilation, pad })
}

fn op() -> impl Strategy<Value = Op> {
    let numbers = (any::<[i32; 2]>(), any::<u8>(), any::<[i8; 2]>(), any::<[u32; 3]>(), any::<bool>());
    ([tensor(), tensor(), tensor()], window(), numbers, any::<[[u32; 3]; 3]>(), 0..11u8).prop_map(
        |([first, second, output], window, (multipliers, shift, clamp, words, count_padding), corners, kind)| {
            let inputs = [first, second];
            let [groups, weights, requantisation] = words;
            let input = first;
            let convolution = Convolution { input, output, window, groups, clamp, weights, requantisation };
            let [multiplier, _] = multipliers;
            let [from, to, extent] = corners;
            match kind {
                0 => Op::Convolution(convolution),
                1 => Op::Depthwise(convolution),
                2 => Op::Lookup(Lookup { input, output, table: weights }),
                3 => Op::Add(Addition { inputs, output, multipliers, shift, clamp }),
                4 => Op::Multiply(Multiplication { inputs, output, multiplier, shift, clamp }),
                5 => Op::MaxPool(MaxPool { input, output, window }),
                6 => Op::AveragePool(AveragePool { input, output, window, count_padding, multiplier, shift }),
                7 => Op::RunningMean(RunningMean { input, output, state: weights, rows: groups, multiplier, shift }),
                8..=9 => Op::Recurrent(Recurrent {
                    kind: if kind == 8 { RecurrentKind::Gru } else { RecurrentKind::Lstm },
                    input,
                    output,
                    state: from[0],
                    carried: count_padding,
                    skipped: from[1],
                    weights,
                    rows: groups,
                    curves: requantisation,
                    cell_bits: shift,
                    scale: from[2],
                }),
                _ => Op::Copy(BlockCopy { input, output, from, to, extent }),
            }
        },
    )
}

fn encoded(op: &Op) -> Vec<u8> {
    let mut words = [0; MAX_RECORD_WORDS];
    let count = op.encode(&mut words);
    words[..count].iter().flat_map(|word| word.to_le_bytes()).collect()
}

proptest! {
    #![proptest_config(cases(1_000, 100_000))]

    #[test]
    fn what_is_written_is_read(ops in vec(op(), 1..6), before in 0..3usize) {
        let mut bytes = vec![0xEE; 4 * before];
        bytes.extend(ops.iter().flat_map(encoded));
        let mut at = 4 * before;
        for op in &ops {
            let Some((read, next)) = Op::decode(&bytes, at) else { return Err(TestCaseError::fail("a record is read")) };
            prop_assert_eq!(read, *op);
            at = next;
        }
        prop_assert_eq!(at, bytes.len());
        prop_assert_eq!(Op::decode(&bytes, at), None);
    }

    #[test]
    fn a_record_cut_short_is_none(op in op()) {
        let bytes = encoded(&op);
        for length in 0..bytes.len() {
            prop_assert_eq!(Op::decode(&bytes[..length], 0), None);
        }
    }

    #[test]
    fn any_bytes_are_a_record_or_none(mut bytes in vec(any::<u8>(), 0..100), kind in 0..12u8, length in 0..20u8, at in any::<usize>()) {
        if let [first, second, third, fourth, ..] = bytes.as_mut_slice() {
            (*first, *second, *third, *fourth) = (kind, 0, length, 0);
        }
        for at in [0, at % 100, at] {
            if let Some((_, next)) = Op::decode(&bytes, at) {
                prop_assert!(next > at && next <= bytes.len());
            }
        }
    }
}
