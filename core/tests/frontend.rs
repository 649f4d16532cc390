//! The front end on any samples, in any chunks, and with specs that make no sense.

use earmark_core::Error;
use earmark_core::frontend::conformance::{self, TestSignal};
use earmark_core::frontend::fixed::{FixedTables, Quantiser};
use earmark_core::frontend::{
    Arithmetic, ClipSettings, Compression, Features, Framer, FrontEnd, FrontEndSpec, MelBand, Spectrum,
};
use earmark_core::model::Quantisation;
use proptest::prelude::*;

/// Tables for any sizes: a Hann window, bands of equal width that overlap by half, and an orthonormal DCT-II.
struct Tables {
    window: Vec<f32>,
    bands: Vec<MelBand>,
    weights: Vec<f32>,
    dct: Vec<f32>,
    fft_length: usize,
    hop_length: usize,
}

impl Tables {
    fn new(window_length: usize, hop_length: usize, bands: usize, coefficients: usize) -> Self {
        let pi = std::f32::consts::PI;
        let fft_length = window_length.next_power_of_two().max(32);
        let bins = (fft_length / 2 + 1) / bands;
        let dct =
            |k: usize, b: usize| (pi * k as f32 * (b as f32 + 0.5) / bands as f32).cos() * (2.0 / bands as f32).sqrt();
        Self {
            window: (0..window_length)
                .map(|i| 0.5 - 0.5 * (2.0 * pi * i as f32 / window_length as f32).cos())
                .collect(),
            bands: (0..bands).map(|b| MelBand { first_bin: (b * bins) as u16, bins: bins as u16 }).collect(),
            weights: (0..bands * bins).map(|i| (i % bins + 1) as f32 / bins as f32).collect(),
            dct: (0..coefficients * bands).map(|i| dct(i / bands, i % bands)).collect(),
            fft_length,
            hop_length,
        }
    }

    fn spec(&self) -> FrontEndSpec<'_> {
        FrontEndSpec {
            sample_rate: 16_000,
            window_length: self.window.len(),
            hop_length: self.hop_length,
            fft_length: self.fft_length,
            features: if self.dct.is_empty() { Features::LogMel } else { Features::Mfcc },
            spectrum: Spectrum::Power,
            compression: Compression::LnPlus,
            floor: 1e-6,
            pcm_scale: 1.0 / 32_768.0,
            arithmetic: Arithmetic::Float,
            window: &self.window,
            mel_bands: &self.bands,
            mel_weights: &self.weights,
            dct: &self.dct,
            offset: &[],
            scale: &[],
            clip: ClipSettings::NONE,
        }
    }
}

/// The bit patterns of all features of the frames in `chunks`.
fn features<'a>(spec: FrontEndSpec<'_>, chunks: impl IntoIterator<Item = &'a [i16]>) -> Vec<u32> {
    let front_end = FrontEnd::new(spec).expect("a good spec");
    let mut memory = vec![0; spec.window_length];
    let mut framer = Framer::new(&mut memory, spec.hop_length).expect("a good spec");
    let mut scratch = vec![f32::NAN; front_end.scratch_len()];
    let mut features = vec![f32::NAN; front_end.features()];
    let mut all = Vec::new();
    for chunk in chunks {
        let mut rest = chunk;
        while let Some(frame) = framer.next_frame(&mut rest) {
            front_end.frame(frame, &mut scratch, &mut features).expect("buffers of the right lengths");
            assert!(features.iter().all(|x| x.is_finite()), "{features:?}");
            all.extend(features.iter().map(|x| x.to_bits()));
        }
        assert!(rest.is_empty());
    }
    all
}

#[test]
fn the_host_computes_the_bits_of_every_target() {
    assert_eq!(conformance::front_end(), Ok(conformance::FRONT_END));
}

