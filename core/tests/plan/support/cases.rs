//! How many random cases a property is shown.

use proptest::test_runner::{Config, RngSeed};

/// `sample` cases, the same ones every time; `full` others where everything is to be proved (`./ci.sh --full`).
pub fn cases(sample: u32, full: u32) -> Config {
    if std::env::var_os("EARMARK_FULL").is_some() {
        Config::with_cases(full)
    } else {
        Config { rng_seed: RngSeed::Fixed(1), ..Config::with_cases(sample) }
    }
}
