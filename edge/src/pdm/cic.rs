//! The rest of the CIC filter: from a sum a byte to 64 kHz.

/// Moving sums in a row.
pub(super) const ORDER: usize = 5;

/// Full scale of what comes out: ±2²⁰.
pub(super) const SCALE_BITS: u32 = 20;

/// [`ORDER`] integrators, decimation by a small factor, [`ORDER`] differences. With the sums of eight bits that go in, that is a CIC filter
/// for eight times the factor.
///
/// Integrators overflow, which cancels in the differences: modulo 2³² everything is exact, and what comes out of a factor of at most 4
/// fits: (8 · 4)⁵ = 2²⁵.
#[derive(Debug, Clone)]
pub(super) struct Cic {
    factor: u8,
    /// Sums until the next value.
    left: u8,
    integrators: [i32; ORDER],
    differences: [i32; ORDER],
}

impl Cic {
    /// Decimates by `factor`: 2 or 4.
    pub(super) const fn new(factor: u8) -> Self {
        Self { factor, left: factor, integrators: [0; ORDER], differences: [0; ORDER] }
    }

    /// Takes a sum; gives a value every `factor` of them.
    pub(super) fn hear(&mut self, sum: i32) -> Option<i32> {
        let mut value = sum;
        for integrator in &mut self.integrators {
            *integrator = integrator.wrapping_add(value);
            value = *integrator;
        }
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        self.left = self.factor;
        for last in &mut self.differences {
            let difference = value.wrapping_sub(*last);
            *last = value;
            value = difference;
        }
        Some(self.scaled(value))
    }

    /// Rounds a value to [`SCALE_BITS`].
    const fn scaled(&self, value: i32) -> i32 {
        let shift = (3 + self.factor.ilog2()) * ORDER as u32 - SCALE_BITS;
        if shift == 0 { value } else { (value + (1 << (shift - 1))) >> shift }
    }
}
