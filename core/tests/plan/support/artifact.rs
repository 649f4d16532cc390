//! A small writer of artifacts, so that tests of the core need no compiler.

use earmark_core::engine::layout;
use earmark_core::model::checksum::xxh32;
use earmark_core::model::format::{ALIGNMENT, CHECKED_FROM, HEADER_LENGTH, HEADER_WORDS, MAGIC, VERSION, int16, word};
use earmark_core::model::{Convolution, Element, MAX_RECORD_WORDS, Op, Tensor, Window};

/// Bytes at a multiple of 16 in memory.
#[derive(Debug, Clone)]
pub struct Bytes {
    words: Vec<u128>,
    length: usize,
}

impl Bytes {
    pub fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0u128; bytes.len().div_ceil(16)];
        bytemuck::cast_slice_mut::<u128, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self { words, length: bytes.len() }
    }

    /// Writes the checksum that belongs to the contents, if they are long enough to hold one.
    pub fn restore_checksum(&mut self) {
        let checksum = xxh32(self, CHECKED_FROM);
        if self.length >= CHECKED_FROM {
            self[4 * word::CHECKSUM..4 * word::CHECKSUM + 4].copy_from_slice(&checksum.to_le_bytes());
        }
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}

impl std::ops::DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.length]
    }
}

/// A convolution as people write it down: weights in the order output channel, kernel row, kernel column, input channel of the
/// group; biases as they are added to `Σ weight · (input − input zero point)`; real scales.
#[derive(Debug, Clone)]
pub struct PlainConvolution {
    pub input: Tensor,
    pub output: Tensor,
    pub window: Window,
    pub groups: u32,
    pub clamp: [i8; 2],
    pub weights: Vec<i8>,
    pub biases: Vec<i32>,
    pub scales: Vec<f64>,
}

impl PlainConvolution {
    /// Inputs of one output.
    pub fn depth(&self) -> usize {
        self.window.taps() * (self.input.channels / self.groups) as usize
    }

    fn record(&self) -> Convolution {
        let Self { input, output, window, groups, clamp, .. } = *self;
        Convolution { input, output, window, groups, clamp, weights: 0, requantisation: 0 }
    }

    /// Where the weight of an output channel and input stands in the artifact.
    fn place(&self, channel: usize, index: usize, depthwise: bool) -> usize {
        let record = self.record();
        if depthwise {
            return index * layout::depthwise_row(self.input.channels) as usize + channel;
        }
        let depth = layout::depth(&record) as usize;
        let per_group = (self.output.channels / self.groups) as usize;
        let group = channel / per_group * layout::padded_group(&record) as usize * depth;
        group + layout::weight_index(channel % per_group, index, depth)
    }

    /// The byte that holds a weight.
    fn packed(&self, channel: usize, weight: i8) -> u8 {
        layout::pack_weight(channel % (self.output.channels / self.groups) as usize, weight)
    }

    /// Where a channel's bias and scale stand.
    fn slot(&self, channel: usize, depthwise: bool) -> usize {
        if depthwise {
            return channel;
        }
        let per_group = (self.output.channels / self.groups) as usize;
        channel / per_group * layout::padded_group(&self.record()) as usize + channel % per_group
    }
}

/// An artifact in the making. It starts with a front end that is as small as can be.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The header, for tests to spoil; lengths, offsets and the checksum are filled in by [`bytes`](Self::bytes).
    pub header: [u32; HEADER_WORDS],
    body: Vec<u8>,
    /// The operators as they will be written, for tests to spoil.
    pub plan: Vec<Op>,
    /// The operators of a step of a stream, as they will be written; none for a network that can't stream.
    pub steps: Vec<Op>,
}

impl Artifact {
    /// An artifact for `frames` × `features` values with scale 1 and zero point 0.
    pub fn new(frames: u16, features: u16) -> Self {
        const FRAME: u32 = 32;
        const HOP: u32 = 16;
        let mut artifact = Self { header: [0; HEADER_WORDS], body: Vec::new(), plan: Vec::new(), steps: Vec::new() };
        let window = artifact.append(&[1.0f32; FRAME as usize]);
        let bands: Vec<u16> = (0..features).flat_map(|band| [band % 17, 1]).collect();
        let bands = artifact.append(&bands);
        let band_weights = artifact.append(&vec![1.0f32; usize::from(features)]);
        let provenance = artifact.append(b"{\"licence\":\"none\"}");
        let one = 1.0f32.to_bits();
        for (number, value) in [
            (word::MAGIC, u32::from_le_bytes(MAGIC)),
            (word::VERSION, u32::from(VERSION) | (HEADER_WORDS as u32) << 16),
            (word::SAMPLE_RATE, 16_000),
            (word::WINDOW_SAMPLES, (u32::from(frames) - 1) * HOP + FRAME),
            (word::SPECTRUM, 1),
            (word::FLOOR, 1e-6f32.to_bits()),
            (word::PCM_SCALE, (1.0f32 / 32_768.0).to_bits()),
            (word::FRAME_LENGTH, FRAME),
            (word::HOP_LENGTH, HOP),
            (word::FFT_LENGTH, FRAME),
            (word::MEL_BANDS, u32::from(features)),
            (word::ANALYSIS_WINDOW, window),
            (word::BANDS, bands),
            (word::BAND_WEIGHTS, band_weights),
            (word::BAND_WEIGHT_COUNT, u32::from(features)),
            (word::FRAMES, u32::from(frames)),
            (word::INPUT_SCALE, one),
            (word::OUTPUT_SCALE, one),
            (word::RELEASE, 0.75f32.to_bits()),
            (word::MUTE_MS, 90),
            (word::PROVENANCE, provenance),
            (word::PROVENANCE_LENGTH, 18),
        ] {
            artifact.header[number] = value;
        }
        artifact.labels(&["yes".into()]);
        artifact
    }