#[test]
fn every_fft_length_finds_a_tone_where_it_is() {
    for fft_length in [32, 64, 128, 256, 512, 1024, 2048] {
        // A rectangular window and a band for each bin make the features the spectrum itself.
        let tables = Tables::new(fft_length, fft_length, fft_length / 2 + 1, 0);
        let bin = fft_length / 8 + 1;
        let step = std::f64::consts::TAU * bin as f64 / fft_length as f64;
        let tone: Vec<i16> = (0..fft_length).map(|i| ((i as f64 * step).cos() * 16_384.0).round() as i16).collect();
        let spec = FrontEndSpec { spectrum: Spectrum::Magnitude, window: &vec![1.0; fft_length], ..tables.spec() };
        for (k, bits) in features(spec, [&tone[..]]).into_iter().enumerate() {
            // |X| of a cosine of amplitude 1/2 is a quarter of the FFT length at its bin and 0 elsewhere; rounding the
            // samples adds a little everywhere.
            let magnitude = f32::from_bits(bits).exp();
            let expected = if k == bin { fft_length as f32 / 4.0 } else { 0.0 };
            assert!((magnitude - expected).abs() < 0.02, "{fft_length} points, bin {k}: {magnitude}");
        }
    }
}

#[test]
fn dc_and_half_the_sample_rate_have_bins_of_their_own() {
    let tables = Tables::new(64, 64, 33, 0);
    let flat = vec![1.0; 64];
    let spec = FrontEndSpec { window: &flat, compression: Compression::LnMax, ..tables.spec() };
    let of = |samples: &[i16]| features(spec, [samples]).into_iter().map(f32::from_bits).collect::<Vec<_>>();
    let dc = of(&[16_384; 64]);
    let alternating: Vec<i16> = (0..64).map(|i| if i % 2 == 0 { 16_384 } else { -16_384 }).collect();
    let nyquist = of(&alternating);
    // The power of 64 samples of 1/2 in one bin is 32².
    let (loud, silent) = (1_024_f32.ln(), 1e-6_f32.ln());
    assert!((dc[0] - loud).abs() < 1e-5 && dc[1..].iter().all(|&x| x == silent), "{dc:?}");
    assert!((nyquist[32] - loud).abs() < 1e-5 && nyquist[..32].iter().all(|&x| x == silent), "{nyquist:?}");
}

#[test]
fn each_compression_is_its_formula() {
    let tables = Tables::new(32, 32, 1, 0);
    let sum = |samples: &[i16]| {
        let spec = FrontEndSpec { compression: Compression::LnMax, floor: f32::MIN_POSITIVE, ..tables.spec() };
        f32::from_bits(features(spec, [samples])[0]).exp()
    };
    let one = |compression, floor, samples: &[i16]| {
        f32::from_bits(features(FrontEndSpec { compression, floor, ..tables.spec() }, [samples])[0])
    };
    let samples: Vec<i16> = TestSignal::default().take(32).collect();
    let x = sum(&samples);
    for (got, expected) in [
        (one(Compression::LnPlus, 0.5, &samples), (x + 0.5).ln()),
        (one(Compression::LnMax, 1e-3, &samples), x.ln()),
        (one(Compression::DecibelMax, 1e-3, &samples), 10.0 * x.log10()),
        (one(Compression::LnPlus, 0.5, &[0; 32]), 0.5_f32.ln()),
        (one(Compression::LnMax, 1e-3, &[0; 32]), 1e-3_f32.ln()),
        (one(Compression::DecibelMax, 1e-3, &[0; 32]), -30.0),
    ] {
        assert!((got - expected).abs() < 1e-4, "{got} is not {expected}");
    }
}

#[test]
fn offset_and_scale_normalise_each_feature() {
    let tables = Tables::new(64, 64, 3, 0);
    let samples: Vec<i16> = TestSignal::default().take(64).collect();
    let of = |spec| features(spec, [&samples[..]]).into_iter().map(f32::from_bits).collect::<Vec<_>>();
    let plain = of(tables.spec());
    let normalised = of(FrontEndSpec { offset: &[1.0, 2.0, 3.0], scale: &[0.5, 0.25, -1.0], ..tables.spec() });
    let expected = [(plain[0] + 1.0) * 0.5, (plain[1] + 2.0) * 0.25, -(plain[2] + 3.0)];
    assert_eq!(normalised, expected);
}

