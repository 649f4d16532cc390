//! Kernels with Arm's DSP instructions give the bits of the portable ones, on an emulated Cortex-M4: the random arguments are those of the
//! core's own test, sent by a file together with what they must give.

mod common;
mod firmware;
#[path = "../../core/tests/kernels/strategies.rs"]
mod strategies;

use std::path::Path;

use earmark_core::engine::kernels::{KernelSet, Kernels, Sum};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use strategies::{DepthwiseCase, ProductCase, RunsCase, Tables, bytes};

/// Random arguments of each kind.
const CASES: usize = 300;

/// Arguments of a kernel in the form that the firmware reads: words, little-endian. A kind; how many numbers and the numbers; how many
/// arrays and, for each, its length in bytes and the bytes, with zeros up to a whole word. The last array is what must come out.
#[derive(Default)]
struct Record {
    numbers: Vec<i64>,
    arrays: Vec<Vec<u8>>,
}

impl Record {
    fn numbers(&mut self, values: impl IntoIterator<Item = impl TryInto<i64>>) {
        self.numbers.extend(values.into_iter().map(|value| value.try_into().ok().expect("a small number")));
    }

    fn bytes(&mut self, values: &[i8]) {
        self.arrays.push(values.iter().map(|value| value.cast_unsigned()).collect());
    }

    fn tables(&mut self, tables: &Tables) {
        self.numbers([tables.zero_point, tables.clamp[0], tables.clamp[1]]);
        self.arrays.push(tables.biases.iter().flat_map(|bias| bias.to_le_bytes()).collect());
        self.arrays.push(tables.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect());
    }

    fn write(self, kind: u32, file: &mut Vec<u8>) {
        let mut word = |value: u32| file.extend(value.to_le_bytes());
        word(kind);
        word(self.numbers.len() as u32);
        self.numbers.iter().for_each(|&number| word(number as u32));
        word(self.arrays.len() as u32);
        for array in self.arrays {
            file.extend((array.len() as u32).to_le_bytes());
            file.extend(&array);
            file.resize(file.len().next_multiple_of(4), 0);
        }
    }
}

fn product(case: &ProductCase) -> Record {
    let mut record = Record::default();
    record.numbers([case.depth, case.channels, case.count, case.steps[0], case.steps[1]]);
    record.tables(&case.tables);
    record.bytes(&case.weights);
    record.bytes(&case.input);
    record.bytes(&case.run(KernelSet::Generic));
    record
}

fn runs(case: &RunsCase) -> Record {
    let mut record = Record::default();
    record.numbers([case.depth, case.channels, case.length, case.count, case.step]);
    record.numbers([case.grid, case.grid_steps].concat());
    record.tables(&case.tables);
    record.bytes(&case.weights);
    record.bytes(&case.input);
    record.bytes(&case.run(KernelSet::Generic));
    record
}

fn depthwise(case: &DepthwiseCase) -> Record {
    let mut record = Record::default();
    let window = case.window;
    record.numbers([window.kernel, window.stride, window.dilation, window.pad].concat());
    record.numbers([case.extent[0], case.extent[1], case.outputs[1], case.channels]);
    record.tables(&case.tables);
    record.bytes(&case.weights);
    record.bytes(&case.values);
    record.bytes(&case.padding);
    record.bytes(&case.run(KernelSet::Generic));
    record
}

fn sum((sum, a, b): &(Sum, Vec<i8>, Vec<i8>)) -> Record {
    let mut record = Record::default();
    record.numbers(sum.zero_points);
    record.numbers(sum.multipliers);
    record.numbers([sum.shift]);
    record.numbers([sum.zero_point, sum.clamp[0], sum.clamp[1]]);
    let mut output = vec![0; a.len()];
    KernelSet::Generic.sum(sum, a, b, &mut output);
    [a, b, &output].into_iter().for_each(|values| record.bytes(values));
    record
}

fn extremes(samples: &[i16]) -> Record {
    let mut record = Record::default();
    let found = KernelSet::Generic.extremes(samples);
    let bytes = |samples: &[i16]| samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>();
    record.arrays.push(bytes(samples));
    record.arrays.push([bytes(&[found.low, found.high]), found.sum.to_le_bytes().to_vec()].concat());
    record
}

#[test]
fn arm_dsp_kernels_give_the_bits_of_the_portable_ones() {
    let mut runner = TestRunner::deterministic();
    let mut file = Vec::new();
    for _ in 0..CASES {
        let mut write = |kind, record: Record| record.write(kind, &mut file);
        write(1, product(&strategies::product_case().new_tree(&mut runner).unwrap().current()));
        write(2, depthwise(&strategies::depthwise_case().new_tree(&mut runner).unwrap().current()));
        write(4, runs(&strategies::runs_case().new_tree(&mut runner).unwrap().current()));
        let slices = (0..=100usize).prop_flat_map(|length| (bytes(length), bytes(length)));
        let terms = (strategies::sum(), slices).prop_map(|(sum, (a, b))| (sum, a, b));
        write(3, sum(&terms.new_tree(&mut runner).unwrap().current()));
        let samples = proptest::collection::vec(proptest::num::i16::ANY, 0..=100);
        write(5, extremes(&samples.new_tree(&mut runner).unwrap().current()));
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels.bin");
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().expect("the target's folder has a path in UTF-8");
    for device in [&*firmware::KERNELS, &*firmware::KERNELS_ON_CORTEX_M33] {
        let output = firmware::run(device, &[path]);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {stdout}{stderr}", output.status);
        assert_eq!(stdout.trim(), format!("arm-dsp: {} cases", 5 * CASES));
    }
}
