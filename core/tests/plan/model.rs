//! The checked view: what a whole artifact says, and what is said of a broken one.

use crate::support::artifact::{Artifact, Bytes};
use crate::support::sample::{every_operator, recurrent, with_mfcc};
use earmark_core::Error;
use earmark_core::detect::Detector;
use earmark_core::engine::layout;
use earmark_core::model::checksum::xxh32;
use earmark_core::model::format::{CHECKED_FROM, HEADER_LENGTH, HEADER_WORDS, word};
use earmark_core::model::{
    Addition, Convolution, DetectorDefaults, Element, Mode, Model, Op, Problem, Quantisation, Sizes, Tensor, Window,
    check_structure,
};

fn error(artifact: &Artifact) -> Error {
    Model::new(&artifact.bytes()).expect_err("a broken artifact")
}

/// What is said of an artifact with one word of its header replaced.
fn with_word(number: usize, value: u32) -> Error {
    let mut artifact = every_operator();
    artifact.header[number] = value;
    error(&artifact)
}

#[test]
fn a_whole_artifact_says_what_was_put_in() {
    let bytes = every_operator().bytes();
    let model = Model::new(&bytes).unwrap();
    assert_eq!(model.bytes(), &bytes[..]);
    assert_eq!(model.labels().collect::<Vec<_>>(), ["yes", "no", "größer"]);
    assert_eq!(model.labels().len(), model.label_count());
    assert_eq!((model.sample_rate(), model.window_samples()), (16_000, 9 * 16 + 32));
    assert_eq!((model.frames(), model.features()), (10, 8));
    assert_eq!(model.problem(), Problem::SingleLabel);
    assert_eq!(model.input(), Quantisation { scale: 0.1, zero_point: 0 });
    assert_eq!(model.output(), Quantisation { scale: 0.125, zero_point: 0 });
    assert_eq!(model.output_range(), 80..83);
    assert_eq!(model.source_hash()[..5], [1, 2, 3, 4, 0]);
    assert_eq!(model.provenance(), "{\"licence\":\"none\"}");
    let detector = model.detector();
    let expected = DetectorDefaults {
        smoothing_ms: 0,
        isolation: 0.0,
        release: 0.75,
        minimum_ms: 0,
        refractory_ms: 0,
        mute_ms: 90,
    };
    assert_eq!((detector, model.thresholds()), (expected, &[0.5; 3][..]));
    assert_eq!((model.mode(), model.step_samples()), (Mode::Windowed, 16));
    let kinds: Vec<&str> = model.plan().map(|op| op.name()).collect();
    let expected = [
        "convolution",
        "depthwise convolution",
        "lookup",
        "add",
        "multiply",
        "max pool",
        "average pool",
        "copy",
        "copy",
        "convolution",
    ];
    assert_eq!(kinds, expected);
    // 8 × 12 outputs of 3 × 8 inputs; 8 × 12 of 5 taps; 8 × 12 products; 3 outputs of 14 inputs.
    assert_eq!(model.plan().map(|op| op.multiply_accumulates()).sum::<u64>(), 2304 + 480 + 96 + 42);
    let Sizes {
        artifact,
        engine,
        recognizer,
        streaming_engine,
        streaming_recognizer,
        listener,
        window_samples,
        labels,
    } = model.sizes();
    assert_eq!((artifact, window_samples, labels), (bytes.len(), 176, 3));
    assert_eq!(engine, (model.arena_length() + model.scratch_length()).next_multiple_of(16));
    // 32 values of scratch for the front end, 8 features, 3 outputs; a frame of 32 samples.
    assert_eq!(recognizer, (engine + 4 * (32 + 8 + 3) + 2 * 32).next_multiple_of(16));
    // It can't stream.
    assert_eq!((streaming_engine, streaming_recognizer), (engine, recognizer));
    assert_eq!(listener, recognizer + Detector::memory(3, 1, 0));
}

#[test]
fn mfcc_and_multi_label_are_understood() {
    let bytes = with_mfcc().bytes();
    let model = Model::new(&bytes).unwrap();
    assert_eq!(model.features(), 8);
    assert_eq!(model.front_end().dct.len(), 96);
    assert_eq!(model.problem(), Problem::MultiLabel);
}

