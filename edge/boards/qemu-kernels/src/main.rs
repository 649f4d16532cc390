//! Runs kernels on an emulated Cortex-M4F (QEMU's `mps2-an386`) and compares what they give with what they must give.
//!
//!     cargo run --release -- FILE
//!
//! For a Cortex-M33, run on `mps2-an505`: `RUSTFLAGS=-Ctarget-cpu=cortex-m33 cargo build --release --features dsp --target
//! thumbv8m.main-none-eabihf`.
//!
//! `edge/tests/kernels.rs` writes the file and says how. A line on stdout tells how many cases agreed; the first that does not ends the run
//! with an error.

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

#[path = "../../qemu-mps2-an386/src/fault.rs"]
mod fault;
mod record;

use cortex_m_rt::entry;
use earmark_core::engine::kernels::{
    DepthwiseFilter, DepthwiseInput, KernelSet, Kernels, Product, Requantisation, Rows, Runs, Sum,
};
use earmark_core::model::Window;
use earmark_simulation::die;
use earmark_simulation::semihosting::{Console, File, Outcome, command_line, exit};
use embedded_io::Write;

use record::{MEMORY, Record};

/// Longest output, in bytes.
const OUTPUT: usize = 32_768;

#[entry]
fn main() -> ! {
    static mut CASE: [u32; MEMORY] = [0; MEMORY];
    static mut RESULT: [i8; OUTPUT] = [0; OUTPUT];
    static mut SCRATCH: [i8; OUTPUT] = [0; OUTPUT];
    let mut buffer = [0; 1024];
    let path = command_line(&mut buffer).and_then(|line| line.split_once(' ')).map(|(_, path)| path);
    let Some(mut file) = path.and_then(|path| File::open(path).ok()) else {
        die(format_args!("usage: earmark-qemu-kernels FILE"))
    };
    let kernels = KernelSet::detect();
    let mut cases = 0;
    while let Some(record) = Record::read(&mut file, CASE) {
        let expected = record.expected();
        let output = &mut RESULT[..expected.len()];
        // What no kernel writes must not be what it should have written.
        output.fill(99);
        run(kernels, &record, output, SCRATCH);
        if let Some(at) = output.iter().zip(expected).position(|(found, expected)| found != expected) {
            let (kind, found, wanted) = (record.kind, output[at], expected[at]);
            die(format_args!(
                "case {cases}, kind {kind}, numbers {:?}: output {at} is {found}, not {wanted}",
                record.numbers
            ));
        }
        cases += 1;
    }
    match Console::stdout().map(|mut stdout| writeln!(stdout, "{}: {cases} cases", kernels.name())) {
        Ok(Ok(())) => exit(Outcome::Success),
        _ => die(format_args!("there is no console")),
    }
}

/// Computes a case.
fn run(kernels: KernelSet, record: &Record<'_>, output: &mut [i8], scratch: &mut [i8]) {
    let number = |index: usize| record.numbers[index];
    let size = |index: usize| number(index).cast_unsigned() as usize;
    let byte = |index: usize| number(index) as i8;
    let requantisation = |first: usize| Requantisation {
        biases: record.words(0),
        scales: record.words(1),
        zero_point: byte(first),
        clamp: [byte(first + 1), byte(first + 2)],
    };
    match record.kind {
        1 => {
            let product = Product {
                depth: size(0),
                weights: record.bytes(2),
                requantisation: requantisation(5),
                channels: size(1),
            };
            let (count, input_step, output_step) = (size(2), size(3), size(4));
            kernels.product(&product, Rows { input: record.bytes(3), input_step, output, output_step, count });
        }
        2 => {
            let pair = |first: usize| [number(first) as u16, number(first + 1) as u16];
            let filter = DepthwiseFilter {
                window: Window { kernel: pair(0), stride: pair(2), dilation: pair(4), pad: pair(6) },
                channels: size(11),
                weights: record.bytes(2),
                requantisation: requantisation(12),
            };
            let input = DepthwiseInput {
                values: record.bytes(3),
                height: size(8),
                width: size(9),
                padding: record.bytes(4),
                columns: size(10),
            };
            kernels.depthwise(&filter, &input, output);
        }
        3 => {
            let sum = Sum {
                zero_points: [byte(0), byte(1)],
                multipliers: [number(2), number(3)],
                shift: number(4).cast_unsigned(),
                zero_point: byte(5),
                clamp: [byte(6), byte(7)],
            };
            kernels.sum(&sum, record.bytes(0), record.bytes(1), output);
        }
        4 => {
            let product = Product {
                depth: size(0),
                weights: record.bytes(2),
                requantisation: requantisation(9),
                channels: size(1),
            };
            let (length, count, step) = (size(2), size(3), size(4));
            let (grid, grid_steps) = ([size(5), size(6)], [size(7), size(8)]);
            let runs = Runs { input: record.bytes(3), length, count, step, grid, grid_steps };
            kernels.runs(&product, &runs, output, scratch);
        }
        5 => {
            let samples = &record.words(0)[..record.bytes(0).len() / size_of::<i16>()];
            let found = kernels.extremes(samples);
            let (sum, values) = (found.sum.to_le_bytes(), [found.low.to_le_bytes(), found.high.to_le_bytes()]);
            let bytes = values.as_flattened().iter().chain(&sum);
            output.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte.cast_signed());
        }
        kind => die(format_args!("there is no kind {kind}")),
    }
}
