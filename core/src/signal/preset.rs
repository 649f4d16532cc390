//! What is known about microphones.

use core::str::FromStr;

use super::{DcBlocker, Gain};
use crate::Error;

/// A microphone whose signal earmark knows how to treat, as `--condition` names it.
///
/// Sources: the makers' data sheets, InvenSense DS-INMP441-00 revision 1.1 and Knowles SPH0645LM4H-B revision C.
///
/// ```
/// use earmark_core::signal::Preset;
/// assert_eq!("inmp441".parse(), Ok(Preset::Inmp441));
/// assert!("inmp".parse::<Preset>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Samples as they are: for files, sound cards and anything already conditioned.
    #[default]
    None,
    /// InvenSense INMP441: 24 bits, left-justified in slots of 32. Its first sample comes 2¹⁸ bit clocks after power-up, which at 64 clocks
    /// a sample is 4096 samples (256 ms at 16 kHz). Sensitivity −26 dBFS at 94 dB SPL, 1 kHz.
    Inmp441,
    /// Knowles SPH0645LM4H: 18 bits, left-justified in slots of 32, with a constant offset that users measure at some percent of full scale.
    /// Sensitivity −42 dBFS at 94 dB SPL, 1 kHz. Muted as long as the INMP441, for its offset to be found.
    Sph0645,
}

/// The steps of a [`Conditioner`](super::Conditioner), in their order.
///
/// ```
/// use earmark_core::signal::{Conditioning, Gain, Preset};
/// // An INMP441 that is spoken to from across the room.
/// let far = Conditioning { gain: Gain::times(16), ..Preset::Inmp441.conditioning(16_000) };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditioning {
    /// Takes out the constant part.
    pub dc_blocker: Option<DcBlocker>,
    /// Multiplies.
    pub gain: Gain,
    /// Samples after a start or reset that become zero; the steps before this one run over them.
    pub mute_samples: u32,
}

impl Conditioning {
    /// Leaves every sample as it is.
    pub const NONE: Self = Self { dc_blocker: None, gain: Gain::UNITY, mute_samples: 0 };
}

/// Samples until the INMP441 is awake: 2¹⁸ bit clocks, 64 of them a sample, as the data sheet prescribes.
const START_UP_SAMPLES: u32 = (1 << 18) / 64;

impl Preset {
    /// The names, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["none", "inmp441", "sph0645"];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The steps, for samples at a rate in Hz.
    ///
    /// The gains make speech equally loud: the SPH0645 is 16 dB less sensitive. With them an INMP441 clips at 108 dB SPL.
    #[must_use]
    pub const fn conditioning(self, sample_rate: u32) -> Conditioning {
        let gain = match self {
            Self::None => return Conditioning::NONE,
            Self::Inmp441 => Gain::times(4),
            Self::Sph0645 => Gain::times(25),
        };
        Conditioning { dc_blocker: Some(DcBlocker::near_20_hz(sample_rate)), gain, mute_samples: START_UP_SAMPLES }
    }
}

impl FromStr for Preset {
    type Err = Error;

    /// Accepts exactly the [`NAMES`](Self::NAMES); anything else is [`Error::PresetUnknown`].
    fn from_str(name: &str) -> Result<Self, Error> {
        let presets = [Self::None, Self::Inmp441, Self::Sph0645];
        presets.into_iter().find(|preset| preset.name() == name).ok_or(Error::PresetUnknown)
    }
}