#[test]
fn what_is_no_artifact_is_refused() {
    for bytes in [&b""[..], b"EAR", b"RIFF\0\0\0\0WAVEfmt ", &[0; 300]] {
        assert_eq!(Model::new(&Bytes::new(bytes)).err(), Some(Error::NotAnArtifact));
    }
    assert_eq!(with_word(word::VERSION, 1 | 64 << 16), Error::UnsupportedVersion { found: 1 });
    let what = "the header's length is not that of its version";
    assert_eq!(with_word(word::VERSION, 3 | 63 << 16), Error::BadHeader { offset: 4, what });
}

#[test]
fn an_artifact_cut_short_is_refused_at_every_length() {
    let bytes = every_operator().bytes();
    for length in 4..bytes.len() {
        let needed = if length < HEADER_LENGTH { HEADER_LENGTH } else { bytes.len() };
        let refused = Model::new(&Bytes::new(&bytes[..length])).err();
        assert_eq!(refused, Some(Error::Truncated { needed, given: length }));
    }
    let longer = Bytes::new(&[&bytes, &[0][..]].concat());
    let refused = Model::new(&longer).err();
    assert_eq!(refused, Some(Error::Truncated { needed: bytes.len(), given: bytes.len() + 1 }));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut bytes = every_operator().bytes();
    for at in 0..bytes.len() {
        let bit = 1 << (at % 8);
        bytes[at] ^= bit;
        let refused = Model::new(&bytes).err();
        if at >= CHECKED_FROM {
            let stored = xxh32(&every_operator().bytes(), CHECKED_FROM);
            let computed = xxh32(&bytes, CHECKED_FROM);
            assert_eq!(refused, Some(Error::ChecksumMismatch { stored, computed }));
        } else {
            assert!(refused.is_some());
        }
        bytes[at] ^= bit;
    }
    assert!(Model::new(&bytes).is_ok());
}

#[test]
fn an_artifact_off_its_alignment_is_refused() {
    let bytes = every_operator().bytes();
    for by in 1..16 {
        let moved = Bytes::new(&[&vec![0; by], &bytes[..]].concat());
        assert_eq!(Model::new(&moved[by..]).err(), Some(Error::Misaligned { by }));
        // Constant evaluation can't know where the bytes will lie.
        assert_eq!(check_structure(&moved[by..]), Ok(()));
    }
}

