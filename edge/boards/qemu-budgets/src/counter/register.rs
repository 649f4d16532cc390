//! On RISC-V: a register counts instructions, where each takes 1 ns of virtual time (`-icount shift=0`).

/// The register.
#[derive(Debug)]
pub struct Source;

impl Source {
    pub fn start() -> Self {
        Self
    }

    /// Counts up.
    #[inline(always)]
    pub fn value(&self) -> u32 {
        riscv::register::minstret::read() as u32
    }

    /// The instructions in which the value grows by so much.
    pub fn instructions(value: u32) -> u32 {
        value
    }
}
