//! The plan engine as a network: frames in, outputs out.

use crate::support::artifact::{Artifact, Bytes, PlainConvolution};
use crate::support::cases::cases;
use crate::support::reference::half_even;
use earmark_core::Error;
use earmark_core::engine::arithmetic::requantise;
use earmark_core::engine::kernels::KernelSet;
use earmark_core::engine::layout::pack_scale;
use earmark_core::engine::{Network, PlanEngine, quantise};
use earmark_core::model::format::word;
use earmark_core::model::{Element, Lookup, Model, Op, Quantisation, Tensor};
use proptest::array::uniform8;
use proptest::collection::vec;
use proptest::prelude::*;

/// Three frames of two features; the outputs are the features' negatives, less one, in steps of 0.5 with zero point 10.
fn negating() -> Bytes {
    let mut artifact = Artifact::new(3, 2);
    let table: Vec<i8> = (i8::MIN..=i8::MAX).map(|value| !value).collect();
    let table = artifact.append(&table);
    let input = artifact.features();
    artifact.push(Op::Lookup(Lookup { input, output: Tensor { offset: 6, ..input }, table }));
    artifact.labels(&["a", "b", "c", "d", "e", "f"].map(String::from));
    artifact.header[word::INPUT_SCALE] = 0.25f32.to_bits();
    artifact.header[word::INPUT_ZERO_POINT] = (-3i32).cast_unsigned();
    artifact.header[word::OUTPUT_SCALE] = 0.5f32.to_bits();
    artifact.header[word::OUTPUT_ZERO_POINT] = 10;
    artifact.bytes()
}

#[test]
fn outputs_belong_to_the_window_that_the_last_frame_ends() {
    let bytes = negating();
    let model = Model::new(&bytes).unwrap();
    let mut memory = vec![0xA5; model.sizes().engine];
    let mut engine = PlanEngine::new(model, &mut memory).unwrap();
    let mut outputs = [99.0; 6];
    for pushed in 0..20u8 {
        let expected: Vec<i8> = (pushed.saturating_sub(3)..pushed)
            .flat_map(|frame| [frame, frame + 40])
            .map(|value| value as i8 - 3)
            .collect();
        assert_eq!(engine.quantised_features(), expected);
        let full = pushed >= 3;
        assert_eq!(engine.outputs(&mut outputs), Ok(full));
        if full {
            let expected: Vec<f32> = expected.iter().map(|&value| (f32::from(!value) - 10.0) * 0.5).collect();
            assert_eq!(outputs, *expected);
        } else {
            assert_eq!(outputs, [99.0; 6], "nothing is written before the first full window");
            assert_eq!(engine.quantised_outputs(), None);
        }
        let frame = f32::from(pushed) / 4.0;
        engine.push_frame(&[frame, frame + 10.0]).unwrap();
    }
    engine.reset();
    assert_eq!(engine.outputs(&mut outputs), Ok(false));
    assert!(engine.quantised_features().is_empty());
}

#[test]
fn wrong_lengths_are_refused_and_change_nothing() {
    let bytes = negating();
    let model = Model::new(&bytes).unwrap();
    let mut memory = vec![0; model.sizes().engine];
    let mut engine = PlanEngine::new(model, &mut memory).unwrap();
    for features in [&[][..], &[0.0], &[0.0; 3]] {
        let refused = Err(Error::BufferLength { buffer: "features", needed: 2, given: features.len() });
        assert_eq!(engine.push_frame(features), refused);
    }
    assert!(engine.quantised_features().is_empty());
    for length in [0, 5, 7] {
        let refused = Err(Error::BufferLength { buffer: "outputs", needed: 6, given: length });
        assert_eq!(engine.outputs(&mut vec![0.0; length]), refused);
    }
}

#[test]
fn memory_one_byte_too_small_is_refused_with_the_number_needed() {
    let bytes = negating();
    let model = Model::new(&bytes).unwrap();
    let needed = model.sizes().engine;
    for given in [0, model.arena_length(), needed - 1] {
        let refused = PlanEngine::new(model, &mut vec![0; given]).err();
        assert_eq!(refused, Some(Error::MemoryTooSmall { needed, given }));
    }
    assert!(PlanEngine::new(model, &mut vec![0; needed]).is_ok());
}

