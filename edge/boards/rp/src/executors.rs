//! The interrupts that run the tasks: capture before USB, USB before the loop in thread mode.
#![allow(unsafe_code)]

use earmark_edge::handover::Writer;
use earmark_firmware::BLOCK;
use embassy_executor::InterruptExecutor;
use embassy_rp::interrupt::{InterruptExt, Priority};
use embassy_rp::{Peri, interrupt, peripherals};

use crate::capture::{Wires, capture};
use crate::serial::serve;

static CAPTURE: InterruptExecutor = InterruptExecutor::new();
static USB: InterruptExecutor = InterruptExecutor::new();

/// An interrupt that no peripheral has.
#[interrupt]
unsafe fn SWI_IRQ_0() {
    // SAFETY: this is the executor's interrupt, and `start` enables it.
    unsafe { CAPTURE.on_interrupt() }
}

/// Another one.
#[interrupt]
unsafe fn SWI_IRQ_1() {
    // SAFETY: as above.
    unsafe { USB.on_interrupt() }
}

/// Starts both tasks, for ever.
pub fn start((wires, writer): (Wires, Writer<'static, i16, BLOCK>), usb: Peri<'static, peripherals::USB>) {
    interrupt::DMA_IRQ_0.set_priority(Priority::P0);
    interrupt::SWI_IRQ_0.set_priority(Priority::P1);
    interrupt::USBCTRL_IRQ.set_priority(Priority::P2);
    interrupt::SWI_IRQ_1.set_priority(Priority::P3);
    let spawner = CAPTURE.start(interrupt::SWI_IRQ_0);
    spawner.spawn(capture(wires, writer).expect("the task is spawned once"));
    let spawner = USB.start(interrupt::SWI_IRQ_1);
    spawner.spawn(serve(usb).expect("the task is spawned once"));
}
