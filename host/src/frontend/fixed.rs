//! A front end's tables in integers.

use earmark_core::frontend::fixed::{
    FixedTables, LOG_FRACTION, MAX_FLOOR, MAX_OFFSET, MAX_SHIFT, MAX_WEIGHT, Quantiser, WINDOW_FRACTION,
};
use earmark_core::frontend::{Arithmetic, ClipSettings, Compression, Features, FrontEndSpec, Spectrum};
use earmark_core::model::Quantisation;

use crate::Error;

/// Tables for [`Arithmetic::Fixed`], made of those for floating point.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedFrontEnd {
    window: Vec<i32>,
    mel_weights: Vec<u16>,
    floor: u64,
    shift: u32,
    quantisers: Vec<Quantiser>,
    output: Quantisation,
}

impl FixedFrontEnd {
    /// Makes integers of the tables in `spec`, for features that are quantised by `output`.
    ///
    /// # Errors
    /// [`Error::Core`] with [`FixedFrontEnd`](earmark_core::Error::FixedFrontEnd) for settings that only floating point has, and with
    /// [`FrontEndOverflow`](earmark_core::Error::FrontEndOverflow) for numbers that no integers here can hold.
    pub fn new(spec: &FrontEndSpec<'_>, output: Quantisation) -> Result<Self, Error> {
        spec.check()?;
        let only = |accepted, setting, allowed| {
            if accepted { Ok(()) } else { Err(earmark_core::Error::FixedFrontEnd { setting, allowed }) }
        };
        only(spec.features == Features::LogMel, "features", "log-mel, without mfcc_coefficients")?;
        only(spec.spectrum == Spectrum::Power, "spectrum", "power")?;
        only(spec.clip == ClipSettings::NONE, "center, peak, top_db and reference", "none")?;
        only(spec.window.iter().all(|x| x.abs() <= 1.0), "window", "coefficients from -1 to 1")?;

        // Of a peak of 1, the nearest below it stands for it.
        let unit = f64::from(1_u32 << WINDOW_FRACTION);
        let window = spec.window.iter().map(|&x| (f64::from(x) * unit).round().min(unit - 1.0) as i32).collect();
        let heaviest = spec.mel_weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let weight_unit = f64::from(MAX_WEIGHT) / f64::from(heaviest);
        let mel_weights = spec.mel_weights.iter().map(|&x| (f64::from(x) * weight_unit).round() as u16).collect();

        // A band's sum in units of what the floating-point one is in.
        let points = spec.fft_length as f64;
        let unit = f64::from(spec.pcm_scale).powi(2) * points.powi(2) / f64::from(1 << 18) / weight_unit;
        let floor = (f64::from(spec.floor) / unit).round().max(1.0);
        // An octave of power, and a sum of 1, before normalisation.
        let octave = match spec.compression {
            Compression::LnPlus | Compression::LnMax => std::f64::consts::LN_2,
            Compression::DecibelMax => 10.0 * std::f64::consts::LOG10_2,
        };
        let one = octave * unit.log2();
        let of = |table: &[f32], feature: usize, missing| table.get(feature).map_or(missing, |&x| f64::from(x));
        let steps: Vec<(f64, f64)> = (0..spec.feature_count())
            .map(|feature| {
                let scale = of(spec.scale, feature, 1.0) / f64::from(output.scale);
                let offset = of(spec.offset, feature, 0.0);
                (octave * scale, (one + offset) * scale + f64::from(output.zero_point))
            })
            .collect();
        // As many fractional bits as all of them have room for.
        let fits = |&shift: &u32| {
            let unit = f64::from(1_u32 << shift);
            steps.iter().all(|(octave, one)| {
                (octave * unit).abs() < f64::from(i16::MAX) && (one.abs() + 1.0) * unit < f64::from(MAX_OFFSET)
            })
        };
        let shift = (0..=MAX_SHIFT).rev().find(fits).ok_or(earmark_core::Error::FrontEndOverflow)?;
        if floor >= MAX_FLOOR as f64 {
            return Err(earmark_core::Error::FrontEndOverflow.into());
        }
        let scale = f64::from(1_u32 << shift);
        let quantisers = steps
            .iter()
            .map(|(octave, one)| {
                let multiplier = (octave * scale).round();
                // The rounded multiplier is exact where logarithms are in the middle of what 64 bits hold.
                let middle = f64::from(u64::BITS / 2);
                let offset = (one + 0.5) * scale + (octave * scale - multiplier) * middle;
                Quantiser { multiplier: multiplier as i32, offset: offset.round() as i32 }
            })
            .collect();
        debug_assert_eq!(LOG_FRACTION, 16, "a quantiser's multiplier is that of an octave");
        Ok(Self { window, mel_weights, floor: floor as u64, shift, quantisers, output })
    }

    /// The same front end as `spec`, in integers. [`FrontEndSpec::check`] accepts it.
    #[must_use]
    pub fn spec<'a>(&'a self, spec: FrontEndSpec<'a>) -> FrontEndSpec<'a> {
        let arithmetic = Arithmetic::Fixed(FixedTables {
            window: &self.window,
            mel_weights: &self.mel_weights,
            floor: self.floor,
            shift: self.shift,
            quantisers: &self.quantisers,
            output: self.output,
        });
        FrontEndSpec { arithmetic, window: &[], mel_weights: &[], offset: &[], scale: &[], ..spec }
    }
}