#[test]
fn wrong_numbers_in_the_header_are_named() {
    let far = 0x7FFF_FFF0;
    let nan = f32::NAN.to_bits();
    for (number, values) in [
        (word::LABELS, &[0, 8, far][..]),
        (word::LABEL_COUNT, &[0, 1025, u32::MAX]),
        (word::PROBLEM, &[2]),
        (word::SAMPLE_RATE, &[0, 768_001]),
        (word::WINDOW_SAMPLES, &[0, 175, 192, u32::MAX]),
        (word::ARITHMETIC, &[1, 2, 3]),
        (word::FEATURE_KIND, &[2]),
        (word::SPECTRUM, &[2]),
        (word::COMPRESSION, &[3]),
        (word::FRAME_LENGTH, &[0, 33]),
        (word::FFT_LENGTH, &[0, 16, 48, 4096]),
        (word::HOP_LENGTH, &[0, 65_536]),
        (word::MEL_BANDS, &[0, 1025]),
        (word::COEFFICIENTS, &[8, u32::MAX]),
        (word::ANALYSIS_WINDOW, &[0, 8, far]),
        (word::BANDS, &[0, 8, far]),
        (word::BAND_WEIGHTS, &[0, 8, far]),
        (word::NORMALISATION, &[8, far]),
        (word::FRAMES, &[0, 65_536]),
        (word::INPUT_SCALE, &[0, nan, (-1.0f32).to_bits(), f32::INFINITY.to_bits()]),
        (word::OUTPUT_SCALE, &[0, nan, (f32::MAX / 250.0).to_bits()]),
        (word::OUTPUT, &[270, u32::MAX]),
        (word::ARENA, &[0, 79, 1 << 31]),
        (word::SMOOTHING_MS, &[600_001]),
        (word::MINIMUM_MS, &[600_001]),
        (word::REFRACTORY_MS, &[600_001]),
        (word::MUTE_MS, &[u32::MAX]),
        (word::RELEASE, &[nan, 1.5f32.to_bits(), (-0.5f32).to_bits()]),
        (word::ISOLATION, &[nan, 1.5f32.to_bits(), (-0.5f32).to_bits()]),
        (word::UNNAMED, &[1]),
        (HEADER_WORDS - 1, &[1 << 31]),
        (word::THRESHOLDS, &[0, 8, far]),
        (word::PROVENANCE, &[0, 8, far]),
    ] {
        for &value in values {
            match with_word(number, value) {
                Error::BadHeader { offset, what } => {
                    assert_eq!(offset as usize, 4 * number, "word {number} = {value:#x}: {what}");
                    assert!(!what.is_empty());
                }
                other => panic!("word {number} = {value:#x}: {other}"),
            }
        }
    }
    // It has no plan for streams, and a front end in floating point.
    for number in (word::STREAM_PLAN..=word::DELAY_COUNT).chain(word::QUANTISERS..=word::FIXED_FLOOR + 1) {
        let refused = with_word(number, 16);
        assert!(matches!(refused, Error::BadHeader { offset, .. } if offset as usize == 4 * number), "{refused}");
    }
    for (number, value, named) in [
        (word::COSINES, 256, word::COEFFICIENTS),
        (word::LABELS_LENGTH, 3, word::LABELS),
        (word::BAND_WEIGHT_COUNT, u32::MAX, word::BAND_WEIGHTS),
        (word::INPUT_ZERO_POINT, 128, word::INPUT_SCALE),
        (word::OUTPUT_ZERO_POINT, (-129i32).cast_unsigned(), word::OUTPUT_SCALE),
        (word::PROVENANCE_LENGTH, u32::MAX, word::PROVENANCE),
        (word::SCRATCH, 1 << 31, word::PLAN),
    ] {
        let refused = with_word(number, value);
        assert!(matches!(refused, Error::BadHeader { offset, .. } if offset as usize == 4 * named), "{refused}");
    }
}

#[test]
fn the_plan_s_own_words_are_checked() {
    // These are filled in when the file is finished, so they are replaced in the bytes.
    for (number, value) in [
        (word::PLAN, 0),
        (word::PLAN, 8),
        (word::PLAN, u32::MAX),
        (word::PLAN_LENGTH, u32::MAX),
        (word::OP_COUNT, 65_536),
    ] {
        let mut bytes = every_operator().bytes();
        bytes[4 * number..][..4].copy_from_slice(&u32::to_le_bytes(value));
        bytes.restore_checksum();
        let refused = Model::new(&bytes).err();
        assert!(
            matches!(refused, Some(Error::BadHeader { offset, .. }) if offset as usize == 4 * word::PLAN),
            "{refused:?}"
        );
    }
    for (number, value) in [(word::PLAN_LENGTH, 60), (word::OP_COUNT, 11)] {
        let mut bytes = every_operator().bytes();
        bytes[4 * number..][..4].copy_from_slice(&u32::to_le_bytes(value));
        bytes.restore_checksum();
        let refused = Model::new(&bytes).err();
        assert!(matches!(refused, Some(Error::BadOp { .. })), "{refused:?}");
    }
}

#[test]
fn labels_and_provenance_must_be_text() {
    for (number, text) in
        [(word::LABELS, &b"\x01\0\0\0\xFF"[..]), (word::LABELS, b"\0\0\0\0"), (word::LABELS, b"\x02\0\0\0a")]
    {
        let mut artifact = every_operator();
        artifact.header[number] = artifact.append(text);
        artifact.header[word::LABELS_LENGTH] = text.len() as u32;
        artifact.header[word::LABEL_COUNT] = 1;
        let refused = error(&artifact);
        assert!(matches!(refused, Error::BadHeader { offset, .. } if offset as usize == 4 * number), "{refused}");
    }
    let mut artifact = every_operator();
    artifact.labels(&["x".repeat(65)]);
    assert!(matches!(error(&artifact), Error::BadHeader { .. }));
    artifact.labels(&["x".repeat(64)]);
    assert!(Model::new(&artifact.bytes()).is_ok());
    artifact.header[word::PROVENANCE] = artifact.append(&[0xFFu8; 18]);
    assert!(matches!(error(&artifact), Error::BadHeader { offset, .. } if offset as usize == 4 * word::PROVENANCE));
}