#[test]
fn a_reset_framer_starts_at_sample_zero_again() {
    for hop_length in [1, 3, 4, 9] {
        let mut memory = [0; 4];
        let mut framer = Framer::new(&mut memory, hop_length).unwrap();
        for used in 0..12 {
            let mut samples = &vec![7; used][..];
            while framer.next_frame(&mut samples).is_some() {}
            framer.reset();
            assert_eq!(framer.next_frame(&mut &[1, 2, 3, 4, 5][..]), Some(&[1, 2, 3, 4][..]));
            framer.reset();
        }
    }
}

#[test]
fn each_fault_of_a_spec_has_its_error() {
    let tables = Tables::new(400, 160, 40, 13);
    let good = tables.spec();
    assert_eq!(good.check(), Ok(()));
    let nan = vec![f32::NAN; 400];
    let huge = vec![1e30; 400];
    let beyond = vec![MelBand { first_bin: 250, bins: 8 }; 40];
    let setting = |spec: FrontEndSpec<'_>| match spec.check() {
        Err(Error::FrontEndSetting { setting, .. }) => setting,
        other => panic!("{other:?}"),
    };
    let table = |spec: FrontEndSpec<'_>| match spec.check() {
        Err(Error::FrontEndTable { table, .. }) => table,
        other => panic!("{other:?}"),
    };
    let number = |spec: FrontEndSpec<'_>| match spec.check() {
        Err(Error::FrontEndNumber { table, .. }) => table,
        other => panic!("{other:?}"),
    };
    assert_eq!(setting(FrontEndSpec { sample_rate: 0, ..good }), "sample_rate");
    for fft_length in [0, 16, 384, 4096, usize::MAX] {
        assert_eq!(setting(FrontEndSpec { fft_length, ..good }), "fft_length");
    }
    for window_length in [0, 513, usize::MAX] {
        assert_eq!(setting(FrontEndSpec { window_length, ..good }), "window_length");
    }
    assert_eq!(setting(FrontEndSpec { hop_length: 0, ..good }), "hop_length");
    assert_eq!(setting(FrontEndSpec { mel_bands: &[], ..good }), "mel_bands");
    assert_eq!(setting(FrontEndSpec { dct: &[], ..good }), "mfcc_coefficients");
    assert_eq!(table(FrontEndSpec { window: &huge[..399], ..good }), "window");
    assert_eq!(table(FrontEndSpec { mel_weights: &huge[..7], ..good }), "mel_weights");
    assert_eq!(table(FrontEndSpec { dct: &huge[..41], ..good }), "dct");
    assert_eq!(table(FrontEndSpec { features: Features::LogMel, ..good }), "dct");
    assert_eq!(table(FrontEndSpec { offset: &huge[..12], ..good }), "offset");
    assert_eq!(table(FrontEndSpec { scale: &huge[..14], ..good }), "scale");
    assert_eq!(number(FrontEndSpec { floor: 0.0, ..good }), "floor");
    assert_eq!(number(FrontEndSpec { floor: f32::NAN, ..good }), "floor");
    assert_eq!(number(FrontEndSpec { pcm_scale: -1.0, ..good }), "pcm_scale");
    assert_eq!(number(FrontEndSpec { window: &nan, ..good }), "window");
    assert_eq!(number(FrontEndSpec { dct: &nan[..40], ..good }), "dct");
    assert_eq!(number(FrontEndSpec { scale: &nan[..13], ..good }), "scale");
    let negative: Vec<f32> = tables.weights.iter().map(|x| -x).collect();
    assert_eq!(number(FrontEndSpec { mel_weights: &negative, ..good }), "mel_weights");
    let band = Error::FrontEndBand { band: 0, end: 258, bins: 257 };
    assert_eq!(FrontEndSpec { mel_bands: &beyond, ..good }.check(), Err(band));
    for spec in [
        FrontEndSpec { window: &huge, ..good },
        FrontEndSpec { pcm_scale: 1e30, ..good },
        FrontEndSpec { offset: &[1e30; 13], scale: &[1e30; 13], ..good },
        FrontEndSpec { dct: &[f32::MAX; 40], ..good },
    ] {
        assert_eq!(spec.check(), Err(Error::FrontEndOverflow));
    }
}

