//! The microphone's side: PDM by DMA, and the task that hands the samples over.
#![allow(unsafe_code)]

use earmark_edge::handover::Writer;
use earmark_firmware::BLOCK;
use embassy_executor::InterruptExecutor;
use embassy_nrf::interrupt::{InterruptExt, Priority};
use embassy_nrf::pdm::{Config, Frequency, InterruptHandler, Pdm, Ratio, SamplerState};
use embassy_nrf::{Peri, bind_interrupts, interrupt, peripherals};

bind_interrupts!(struct Interrupts {
    PDM => InterruptHandler<peripherals::PDM>;
});

/// What the microphone is wired to.
pub struct Wires {
    pub pdm: Peri<'static, peripherals::PDM>,
    pub clock: Peri<'static, peripherals::P0_26>,
    pub data: Peri<'static, peripherals::P0_27>,
}

static EXECUTOR: InterruptExecutor = InterruptExecutor::new();

/// An interrupt for software's own use; it runs the task.
#[interrupt]
unsafe fn EGU0_SWI0() {
    // SAFETY: this is the executor's interrupt, and `start` enables it.
    unsafe { EXECUTOR.on_interrupt() }
}

/// Starts to capture, for ever.
pub fn start(wires: Wires, writer: Writer<'static, i16, BLOCK>) {
    // Below the peripheral's own interrupt, above the loop.
    interrupt::EGU0_SWI0.set_priority(Priority::P6);
    let spawner = EXECUTOR.start(interrupt::EGU0_SWI0);
    spawner.spawn(capture(wires, writer).expect("the task is spawned once"));
}

#[embassy_executor::task]
async fn capture(wires: Wires, mut writer: Writer<'static, i16, BLOCK>) {
    let Wires { pdm, clock, data } = wires;
    // 32 MHz / 25, and 80 bits a sample: 16 kHz.
    let settings = Config { frequency: Frequency::_1280k, ratio: Ratio::Ratio80, ..Config::default() };
    let mut pdm = Pdm::new(pdm, Interrupts, clock, data, settings);
    let mut halves = [[0; BLOCK]; 2];
    let hand_over = |block: &[i16; BLOCK]| {
        writer.push(*block);
        SamplerState::Sampled
    };
    // It ends when it is told to, which is never.
    let _ = pdm.run_task_sampler(&mut halves, hand_over).await;
}