    /// The quantised features, as one row of channels a frame.
    pub fn features(&self) -> Tensor {
        let (height, channels) = (self.header[word::FRAMES] as u16, self.header[word::MEL_BANDS]);
        let zero_point = self.header[word::INPUT_ZERO_POINT] as i8;
        let element = Element::int16_if(self.header[word::INT16] & int16::FEATURES != 0);
        Tensor { offset: 0, height, width: 1, channels, zero_point, element }
    }

    /// Appends a section; gives its offset in the file.
    pub fn append<T: bytemuck::NoUninit>(&mut self, values: &[T]) -> u32 {
        self.body.resize(self.body.len().next_multiple_of(ALIGNMENT), 0);
        let offset = HEADER_LENGTH + self.body.len();
        self.body.extend_from_slice(bytemuck::cast_slice(values));
        offset as u32
    }

    /// Replaces the labels.
    pub fn labels(&mut self, labels: &[String]) {
        let mut ends: Vec<u8> = Vec::new();
        let mut end = 0;
        for label in labels {
            end += label.len() as u32;
            ends.extend_from_slice(&end.to_le_bytes());
        }
        ends.extend(labels.iter().flat_map(|label| label.bytes()));
        self.header[word::LABELS] = self.append(&ends);
        self.header[word::LABELS_LENGTH] = ends.len() as u32;
        self.header[word::LABEL_COUNT] = labels.len() as u32;
        self.header[word::THRESHOLDS] = self.append(&vec![0.5f32; labels.len()]);
    }

    /// Appends an operator as it is. Its output becomes the model's, if it has no more values than there may be labels.
    pub fn push(&mut self, op: Op) {
        let output = op.output();
        let (first, second) = op.inputs();
        let ends = [Some(first), second, Some(output)].into_iter().flatten().map(|tensor| tensor.range().end as u32);
        self.header[word::ARENA] =
            ends.fold(self.header[word::ARENA], u32::max).max(self.features().range().end as u32);
        self.header[word::SCRATCH] = self.header[word::SCRATCH].max(layout::scratch_length(&op) as u32);
        self.header[word::OUTPUT] = output.offset;
        self.header[word::INT16] |= u32::from(op.has_int16());
        self.plan.push(op);
    }

    /// Packs and appends a convolution.
    pub fn convolution(&mut self, plain: &PlainConvolution, depthwise: bool) {
        let mut record = plain.record();
        let channels = layout::requantised_channels(&record, depthwise) as usize;
        let mut weights = vec![0u8; layout::weights_length(&record, depthwise) as usize];
        let mut biases = vec![0i32; channels];
        let mut scales = vec![layout::pack_scale(0.5).unwrap(); channels];
        for (channel, row) in plain.weights.chunks_exact(plain.depth()).enumerate() {
            for (index, &weight) in row.iter().enumerate() {
                let place = plain.place(channel, index, depthwise);
                weights[place] = if depthwise { weight.cast_unsigned() } else { plain.packed(channel, weight) };
            }
            let sum: i32 = row.iter().map(|&weight| i32::from(weight)).sum();
            let slot = plain.slot(channel, depthwise);
            biases[slot] = plain.biases[channel] - i32::from(plain.input.zero_point) * sum;
            let pack = if plain.output.element.is_int16() { layout::pack_scale_int16 } else { layout::pack_scale };
            scales[slot] = pack(plain.scales[channel]).unwrap();
        }
        record.weights = self.append(&weights);
        record.requantisation = self.append(&biases);
        // The scales follow at once: a table of biases is a multiple of 32 bytes long.
        self.append(&scales);
        self.push(if depthwise { Op::Depthwise(record) } else { Op::Convolution(record) });
    }

    /// The finished file.
    pub fn bytes(&self) -> Bytes {
        let mut finished = self.clone();
        for (ops, [plan, length, count]) in [
            (&self.plan, [word::PLAN, word::PLAN_LENGTH, word::OP_COUNT]),
            (&self.steps, [word::STREAM_PLAN, word::STREAM_PLAN_LENGTH, word::STREAM_OP_COUNT]),
        ] {
            let mut records = Vec::new();
            for op in ops {
                let mut words = [0; MAX_RECORD_WORDS];
                let count = op.encode(&mut words);
                records.extend_from_slice(&words[..count]);
            }
            if plan == word::PLAN || !ops.is_empty() {
                finished.header[plan] = finished.append(&records);
                finished.header[length] = 4 * records.len() as u32;
                finished.header[count] = ops.len() as u32;
            }
        }
        finished.header[word::TOTAL_LENGTH] = (HEADER_LENGTH + finished.body.len()) as u32;
        let header: &[u8] = bytemuck::cast_slice(&finished.header);
        let mut bytes = Bytes::new(&[header, &finished.body].concat());
        bytes.restore_checksum();
        bytes
    }
}