#[test]
fn the_front_end_s_tables_are_checked() {
    assert_eq!(
        with_word(word::BAND_WEIGHT_COUNT, 7),
        Error::FrontEndTable { table: "mel_weights", needed: 8, given: 7 }
    );
    assert_eq!(with_word(word::FLOOR, 0), Error::FrontEndNumber { table: "floor", index: 0 });
    assert_eq!(with_word(word::PCM_SCALE, 1e30f32.to_bits()), Error::FrontEndOverflow);
    let mut artifact = every_operator();
    for wrong in [f32::NAN, 1.5, -0.5] {
        artifact.header[word::THRESHOLDS] = artifact.append(&[0.5, 0.5, wrong]);
        assert!(matches!(error(&artifact), Error::BadHeader { what: "a threshold must be 0 to 1", .. }));
    }
    let mut artifact = every_operator();
    artifact.header[word::BANDS] = artifact.append(&[16u16, 2].repeat(8));
    assert_eq!(error(&artifact), Error::FrontEndBand { band: 0, end: 18, bins: 17 });
    let mut artifact = with_mfcc();
    artifact.header[word::COSINES] = 0;
    assert!(matches!(error(&artifact), Error::BadHeader { offset, .. } if offset as usize == 4 * word::COSINES));
}

/// An artifact with one operator, changed before it is written.
fn with_op(index: usize, change: impl Fn(&mut Op)) -> Error {
    let whole = every_operator();
    let bytes = whole.bytes();
    let mut op = Model::new(&bytes).unwrap().plan().nth(index).unwrap();
    change(&mut op);
    let mut artifact = whole.clone();
    artifact.plan = vec![op];
    error(&artifact)
}

fn with_convolution(index: usize, change: impl Fn(&mut Convolution)) -> Error {
    with_op(index, |op| match op {
        Op::Convolution(op) | Op::Depthwise(op) => change(op),
        _ => unreachable!("operator {index} is a convolution"),
    })
}

fn with_addition(change: impl Fn(&mut Addition)) -> Error {
    with_op(3, |op| match op {
        Op::Add(op) => change(op),
        _ => unreachable!("operator 3 is an addition"),
    })
}

fn bad(what: &'static str) -> Error {
    Error::BadOp { index: 0, what }
}

/// Any number of operators may point at one table, but checking all of them takes no more than the file's length.
#[test]
fn tables_are_not_shared_without_end() {
    let with_sharing = |ops: usize| {
        let mut artifact = every_operator();
        let channels = 4_096;
        let table = artifact.append(&vec![layout::pack_scale(0.5).unwrap(); 2 * channels as usize]);
        let tensor = |offset| Tensor { offset, height: 1, width: 1, channels, zero_point: 0, element: Element::Int8 };
        let window = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
        artifact.push(Op::Depthwise(Convolution {
            input: tensor(80),
            output: tensor(80 + channels),
            window,
            groups: channels,
            clamp: [-128, 127],
            weights: table,
            requantisation: table,
        }));
        artifact.plan = vec![artifact.plan[artifact.plan.len() - 1]; ops];
        (artifact.bytes().len() / channels as usize, Model::new(&artifact.bytes()).map(|_| ()))
    };
    // A table of 32 KiB for each operator is read eight times, and with 60 bytes a record a little more often.
    let (most, accepted) = with_sharing(8);
    assert_eq!((most, accepted), (8, Ok(())));
    let what = "the plan has more scales than the file has bytes";
    for ops in [9, 400] {
        let (most, refused) = with_sharing(ops);
        assert_eq!(refused, Err(Error::BadOp { index: most as u16, what }));
    }
}

#[test]
fn wrong_tensors_are_named() {
    let outside = bad("a tensor lies outside the arena");
    assert_eq!(with_convolution(0, |op| op.output.height = 0), bad("a tensor is empty"));
    assert_eq!(with_convolution(0, |op| op.input.offset = 200), outside);
    assert_eq!(with_convolution(0, |op| op.output.offset = u32::MAX), outside);
    assert_eq!(with_convolution(0, |op| op.output.channels = 0x007F_FFFF), outside);
    let huge = Tensor {
        offset: 0,
        height: u16::MAX,
        width: u16::MAX,
        channels: 0x007F_FFFF,
        zero_point: 0,
        element: Element::Int8,
    };
    assert_eq!(with_addition(|op| op.inputs[1] = huge), outside);
}

