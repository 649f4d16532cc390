//! The chip's clocks.

use embassy_stm32::Config;
use embassy_stm32::rcc::{AHBPrescaler, APBPrescaler, Pll, PllMul, PllPDiv, PllPreDiv, PllRDiv, PllSource, Sysclk};

/// 96 MHz for the processor and 128 MHz for I2S, of which 1/125 is the bit clock of 16,000 samples a second.
///
/// Both come from the chip's own oscillator, so that the boards' crystals make no difference; it is within 1 % at 25 °C (data sheet
/// DS10314, characteristics of the HSI oscillator), which is little beside how voices differ.
pub fn settings() -> Config {
    let mut config = Config::default();
    config.rcc.hsi = true;
    config.rcc.pll_src = PllSource::HSI;
    // 16 MHz / 8 · 96 / 2
    config.rcc.pll =
        Some(Pll { prediv: PllPreDiv::DIV8, mul: PllMul::MUL96, divp: Some(PllPDiv::DIV2), divq: None, divr: None });
    // 16 MHz / 8 · 192 / 3
    config.rcc.plli2s =
        Some(Pll { prediv: PllPreDiv::DIV8, mul: PllMul::MUL192, divp: None, divq: None, divr: Some(PllRDiv::DIV3) });
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.ahb_pre = AHBPrescaler::DIV1;
    config.rcc.apb1_pre = APBPrescaler::DIV2;
    config.rcc.apb2_pre = APBPrescaler::DIV1;
    config
}