/// Tables in integers for a window of a length and bands of a spec.
struct FixedArrays {
    window: Vec<i32>,
    weights: Vec<u16>,
    quantisers: Vec<Quantiser>,
}

impl FixedArrays {
    fn tables(&self) -> FixedTables<'_> {
        FixedTables {
            window: &self.window,
            mel_weights: &self.weights,
            floor: 1_000,
            shift: 12,
            quantisers: &self.quantisers,
            output: Quantisation { scale: 0.1, zero_point: 0 },
        }
    }
}

#[test]
fn each_fault_of_a_spec_in_integers_has_its_error() {
    let tables = Tables::new(400, 160, 40, 0);
    let float = FrontEndSpec { window: &[], mel_weights: &[], ..tables.spec() };
    let quantisers = vec![Quantiser { multiplier: 30_000, offset: 0 }; 40];
    let arrays = FixedArrays { window: vec![1; 400], weights: vec![1; tables.weights.len()], quantisers };
    let good = arrays.tables();
    let check = |tables: FixedTables<'_>| FrontEndSpec { arithmetic: Arithmetic::Fixed(tables), ..float }.check();
    assert_eq!(check(good), Ok(()));
    let table = |tables: FixedTables<'_>| match check(tables) {
        Err(Error::FrontEndTable { table, .. } | Error::FrontEndNumber { table, .. }) => table,
        other => panic!("{other:?}"),
    };
    assert_eq!(table(FixedTables { window: &arrays.window[1..], ..good }), "window");
    assert_eq!(table(FixedTables { mel_weights: &arrays.weights[1..], ..good }), "mel_weights");
    assert_eq!(table(FixedTables { mel_weights: &vec![32_769; arrays.weights.len()], ..good }), "mel_weights");
    assert_eq!(table(FixedTables { quantisers: &arrays.quantisers[1..], ..good }), "quantisers");
    for quantiser in [
        Quantiser { multiplier: 32_768, offset: 0 },
        Quantiser { multiplier: 0, offset: i32::MIN },
        Quantiser { multiplier: 0, offset: (1 << 30) + 1 },
    ] {
        assert_eq!(table(FixedTables { quantisers: &[quantiser; 40], ..good }), "quantisers");
    }
    for floor in [0, (1 << 62) + 1, u64::MAX] {
        assert_eq!(table(FixedTables { floor, ..good }), "floor");
    }
    assert_eq!(table(FixedTables { shift: 25, ..good }), "shift");
    let magnitude =
        FrontEndSpec { arithmetic: Arithmetic::Fixed(good), spectrum: Spectrum::Magnitude, ..float }.check();
    assert!(matches!(magnitude, Err(Error::FixedFrontEnd { setting: "spectrum", .. })), "{magnitude:?}");
    let mfcc = Tables::new(400, 160, 40, 13);
    let mfcc = FrontEndSpec { arithmetic: Arithmetic::Fixed(good), ..mfcc.spec() }.check();
    assert!(matches!(mfcc, Err(Error::FixedFrontEnd { setting: "features", .. })), "{mfcc:?}");
}

#[test]
fn buffers_of_wrong_lengths_are_refused() {
    let tables = Tables::new(400, 160, 40, 0);
    let front_end = FrontEnd::new(tables.spec()).unwrap();
    let call = |samples: usize, scratch: usize, features: usize| match front_end.frame(
        &vec![0; samples],
        &mut vec![0.0; scratch],
        &mut vec![0.0; features],
    ) {
        Err(Error::BufferLength { buffer, needed, given }) => Some((buffer, needed, given)),
        other => other.map(|()| None).unwrap(),
    };
    assert_eq!(call(399, 512, 40), Some(("samples", 400, 399)));
    assert_eq!(call(400, 511, 40), Some(("scratch", 512, 511)));
    assert_eq!(call(400, 512, 41), Some(("features", 40, 41)));
    assert_eq!(call(400, 600, 40), None);
}

