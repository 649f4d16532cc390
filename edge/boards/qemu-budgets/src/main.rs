//! Counts the instructions that parts of earmark take on an emulated Cortex-M4F (QEMU's `mps2-an386`). They are instructions, not cycles.
//!
//!     cargo run --release

#![no_std]
#![no_main]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod counter;
#[path = "../../qemu-mps2-an386/src/fault.rs"]
mod fault;

use cortex_m_rt::entry;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::frontend::conformance::TestSignal;
use earmark_core::frontend::{Framer, FrontEnd};
use earmark_core::model::{Memory, Model};
use earmark_edge::slots::{Channel, Decoder, from_24_in_32};
use earmark_simulation::die;
use earmark_simulation::semihosting::{Console, Outcome, exit};
use embedded_io::Write;

use counter::Counter;

earmark_core::include_model! {
    /// The shipped model.
    static COMMANDS, COMMANDS_SIZES = env!("EARMARK_MODEL");
}
earmark_core::include_model! {
    /// The keyword-spotting network of MLPerf Tiny.
    static DS_CNN, DS_CNN_SIZES = concat!(env!("OUT_DIR"), "/ds_cnn.ear");
}
earmark_core::include_model! {
    /// One of its 1×1 convolutions alone.
    static POINTWISE, POINTWISE_SIZES = concat!(env!("OUT_DIR"), "/pointwise.ear");
}
earmark_core::include_model! {
    /// One of its depthwise convolutions alone.
    static DEPTHWISE, DEPTHWISE_SIZES = concat!(env!("OUT_DIR"), "/depthwise.ear");
}
const MOST: usize = 32768;

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory<MOST> = Memory::new();
    match run(MEMORY.bytes()) {
        Ok(()) => exit(Outcome::Success),
        Err(error) => die(format_args!("{error}")),
    }
}

fn run(memory: &mut [u8]) -> Result<(), earmark_core::Error> {
    let counter = Counter::start();
    let mut stdout = Console::stdout().unwrap();
    let mut say = |name: &str, value: u32| { let _ = writeln!(stdout, "{name} = {value}"); };
    let model = Model::new(COMMANDS)?;
    let front_end = FrontEnd::new(model.front_end())?;
    {
        let mut samples = [0i16; 2048];
        let samples = &mut samples[..front_end.spec().window_length];
        for (s, v) in samples.iter_mut().zip(TestSignal::default().skip(1000)) { *s = v; }
        let mut scratch = [0f32; 2048];
        let mut features = [0f32; 128];
        let features = &mut features[..front_end.features()];
        let n = counter.instructions(|| front_end.frame(samples, &mut scratch, features).unwrap());
        say("frame", n);
    }
    for (name, artifact) in [("commands", COMMANDS), ("ds_cnn", DS_CNN), ("pointwise", POINTWISE), ("depthwise", DEPTHWISE)] {
        let model = Model::new(artifact)?;
        let macs: u64 = model.plan().map(|op| op.multiply_accumulates()).sum();
        let mut engine = PlanEngine::new(model, memory)?;
        let mut features = [0f32; 512];
        let features = &mut features[..model.features()];
        for frame in 0..model.frames() {
            for (i, f) in features.iter_mut().enumerate() { *f = ((frame * 7 + i * 3) % 17) as f32 - 12.0; }
            engine.push_frame(features)?;
        }
        let n = counter.instructions(|| { engine.quantised_outputs(); });
        say(name, n);
        say("  per mille", (u64::from(n) * 1000 / macs) as u32);
    }
    Ok(())
}
