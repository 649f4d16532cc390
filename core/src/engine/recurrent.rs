//! A step of a GRU or an LSTM in integers.
//!
//! A step takes a row of `inputs` bytes x and, of the step before, each unit's output h (a byte, with a zero point of 0) and cell (16 bits). Of
//! each unit and gate a row of weights, `inputs` for x and then `units` for h, gives two sums of products with the row's biases added:
//!
//! ```text
//! x part = bias[0] + Σ weight · x          h part = bias[1] + Σ weight · h
//! gate = clamp16(round((x part · multiplier[0] + h part · multiplier[1]) / 2^shift))
//! ```
//!
//! Gates count in steps of 2⁻¹² (they saturate at ±8), all that lies in −1..1 in steps of 2⁻¹⁵. Rows stand unit after unit, in a unit gate
//! after gate; the input's zero point is already subtracted in the bias. Every rounding is to the nearest, ties to even, but in curves.
//!
//! **GRU**, of update, reset and candidate; the cell is the output in more bits:
//!
//! ```text
//! candidate: h part = round(σ(reset) · h part / 2¹⁵)
//! cell = clamp16(round(((2¹⁵ − σ(update)) · tanh(candidate) + σ(update) · cell) / 2¹⁵))
//! h = clamp8(round(cell · scale))
//! ```
//!
//! **LSTM**, of input, output and forget gate and candidate; cells count in steps of 2^−`cell_bits`:
//!
//! ```text
//! cell = clamp16(round((σ(forget) · cell · 2^(15 − cell_bits) + σ(input) · tanh(candidate)) / 2^(30 − cell_bits)))
//! h = clamp8(round(round(σ(output) · tanh(cell) / 2¹⁵) · scale))
//! ```
//!
//! These are the equations of ONNX's operators GRU (`linear_before_reset = 1`) and LSTM with their default activations.
//!
//! **Curves.** The table of σ and that of tanh hold 257 values each, in steps of 2⁻¹⁵, for 0, 1/32 … 8. Between two of them a curve is a
//! straight line, rounded half up. Below 0 they follow from σ(−x) = 1 − σ(x) and tanh(−x) = −tanh(x).

use super::arithmetic::{requantise, shift_half_even};
use crate::model::RecurrentKind;

/// Values in the table of one curve.
pub const CURVE: usize = 257;
/// Bytes of the tables of both curves.
pub const CURVES: usize = 2 * CURVE * size_of::<i16>();
/// Fractional bits of what lies in −1..1.
const UNIT_BITS: u32 = 15;
/// One, in these.
const ONE: i32 = 1 << UNIT_BITS;
/// Fractional bits of gates before their curve.
const GATE_BITS: u32 = 12;

/// The numbers of one row of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Row {
    /// Added to the products of the inputs, and to those of the former outputs.
    pub biases: [i32; 2],
    /// Fixed-point factors from the two sums to the gate's steps.
    pub multipliers: [i32; 2],
    /// Binary places of the factors; 0..=62.
    pub shift: u32,
}

/// Fills the tables of both curves, for a compiler to put into an artifact.
#[must_use]
pub fn curves() -> [[i16; CURVE]; 2] {
    let table = |curve: fn(f64) -> f64| {
        core::array::from_fn(|index| {
            let steps = libm::rint(curve(index as f64 / 32.0) * f64::from(ONE));
            if steps < f64::from(i16::MAX) { steps as i16 } else { i16::MAX }
        })
    };
    [table(|x| 1.0 / (1.0 + libm::exp(-x))), table(libm::tanh)]
}

/// What does not change from step to step.
#[derive(Debug, Clone, Copy)]
pub struct Recurrence<'m> {
    /// What each step computes.
    pub kind: RecurrentKind,
    /// Values of a step's input.
    pub inputs: usize,
    /// Number of units.
    pub units: usize,
    /// Rows of `inputs + units` weights, [`RecurrentKind::gates`] a unit.
    pub weights: &'m [i8],
    /// One a row of weights.
    pub rows: &'m [Row],
    /// The tables of both curves; if they are of another length, nothing is computed.
    pub curves: &'m [i16],
    /// Fractional bits of an LSTM's cells; 0..=15.
    pub cell_bits: u8,
    /// Packed factor from what is computed, in steps of 2⁻¹⁵, to the output's bytes: see [`layout`](super::layout).
    pub scale: u32,
}

impl Recurrence<'_> {
    /// Takes a step. `state` holds the cells, 16 bits little-endian each, and behind them the outputs, which it leaves in `next`, too; all zeros
    /// before the first step. Buffers of other lengths are never a panic: what does not fit is left out.
    pub fn step(&self, input: &[i8], state: &mut [i8], next: &mut [i8]) {
        let Some((cells, outputs)) = state.split_at_mut_checked(2 * self.units) else { return };
        let Some(curves) = Curves::of(self.curves) else { return };
        let gates = self.kind.gates();
        let row = (self.inputs + self.units).max(1);
        let units = self.weights.chunks_exact(gates * row).zip(self.rows.chunks_exact(gates));
        for (((weights, rows), cell), next) in units.zip(cells.as_chunks_mut::<2>().0).zip(next.iter_mut()) {
            let sums = |gate: usize| {
                let weights = weights.get(gate * row..).unwrap_or(&[]);
                let (of_input, of_outputs) = weights.split_at_checked(self.inputs).unwrap_or_default();
                rows.get(gate).map_or((0, 0, EMPTY), |row| {
                    let sums = (sum(row.biases[0], of_input, input), sum(row.biases[1], of_outputs, outputs));
                    (sums.0, sums.1, *row)
                })
            };
            let before = i32::from(i16::from_le_bytes(cell.map(i8::cast_unsigned)));
            let (after, output) = match self.kind {
                RecurrentKind::Gru => gru(&curves, sums, before),
                RecurrentKind::Lstm => lstm(&curves, sums, before, self.cell_bits),
            };
            *cell = after.to_le_bytes().map(u8::cast_signed);
            *next = requantise(output, self.scale).clamp(i8::MIN.into(), i8::MAX.into()) as i8;
        }
        outputs.iter_mut().zip(next).for_each(|(output, next)| *output = *next);
    }
}