/// A network of every kind of layer that a convolutional net has; the weights follow a formula.
fn network() -> Bytes {
    let mut artifact = Artifact::new(12, 8);
    let mut input = artifact.features();
    let shapes: [([u16; 2], u32, u32); 4] = [([3, 1], 24, 1), ([3, 1], 24, 24), ([1, 1], 16, 1), ([8, 1], 5, 1)];
    for (index, (kernel, channels, groups)) in shapes.into_iter().enumerate() {
        let window = earmark_core::model::Window { kernel, stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
        let height = input.height - kernel[0] + 1;
        let offset = if index % 2 == 0 { 96 } else { 400 };
        let output = Tensor { offset, height, width: 1, channels, zero_point: -5, element: Element::Int8 };
        let mut plain = PlainConvolution {
            input,
            output,
            window,
            groups,
            clamp: [-128, 127],
            weights: Vec::new(),
            biases: (0..channels as i32).map(|channel| 91 * channel - 600).collect(),
            scales: vec![0.004; channels as usize],
        };
        plain.weights = (0..plain.depth() * channels as usize).map(|at| (at * 83 % 253) as u8 as i8).collect();
        artifact.convolution(&plain, groups > 1);
        input = output;
    }
    artifact.labels(&["a", "b", "c", "d", "e"].map(String::from));
    artifact.bytes()
}

proptest! {
    #![proptest_config(cases(1_000, 100_000))]

    /// A window's outputs depend on its frames alone: not on frames before it, and not on the kernels.
    #[test]
    fn sliding_gives_what_a_fresh_start_gives(frames in vec(uniform8(-200.0..200.0f32), 12..40)) {
        let bytes = network();
        let model = Model::new(&bytes).unwrap();
        let mut memory = vec![0; model.sizes().engine];
        let mut sliding = PlanEngine::new(model, &mut memory).unwrap();
        for frame in &frames {
            sliding.push_frame(frame).unwrap();
            // Running in between must not disturb the features.
            sliding.quantised_outputs();
        }
        let outputs = sliding.quantised_outputs().unwrap().to_vec();
        for kernels in KernelSet::available() {
            let mut memory = vec![0xFF; model.sizes().engine];
            let mut fresh = PlanEngine::new(model, &mut memory).unwrap().with_kernels(kernels);
            for frame in &frames[frames.len() - 12..] {
                fresh.push_frame(frame).unwrap();
            }
            prop_assert_eq!(fresh.quantised_outputs(), Some(&*outputs), "{}", kernels.name());
        }
    }

    #[test]
    fn quantising_rounds_the_quotient_to_even(value in any::<f32>(), scale in 1e-6..1e6f32, zero_point in any::<i8>()) {
        let quantised = quantise(value, Quantisation { scale, zero_point });
        let quotient = f64::from(value / scale);
        let expected = if quotient.is_nan() { 0.0 } else { quotient.round_ties_even() } + f64::from(zero_point);
        prop_assert_eq!(f64::from(quantised), expected.clamp(-128.0, 127.0));
    }

    #[test]
    fn quantising_meets_ties(half_steps in -600..600i32, zero_point in any::<i8>()) {
        let quantised = quantise(half_steps as f32 * 0.5, Quantisation { scale: 1.0, zero_point });
        let expected = half_even(half_steps.into(), 2) + i128::from(zero_point);
        prop_assert_eq!(i128::from(quantised), expected.clamp(-128, 127));
    }

    /// Away from ties, the integer arithmetic rounds as real numbers do.
    #[test]
    fn requantising_is_real_arithmetic(accumulator in -100_000_000..100_000_000i32, scale in 1e-9..1.0f64) {
        if let Some(packed) = pack_scale(scale) {
            let exact = f64::from(accumulator) * scale;
            let from_tie = (exact - exact.floor() - 0.5).abs();
            // A multiplier of 25 bits is off by at most 2^-25 of itself.
            if from_tie > exact.abs() * 2f64.powi(-25) + 1e-9 {
                prop_assert_eq!(f64::from(requantise(accumulator, packed)), exact.round());
            }
        }
    }
}

#[test]
fn scales_out_of_range_are_not_packed() {
    for scale in [0.0, -0.5, 1.0, 1.0 - 1e-12, 2.0, f64::INFINITY, f64::NAN] {
        assert_eq!(pack_scale(scale), None, "{scale}");
    }
    let smallest = pack_scale(f64::MIN_POSITIVE).unwrap();
    assert_eq!(requantise(i32::MAX, smallest), requantise(i32::MAX, pack_scale(2f64.powi(-32)).unwrap()));
    assert_eq!(
        [f32::INFINITY, f32::NEG_INFINITY].map(|value| quantise(value, Quantisation { scale: 1.0, zero_point: 9 })),
        [127, -128]
    );
}