/// Samples with more extremes than chance would give.
fn samples(length: usize) -> impl Strategy<Value = Vec<i16>> {
    let sample = prop_oneof![4 => any::<i16>(), 1 => Just(i16::MIN), 1 => Just(i16::MAX), 2 => Just(0), 2 => -3..3_i16];
    prop::collection::vec(sample, 0..length)
}

/// Points of a transform, and a window for it: any, or at an end of the scale throughout.
fn fixed_window() -> impl Strategy<Value = (usize, Vec<i32>)> {
    let points = prop_oneof![
        1 => Just(32_usize), 1 => Just(64), 1 => Just(128), 1 => Just(256), 3 => Just(512), 1 => Just(1_024), 1 => Just(2_048)
    ];
    points.prop_flat_map(|points| {
        // The transform of 512 points has code of its own for windows of more than three fourths.
        let length = prop_oneof![1..=points, (3 * points / 4)..=points, Just(points)];
        let coefficient = prop_oneof![8 => any::<i32>(), 1 => Just(i32::MIN), 1 => Just(i32::MAX)];
        let any_window = length.clone().prop_flat_map(move |length| prop::collection::vec(coefficient.clone(), length));
        let flat = (length, prop_oneof![Just(i32::MIN), Just(i32::MAX)]).prop_map(|(length, end)| vec![end; length]);
        (Just(points), prop_oneof![3 => any_window, 1 => flat])
    })
}

/// Mostly a sound number, sometimes one that only a damaged artifact holds.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![9 => 1e-9..1.0_f32, 1 => any::<f32>(), 1 => prop::num::f32::ANY, 1 => Just(f32::MAX)]
}