#[test]
fn wrong_convolutions_are_named() {
    assert_eq!(with_convolution(0, |op| op.groups = 0), bad("its channels do not divide into its groups"));
    assert_eq!(with_convolution(0, |op| op.groups = 5), bad("its channels do not divide into its groups"));
    assert_eq!(with_convolution(1, |op| op.groups = 6), bad("a depthwise convolution has as many groups as channels"));
    for change in [
        (|op| op.window.kernel[0] = 0) as fn(&mut Convolution),
        |op| op.window.stride[1] = 0,
        |op| op.window.dilation[0] = 0,
    ] {
        assert_eq!(with_convolution(0, change), bad("kernel, stride and dilation must be at least 1"));
    }
    assert_eq!(with_convolution(0, |op| op.window.pad[0] = 3), bad("it has more padding than kernel"));
    assert_eq!(with_convolution(0, |op| op.window.stride[0] = 2), bad("its last output lies behind the input"));
    assert_eq!(with_convolution(0, |op| op.output.height = 11), bad("its last output lies behind the input"));
    assert_eq!(with_convolution(0, |op| op.clamp = [1, 0]), bad("its least output is above its greatest"));
    assert_eq!(with_convolution(0, |op| op.output.offset = 79), bad("input and output overlap"));
    assert_eq!(with_convolution(0, |op| op.window.kernel = [5000, 1]), bad("more than 32768 inputs for one output"));
    for weights in [0, 8, 1 << 30, u32::MAX - 15] {
        assert_eq!(with_convolution(0, |op| op.weights = weights), bad("its weights lie outside the file"));
        let refused = with_convolution(1, |op| op.requantisation = weights);
        assert_eq!(refused, bad("its biases and scales lie outside the file"));
    }
    // The weights are no scales.
    assert_eq!(with_convolution(0, |op| op.requantisation = op.weights), bad("a scale is out of range"));
    let scratch = with_convolution(0, |op| op.window.pad[0] = 1);
    assert_eq!(scratch, bad("it takes more scratch memory than the header states"));
}

#[test]
fn wrong_elementwise_operators_are_named() {
    assert_eq!(with_addition(|op| op.inputs[0].height = 2), bad("an input can't be repeated to the output's shape"));
    assert_eq!(with_addition(|op| op.inputs[1].offset = 84), bad("input and output overlap in part"));
    assert_eq!(with_addition(|op| op.shift = 63), bad("its shift is above 62"));
    assert_eq!(with_addition(|op| op.clamp = [5, 4]), bad("its least output is above its greatest"));
    // Repeated in place, an input would change while it is still to be read.
    let refused = with_addition(|op| (op.inputs[1].offset, op.inputs[1].height) = (op.output.offset, 1));
    assert_eq!(refused, bad("input and output overlap in part"));
    let refused = with_op(4, |op| {
        if let Op::Multiply(op) = op {
            op.shift = 255;
        }
    });
    assert_eq!(refused, bad("its shift is above 62"));
    for (change, what) in [
        ((|op| op.output.channels -= 1) as fn(&mut earmark_core::model::Lookup), "input and output differ in size"),
        (|op| op.output.offset -= 1, "input and output overlap in part"),
        (|op| op.table = u32::MAX - 15, "its table lies outside the file"),
    ] {
        let refused = with_op(2, |op| {
            if let Op::Lookup(op) = op {
                change(op);
            }
        });
        assert_eq!(refused, bad(what));
    }
}

