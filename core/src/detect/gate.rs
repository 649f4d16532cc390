//! Telling silence from sound by its energy.

/// Settings of a [`Gate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// How far a block's energy must lie above the noise floor for the gate to open, in decibels, 0 to 40; outside it counts as the nearer of
    /// the two. With not-a-number any sound opens it.
    pub margin_db: f32,
    /// Time for which it stays open after the last such block, in milliseconds. With the length of the model's window or more, all that the
    /// network remembers is silence when the gate closes.
    pub hangover_ms: u32,
}

impl GateSettings {
    /// A margin of 6 dB, and open for a window of `window_ms` after the last sound.
    #[must_use]
    pub const fn for_window(window_ms: u32) -> Self {
        Self { margin_db: 6.0, hangover_ms: window_ms }
    }
}

/// Opens when there is more than background noise, and closes a while after.
///
/// It takes the variance of blocks of samples, so an offset does not count as sound. The noise floor is the least variance of late: it
/// follows a drop at once and rises by a factor of e in [`FLOOR_RISE_MS`](Self::FLOOR_RISE_MS), so that after a few seconds a fan that was
/// switched on is background. It is never taken for less than the variance of one unit of the sample's scale, so digital silence keeps the
/// gate closed. The gate is open for the hang-over after a start. All integers: the same decisions on every target.
///
/// ```
/// use earmark_core::detect::{Gate, GateSettings};
///
/// let mut gate = Gate::new(&GateSettings { margin_db: 6.0, hangover_ms: 100 }, 16_000, 160);
/// let (quiet, loud) = ([[3, -3]; 80], [[300, -300]; 80]);
/// let mut opens = |block: &[[i16; 2]]| gate.block(block.as_flattened());
/// assert!((0..10).all(|_| opens(&quiet)), "the hang-over");
/// assert!(!opens(&quiet));
/// assert!(opens(&loud) && opens(&quiet));
/// ```
#[derive(Debug, Clone)]
pub struct Gate {
    /// The margin as a ratio of variances, times 2⁸.
    margin: u64,
    /// Blocks that the gate stays open after a loud one, and those that are left of them.
    hangover: u32,
    left: u32,
    /// The variance taken for noise, times 2¹⁶, and the part of it by which it rises a block, times 2¹⁶.
    floor: u64,
    rise: u64,
}

/// The least noise floor: a variance of 1.
const LEAST_FLOOR: u64 = 1 << 16;

impl Gate {
    /// Milliseconds in which the noise floor rises by a factor of e at most, which is 1.4 dB a second.
    pub const FLOOR_RISE_MS: u32 = 3_000;

    /// Sets up a gate for blocks of `block_samples` at a rate in Hz.
    #[must_use]
    pub fn new(settings: &GateSettings, sample_rate: u32, block_samples: usize) -> Self {
        let block = block_samples.max(1) as u64;
        let blocks =
            |ms: u32| (u64::from(ms) * u64::from(sample_rate) / 1_000).div_ceil(block).clamp(1, u32::MAX.into());
        let decibels = settings.margin_db.clamp(0.0, 40.0);
        let margin = libm::expf(decibels * (core::f32::consts::LN_10 / 10.0)) * 256.0;
        let hangover = blocks(settings.hangover_ms) as u32;
        Self {
            // Not-a-number becomes 0, at which any sound opens the gate.
            margin: margin as u64,
            hangover,
            left: hangover,
            floor: u64::MAX,
            rise: ((1 << 16) / blocks(Self::FLOOR_RISE_MS)).max(1),
        }
    }

    /// Takes a block and says whether the gate is open for it. An empty block is silence.
    pub fn block(&mut self, samples: &[i16]) -> bool {
        let variance = variance(samples);
        self.floor = self.floor.saturating_add((self.floor >> 16) * self.rise).min(variance).max(LEAST_FLOOR);
        let is_loud = variance > (self.floor >> 8) * self.margin;
        let is_open = is_loud || self.left > 0;
        self.left = if is_loud { self.hangover } else { self.left.saturating_sub(1) };
        is_open
    }

    /// Forgets the noise floor and opens for the hang-over.
    pub const fn reset(&mut self) {
        self.left = self.hangover;
        self.floor = u64::MAX;
    }
}

/// The variance of samples, times 2¹⁶.
fn variance(samples: &[i16]) -> u64 {
    let count = samples.len().max(1) as u64;
    let (mut sum, mut squares) = (0_i64, 0_u64);
    for &sample in samples {
        sum += i64::from(sample);
        squares += u64::from(sample.unsigned_abs()).pow(2);
    }
    // Around a whole number next to the mean: less than one unit above the variance itself.
    let mean = sum / count as i64;
    let around_mean = squares as i64 - 2 * mean * sum + count as i64 * mean * mean;
    (((around_mean.max(0) as u64) << 8) / count) << 8
}