/// Mostly a sound table, sometimes a damaged one.
fn numbers(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![7 => prop::collection::vec(0.0..1.0_f32, lengths.clone()), 1 => prop::collection::vec(number(), lengths)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_bits_of_the_whole_clip(
        samples in samples(3_000),
        cuts in prop::collection::vec(0..3_000_usize, 0..40),
        window_length in 1..300_usize,
        hop_length in 1..500_usize,
        coefficients in 0..6_usize,
    ) {
        let tables = Tables::new(window_length, hop_length, 8, coefficients);
        let whole = features(tables.spec(), [&samples[..]]);

        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(samples.len())).collect();
        cuts.extend([0, samples.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|ends| &samples[ends[0]..ends[1]]);
        prop_assert_eq!(&features(tables.spec(), chunks), &whole);

        // And each frame is the one at its place in the clip.
        let front_end = FrontEnd::new(tables.spec()).unwrap();
        let (mut scratch, mut one) = (vec![0.0; front_end.scratch_len()], vec![0.0; front_end.features()]);
        let mut direct = Vec::new();
        for start in (0..samples.len()).step_by(hop_length) {
            if let Some(frame) = samples.get(start..start + window_length) {
                front_end.frame(frame, &mut scratch, &mut one).unwrap();
                direct.extend(one.iter().map(|x| x.to_bits()));
            }
        }
        prop_assert_eq!(direct, whole);
    }

    /// Arithmetic that overflows panics in tests.
    #[test]
    fn a_spec_in_integers_that_passes_the_check_overflows_nothing(
        samples in samples(512),
        (points, window) in fixed_window(),
        bands in prop::collection::vec((0..20_u16, 0..13_u16), 1..6),
        weights in prop::collection::vec(prop_oneof![4 => 0..=32_768_u16, 1 => Just(32_768)], 60),
        (floor, shift) in (prop_oneof![1..=1_u64 << 62, 1..1_000_000_u64, (0..63_u32).prop_map(|bits| (1 << bits) - u64::from(bits > 0)), Just(1 << 62)], 0..=24_u32),
        quantisers in prop::collection::vec((any::<i16>(), -(1 << 30)..=1 << 30_i32), 6),
        compression in prop_oneof![Just(Compression::LnPlus), Just(Compression::LnMax), Just(Compression::DecibelMax)],
    ) {
        let tables = Tables::new(points, points.div_ceil(8), 1, 0);
        // And one over the whole spectrum, of the largest weights.
        let whole = MelBand { first_bin: 0, bins: points as u16 / 2 + 1 };
        let bands = bands.iter().map(|&(first_bin, bins)| MelBand { first_bin, bins });
        let mel_bands: Vec<MelBand> = std::iter::once(whole).chain(bands).collect();
        let used: usize = mel_bands[1..].iter().map(|band| usize::from(band.bins)).sum();
        let weights = [&vec![32_768; whole.bins.into()], &weights[..used]].concat();
        let quantiser = |&(multiplier, offset): &(i16, i32)| Quantiser { multiplier: multiplier.into(), offset };
        let quantisers = quantisers[..mel_bands.len()].iter().map(quantiser).collect();
        let arrays = FixedArrays { window, weights, quantisers };
        let arithmetic = Arithmetic::Fixed(FixedTables { floor, shift, ..arrays.tables() });
        let spec = FrontEndSpec {
            window_length: arrays.window.len(),
            arithmetic,
            mel_bands: &mel_bands,
            compression,
            window: &[],
            mel_weights: &[],
            ..tables.spec()
        };
        if spec.check().is_ok() {
            let length = spec.window_length + points;
            features(spec, [&samples.iter().copied().cycle().take(length).collect::<Vec<_>>()[..]]);
            features(spec, [&vec![i16::MIN; length][..], &vec![i16::MAX; length]]);
            // The loudest that a frame of this window can be.
            let loudest = |sign: i32| if sign < 0 { i16::MAX } else { i16::MIN };
            features(spec, [&arrays.window.iter().map(|&coefficient| loudest(coefficient)).collect::<Vec<_>>()[..]]);
        }
    }

    #[test]
    fn a_spec_that_passes_the_check_gives_finite_features(
        samples in samples(200),
        fft_length in prop_oneof![3 => Just(32_usize), 2 => Just(64), 1 => 0..5_000_usize],
        window in numbers(1..33),
        window_off in prop_oneof![9 => Just(0_usize), 1 => 0..3_usize],
        hop_length in 0..50_usize,
        bands in prop::collection::vec((0..14_u16, 0..5_u16), 1..6),
        weights in numbers(30..31),
        weights_off in prop_oneof![9 => Just(0_usize), 1 => 0..3_usize],
        coefficients in 0..4_usize,
        dct in numbers(20..21),
        normalise in any::<bool>(),
        normalisation in numbers(5..6),
        (spectrum, compression, floor, pcm_scale) in (
            prop_oneof![Just(Spectrum::Power), Just(Spectrum::Magnitude)],
            prop_oneof![Just(Compression::LnPlus), Just(Compression::LnMax), Just(Compression::DecibelMax)],
            number(),
            number(),
        ),
    ) {
        let mel_bands: Vec<MelBand> = bands.iter().map(|&(first_bin, bins)| MelBand { first_bin, bins }).collect();
        let used = bands.iter().map(|&(_, bins)| usize::from(bins)).sum::<usize>() + weights_off;
        let dct = &dct[..coefficients * bands.len()];
        let features_in_frame = if coefficients > 0 { coefficients } else { bands.len() };
        let spec = FrontEndSpec {
            sample_rate: 8_000,
            window_length: window.len() + window_off,
            hop_length,
            fft_length,
            features: if dct.is_empty() { Features::LogMel } else { Features::Mfcc },
            spectrum,
            compression,
            floor,
            pcm_scale,
            arithmetic: Arithmetic::Float,
            window: &window,
            mel_bands: &mel_bands,
            mel_weights: &weights[..used.min(weights.len())],
            dct,
            offset: &normalisation[..if normalise { features_in_frame } else { 0 }],
            scale: &[],
            clip: ClipSettings::NONE,
        };
        if spec.check().is_ok() {
            features(spec, [&samples[..]]);
            features(spec, [&[i16::MIN; 100][..], &[i16::MAX; 100]]);
        }
    }
}