#[test]
fn wrong_pools_and_copies_are_named() {
    for (change, what) in [
        (
            (|op| op.output.channels = 11) as fn(&mut earmark_core::model::MaxPool),
            "a pool keeps the number of channels",
        ),
        (|op| op.output.offset = op.input.offset, "input and output overlap"),
        (|op| op.window.dilation[0] = 2, "a pool's window has no dilation"),
        (|op| op.window.kernel = [u16::MAX, 2], "a pool's window has more than 65536 taps"),
        (|op| op.window.pad[0] = 2, "it has more padding than kernel"),
    ] {
        let refused = with_op(5, |op| {
            if let Op::MaxPool(op) = op {
                change(op);
            }
        });
        assert_eq!(refused, bad(what));
    }
    for (change, what) in [
        ((|op| op.shift = 41) as fn(&mut earmark_core::model::AveragePool), "its shift is above 40"),
        // The next window needs the last of them.
        (|op| op.output.offset = 79, "it writes over the features"),
    ] {
        let refused = with_op(6, |op| {
            if let Op::AveragePool(op) = op {
                change(op);
            }
        });
        assert_eq!(refused, bad(what));
    }
    for (change, what) in [
        (
            (|op| op.output.offset = op.input.offset) as fn(&mut earmark_core::model::BlockCopy),
            "input and output overlap",
        ),
        (|op| op.extent[2] = 0, "its block lies outside a tensor"),
        (|op| op.from[0] = 1, "its block lies outside a tensor"),
        (|op| op.to[2] = u32::MAX, "its block lies outside a tensor"),
        (|op| op.extent[1] = u32::MAX, "its block lies outside a tensor"),
    ] {
        let refused = with_op(7, |op| {
            if let Op::Copy(op) = op {
                change(op);
            }
        });
        assert_eq!(refused, bad(what));
    }
}

#[test]
fn what_is_wrong_with_a_recurrent_layer_is_named() {
    type Change = fn(&mut earmark_core::model::Recurrent);
    let changes: [(Change, &str); 10] = [
        (|op| op.output.height = 2, "a recurrent layer gives one row, or as many as it takes"),
        (|op| op.output.zero_point = 1, "a recurrent layer's output has a zero point other than 0"),
        (|op| op.cell_bits = 16, "its cells have more than 15 fractional bits"),
        (|op| op.weights = u32::MAX - 15, "its weights lie outside the file"),
        (|op| op.rows = 4, "its rows lie outside the file"),
        (|op| op.curves = u32::MAX - 15, "its curves lie outside the file"),
        (|op| op.scale = 0, "a scale is out of range"),
        (|op| op.state = u32::MAX, "its state lies outside the arena"),
        (|op| op.state = op.output.offset + 1, "input, output and state overlap"),
        (|op| op.rows = op.weights, "a row's shift is above 62"),
    ];
    for (change, what) in changes {
        let mut artifact = recurrent(10);
        if let Some(Op::Recurrent(op)) = artifact.plan.get_mut(1) {
            change(op);
        }
        assert_eq!(Model::new(&artifact.bytes()).err(), Some(Error::BadOp { index: 1, what }));
    }
}

#[test]
fn every_message_says_what_to_do() {
    let errors = [
        Error::NotAnArtifact,
        Error::UnsupportedVersion { found: 9 },
        Error::Truncated { needed: 2, given: 1 },
        Error::ChecksumMismatch { stored: 1, computed: 2 },
        Error::Misaligned { by: 3 },
        Error::BadHeader { offset: 8, what: "it is wrong" },
        Error::BadOp { index: 3, what: "it is wrong" },
        Error::FeatureLeftOut { feature: "recurrent" },
        Error::MemoryTooSmall { needed: 2, given: 1 },
        Error::MisalignedMemory,
        Error::FrontEndOverflow,
        Error::BufferLength { buffer: "samples", needed: 2, given: 1 },
    ];
    for error in errors {
        let message = error.to_string();
        assert!(message.contains(": ") && !message.contains('\n'), "{message}");
        assert!(!error.what().is_empty());
    }
}

/// The artifacts in the repository that pin the format: firmware in the field reads version 3 for good, so a change of the
/// format comes with a new version. `EARMARK_REWRITE=1` writes the files anew.
#[test]
fn version_3_is_written_as_ever() {
    for (name, artifact) in [("every-operator", every_operator()), ("recurrent", recurrent(10))] {
        let path = format!("{}/tests/plan/{name}.ear", env!("CARGO_MANIFEST_DIR"));
        let bytes = artifact.bytes();
        if std::env::var_os("EARMARK_REWRITE").is_some() {
            std::fs::write(&path, &*bytes).expect("a writable checkout");
        }
        assert!(
            std::fs::read(path).expect("the file is in the repository") == *bytes,
            "the format has changed: {name}"
        );
    }
}