/// Stands for a row that is not there.
const EMPTY: Row = Row { biases: [0; 2], multipliers: [0; 2], shift: 0 };

fn sum(bias: i32, weights: &[i8], values: &[i8]) -> i32 {
    let products = weights.iter().zip(values).map(|(&weight, &value)| i32::from(weight) * i32::from(value));
    products.fold(bias, i32::wrapping_add)
}

/// A gate before its curve.
fn gate((of_input, of_outputs, row): (i32, i32, Row)) -> i32 {
    let [first, second] = row.multipliers.map(i64::from);
    let exact = (i64::from(of_input) * first).saturating_add(i64::from(of_outputs) * second);
    clamped(shift_half_even(exact, row.shift)).into()
}

fn clamped(value: i64) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// The new cell of a unit, and its output.
fn gru(curves: &Curves<'_>, sums: impl Fn(usize) -> (i32, i32, Row), cell: i32) -> (i16, i32) {
    let update = i64::from(curves.sigmoid(gate(sums(0))));
    let reset = i64::from(curves.sigmoid(gate(sums(1))));
    let (of_input, of_outputs, row) = sums(2);
    // A reset gate of a valid table is below 1, so that this stays within 32 bits.
    let of_outputs = shift_half_even(i64::from(of_outputs) * reset, UNIT_BITS) as i32;
    let candidate = i64::from(curves.tanh(gate((of_input, of_outputs, row))));
    let exact = (i64::from(ONE) - update) * candidate + update * i64::from(cell);
    let cell = clamped(shift_half_even(exact, UNIT_BITS));
    (cell, cell.into())
}

/// The new cell of a unit, and its output.
fn lstm(curves: &Curves<'_>, sums: impl Fn(usize) -> (i32, i32, Row), cell: i32, cell_bits: u8) -> (i16, i32) {
    let bits = u32::from(cell_bits).min(UNIT_BITS);
    let [input, output, forget] = [0, 1, 2].map(|index| i64::from(curves.sigmoid(gate(sums(index)))));
    let candidate = i64::from(curves.tanh(gate(sums(3))));
    let exact = ((forget * i64::from(cell)) << (UNIT_BITS - bits)) + input * candidate;
    let cell = clamped(shift_half_even(exact, 2 * UNIT_BITS - bits));
    let wide = i64::from(cell) << (UNIT_BITS - bits);
    let seen = curves.tanh(clamped(shift_half_even(wide, UNIT_BITS - GATE_BITS)).into());
    (cell, shift_half_even(output * i64::from(seen), UNIT_BITS) as i32)
}

/// The two curves.
struct Curves<'m> {
    sigmoid: &'m [i16; CURVE],
    tanh: &'m [i16; CURVE],
}

impl<'m> Curves<'m> {
    fn of(tables: &'m [i16]) -> Option<Self> {
        let (sigmoid, tanh) = tables.split_at_checked(CURVE)?;
        Some(Self { sigmoid: sigmoid.try_into().ok()?, tanh: tanh.try_into().ok()? })
    }

    fn sigmoid(&self, x: i32) -> i32 {
        let value = along(self.sigmoid, x);
        if x < 0 { ONE - value } else { value }
    }

    fn tanh(&self, x: i32) -> i32 {
        let value = along(self.tanh, x);
        if x < 0 { -value } else { value }
    }
}

/// A curve at |x|; x is a gate.
fn along(table: &[i16; CURVE], x: i32) -> i32 {
    const STEP_BITS: u32 = 7;
    let magnitude = x.unsigned_abs();
    let (index, part) = ((magnitude >> STEP_BITS) as usize, (magnitude % (1 << STEP_BITS)) as i32);
    let value = |index: usize| table.get(index).copied().map_or(0, i32::from);
    let low = value(index);
    let rise = if part > 0 { value(index + 1) - low } else { 0 };
    low + ((rise * part + (1 << (STEP_BITS - 1))) >> STEP_BITS)
}

#[cfg(test)]
mod tests {
    use super::{CURVE, Curves, curves};

    #[test]
    fn curves_are_near_what_they_stand_for() {
        let [sigmoid, tanh] = curves();
        assert_eq!([sigmoid[0], tanh[0], tanh[CURVE - 1]], [1 << 14, 0, i16::MAX]);
        let curves = Curves { sigmoid: &sigmoid, tanh: &tanh };
        for x in i32::from(i16::MIN)..=i32::from(i16::MAX) {
            let real = f64::from(x) / 4096.0;
            let off = |steps: i32, exact: f64| (f64::from(steps) - exact * 32768.0).abs();
            // A straight line over 1/32 is off by at most the second derivative's greatest value (0.097 and 0.77) · 1/32² / 8.
            assert!(off(curves.sigmoid(x), 1.0 / (1.0 + libm::exp(-real))) < 1.4, "{x}");
            assert!(off(curves.tanh(x), libm::tanh(real)) < 4.1, "{x}");
        }
    }
}
