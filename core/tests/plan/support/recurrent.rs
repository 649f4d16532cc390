//! GRU and LSTM once more, as their documentation defines them: unit by unit, in exact arithmetic.

use super::artifact::Artifact;
use super::reference::{half_even, scaled};
use earmark_core::engine::layout::pack_scale;
use earmark_core::engine::recurrent::{CURVE, Row, curves};
use earmark_core::model::format::word;
use earmark_core::model::{Recurrent, RecurrentKind, Tensor};

/// A recurrent layer as people write it down: of each unit and gate the weights of the inputs, those of the outputs, and the numbers.
#[derive(Debug, Clone)]
pub struct PlainRecurrent {
    pub kind: RecurrentKind,
    pub input: Tensor,
    pub output: Tensor,
    /// A row for each unit and gate.
    pub weights: Vec<[Vec<i8>; 2]>,
    /// Biases that are added to `Σ weight · (input − input zero point)` and to `Σ weight · output`, multipliers, shift.
    pub numbers: Vec<([i32; 2], [i32; 2], u32)>,
    pub cell_bits: u8,
    pub scale: f64,
}

impl PlainRecurrent {
    /// One with weights of all sizes.
    pub fn regular(kind: RecurrentKind, input: Tensor, output: Tensor) -> Self {
        let (inputs, units) = (usize::from(input.width) * input.channels as usize, output.channels as usize);
        let wave =
            |length: usize, start: usize| (0..length).map(|index| ((start + index) * 89 % 255) as u8 as i8).collect();
        let rows = kind.gates() * units;
        Self {
            kind,
            input,
            output,
            weights: (0..rows).map(|row| [wave(inputs, 31 * row), wave(units, 57 * row + 3)]).collect(),
            numbers: (0..rows as i32).map(|row| ([40 * row - 300, 20 - row], [60 + row, 140 - row], 8)).collect(),
            cell_bits: 12,
            scale: 1.0 / 300.0,
        }
    }

    /// Its record, whose data it appends to an artifact.
    pub fn op(&self, artifact: &mut Artifact, state: u32) -> Recurrent {
        let weights: Vec<i8> = self.weights.iter().flatten().flatten().copied().collect();
        let row = |([of_input, of_outputs], [weights, _]): ([i32; 2], &[Vec<i8>; 2]), multipliers, shift| {
            let sum: i32 = weights.iter().map(|&weight| i32::from(weight)).sum();
            let folded = of_input.wrapping_sub(sum * i32::from(self.input.zero_point));
            Row { biases: [folded, of_outputs], multipliers, shift }
        };
        let rows: Vec<Row> = self
            .numbers
            .iter()
            .zip(&self.weights)
            .map(|(&(biases, multipliers, shift), weights)| row((biases, weights), multipliers, shift))
            .collect();
        let record = Recurrent {
            kind: self.kind,
            input: self.input,
            output: self.output,
            state,
            carried: false,
            skipped: 0,
            weights: artifact.append(&weights),
            rows: artifact.append(&rows),
            curves: artifact.append(&curves().concat()),
            cell_bits: self.cell_bits,
            scale: pack_scale(self.scale).expect("a scale below 1"),
        };
        // No tensor reaches so far.
        let end = artifact.header[word::ARENA].max(record.state_range().end as u32);
        artifact.header[word::ARENA] = end;
        record
    }

    /// What it writes.
    pub fn run(&self, arena: &[i8]) -> Vec<i8> {
        let units = self.output.channels as usize;
        let values: Vec<i128> = arena[self.input.range()]
            .iter()
            .map(|&value| i128::from(value) - i128::from(self.input.zero_point))
            .collect();
        let (mut cells, mut outputs) = (vec![0i128; units], vec![0i128; units]);
        let mut all = Vec::new();
        for inputs in values.chunks(values.len() / usize::from(self.input.height)) {
            let former = outputs.clone();
            for unit in 0..units {
                let gate = |gate: usize, reset: Option<i128>| {
                    let row = unit * self.kind.gates() + gate;
                    let (biases, multipliers, shift) = self.numbers[row];
                    let [mut of_input, mut of_outputs] = biases.map(i128::from);
                    for (weight, input) in self.weights[row][0].iter().zip(inputs) {
                        of_input += i128::from(*weight) * input;
                    }
                    for (weight, output) in self.weights[row][1].iter().zip(&former) {
                        of_outputs += i128::from(*weight) * output;
                    }
                    let of_outputs = reset.map_or(of_outputs, |reset| half_even(of_outputs * reset, 1 << 15));
                    let sum = of_input * i128::from(multipliers[0]) + of_outputs * i128::from(multipliers[1]);
                    half_even(sum, 1 << shift).clamp(-32_768, 32_767)
                };
                let wide = match self.kind {
                    RecurrentKind::Gru => {
                        let [update, reset] = [0, 1].map(|index| sigmoid(gate(index, None)));
                        let candidate = tanh(gate(2, Some(reset)));
                        let mixed = half_even((32_768 - update) * candidate + update * cells[unit], 32_768);
                        cells[unit] = mixed.clamp(-32_768, 32_767);
                        cells[unit]
                    }
                    RecurrentKind::Lstm => {
                        let [input, output, forget] = [0, 1, 2].map(|index| sigmoid(gate(index, None)));
                        // Both terms in steps of 2^-30.
                        let kept = (forget * cells[unit]) << (15 - self.cell_bits);
                        let sum = kept + input * tanh(gate(3, None));
                        cells[unit] = half_even(sum, 1 << (30 - self.cell_bits)).clamp(-32_768, 32_767);
                        let in_gate_steps = half_even(cells[unit] << 12, 1 << self.cell_bits);
                        half_even(output * tanh(in_gate_steps.clamp(-32_768, 32_767)), 32_768)
                    }
                };
                let packed = pack_scale(self.scale).expect("a scale below 1");
                outputs[unit] = scaled(wide, packed).clamp(-128, 127);
            }
            all.push(outputs.iter().map(|&output| output as i8).collect::<Vec<_>>());
        }
        let first = all.len() - usize::from(self.output.height);
        all.split_off(first).concat()
    }
}

/// On a straight line between two of the table's values.
fn curve(table: &[i16; CURVE], x: i128) -> i128 {
    let index = (x / 128) as usize;
    let [low, high] = [index, (index + 1).min(CURVE - 1)].map(|index| i128::from(table[index]));
    (128 * low + (high - low) * (x % 128) + 64).div_euclid(128)
}

fn sigmoid(x: i128) -> i128 {
    let above = curve(&curves()[0], x.abs());
    if x < 0 { 32_768 - above } else { above }
}

fn tanh(x: i128) -> i128 {
    x.signum() * curve(&curves()[1], x.abs())
}
