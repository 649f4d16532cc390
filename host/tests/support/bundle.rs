//! Reading golden vectors: see `golden/ops/make.py` for the format, and `golden/calibrate/case.py` for that of answers in real numbers.

use std::path::Path;

/// One network, its inputs and what onnxruntime answered.
pub struct Case<T> {
    pub name: String,
    pub onnx: Vec<u8>,
    pub frames: usize,
    pub features: usize,
    pub outputs: usize,
    /// Quantised features, one window after another.
    pub inputs: Vec<i8>,
    /// Logits, one window after another.
    pub answers: Vec<T>,
}

/// The cases of a file.
pub fn read<T: bytemuck::Pod>(path: &Path) -> Vec<Case<T>> {
    let file = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rest = Reader(&file);
    let mut cases = Vec::new();
    while !rest.0.is_empty() {
        cases.push(case(&mut rest));
    }
    cases
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    fn number(&mut self) -> usize {
        u32::from_le_bytes(self.bytes(4).try_into().unwrap()) as usize
    }

    fn run(&mut self) -> &'a [u8] {
        let length = self.number();
        self.bytes(length)
    }
}

fn case<T: bytemuck::Pod>(rest: &mut Reader<'_>) -> Case<T> {
    let name = String::from_utf8(rest.run().to_vec()).unwrap();
    let onnx = rest.run().to_vec();
    let [frames, features, outputs, windows] = std::array::from_fn(|_| rest.number());
    let seed = u64::from_le_bytes(rest.bytes(8).try_into().unwrap());
    let inputs = (0..(windows * frames * features) as u64).map(|index| random_byte(seed, index)).collect();
    let answers = rest
        .bytes(windows * outputs * size_of::<T>())
        .chunks_exact(size_of::<T>())
        .map(bytemuck::pod_read_unaligned)
        .collect();
    Case { name, onnx, frames, features, outputs, inputs, answers }
}

/// SplitMix64, counted: `random_bytes` of `make.py`.
pub fn random_byte(seed: u64, index: u64) -> i8 {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 56) as i8
}
