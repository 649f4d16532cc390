//! Writing the artifact: see [`format`](earmark_core::model::format) for its layout.

use earmark_core::frontend::fixed::FixedTables;
use earmark_core::frontend::{Arithmetic, Centring, ClipSettings, Compression, Features, FrontEndSpec, Peak, Spectrum};
use earmark_core::model::format::{
    ALIGNMENT, HEADER_LENGTH, HEADER_WORDS, MAGIC, SOURCE_HASH_LENGTH, VERSION, int16, word,
};
use earmark_core::model::{DetectorDefaults, MAX_RECORD_WORDS, Problem};

use super::ir::{Graph, Quant};
use super::memory::Arena;
use super::plan::{Plan, Planner};
use super::stream::Stream;
use crate::Error;
use crate::model::header::{set_checksum, set_detector, set_word};

/// Everything that an artifact holds.
#[derive(Debug)]
pub struct Contents<'a> {
    pub labels: &'a [String],
    pub problem: Problem,
    pub window_samples: u32,
    pub front_end: FrontEndSpec<'a>,
    pub graph: &'a Graph,
    pub arena: &'a Arena,
    /// The network as it streams, and its arena; `None` if it can't.
    pub stream: Option<(&'a Stream, &'a Arena)>,
    pub detector: DetectorDefaults,
    /// One a label.
    pub thresholds: &'a [f32],
    pub source_hash: [u8; SOURCE_HASH_LENGTH],
    pub provenance: &'a str,
}

/// Writes an artifact.
///
/// # Errors
/// [`Error::UnsupportedOperator`] if an operator's numbers are beyond what the format can hold.
pub fn write(contents: &Contents<'_>) -> Result<Vec<u8>, Error> {
    let mut file = File::new();
    file.labels(contents.labels);
    file.settings(contents);
    file.front_end(&contents.front_end);
    file.network(contents)?;
    let place = file.section(contents.provenance.as_bytes());
    file.set(word::PROVENANCE, place);
    file.set(word::PROVENANCE_LENGTH, contents.provenance.len());
    Ok(file.finish(&contents.detector))
}

/// A file under construction: the header's words, then sections.
struct File {
    bytes: Vec<u8>,
}

impl File {
    fn new() -> Self {
        let mut file = Self { bytes: vec![0; HEADER_LENGTH] };
        file.set_word(word::MAGIC, u32::from_le_bytes(MAGIC));
        file.set_word(word::VERSION, u32::from(VERSION) | (HEADER_WORDS as u32) << 16);
        file
    }

    fn set_word(&mut self, number: usize, value: u32) {
        set_word(&mut self.bytes, number, value);
    }

    /// Sizes that the format holds in 32 bits; what is larger is refused when the file is checked, for its length.
    fn set(&mut self, number: usize, value: usize) {
        self.set_word(number, u32::try_from(value).unwrap_or(u32::MAX));
    }

    fn set_float(&mut self, number: usize, value: f32) {
        self.set_word(number, value.to_bits());
    }

    /// Appends a section; gives its offset.
    fn section(&mut self, contents: &[u8]) -> usize {
        let place = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(place, 0);
        self.bytes.extend_from_slice(contents);
        place
    }

    fn floats(&mut self, values: &[f32]) -> usize {
        self.section(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    fn labels(&mut self, labels: &[String]) {
        let ends = labels.iter().scan(0, |end, label| {
            *end += label.len() as u32;
            Some(*end)
        });
        let mut section: Vec<u8> = ends.flat_map(u32::to_le_bytes).collect();
        labels.iter().for_each(|label| section.extend_from_slice(label.as_bytes()));
        let place = self.section(&section);
        self.set(word::LABELS, place);
        self.set(word::LABELS_LENGTH, section.len());
        self.set(word::LABEL_COUNT, labels.len());
    }

    fn settings(&mut self, contents: &Contents<'_>) {
        self.set_word(word::PROBLEM, u32::from(contents.problem == Problem::MultiLabel));
        self.set_word(word::WINDOW_SAMPLES, contents.window_samples);
        let thresholds = self.floats(contents.thresholds);
        self.set(word::THRESHOLDS, thresholds);
        self.bytes[4 * word::SOURCE_HASH..][..SOURCE_HASH_LENGTH].copy_from_slice(&contents.source_hash);
    }

    fn front_end(&mut self, spec: &FrontEndSpec<'_>) {
        self.set_word(word::SAMPLE_RATE, spec.sample_rate);
        self.set_word(word::FEATURE_KIND, u32::from(spec.features == Features::Mfcc));
        self.set_word(word::SPECTRUM, u32::from(spec.spectrum == Spectrum::Power));
        let compression = match spec.compression {
            Compression::LnPlus => 0,
            Compression::LnMax => 1,
            Compression::DecibelMax => 2,
        };
        self.set_word(word::COMPRESSION, compression);
        self.set_float(word::FLOOR, spec.floor);
        self.set_float(word::PCM_SCALE, spec.pcm_scale);
        self.set(word::FRAME_LENGTH, spec.window_length);
        self.set(word::HOP_LENGTH, spec.hop_length);
        self.set(word::FFT_LENGTH, spec.fft_length);
        self.clip(&spec.clip);
        self.set(word::MEL_BANDS, spec.mel_bands.len());
        let coefficients = if spec.features == Features::Mfcc { spec.feature_count() } else { 0 };
        self.set(word::COEFFICIENTS, coefficients);
        let bands = spec.mel_bands.iter().flat_map(|band| [band.first_bin, band.bins]).flat_map(u16::to_le_bytes);
        let bands = self.section(&bands.collect::<Vec<_>>());
        self.set(word::BANDS, bands);
        let (window, weights, count) = match &spec.arithmetic {
            Arithmetic::Float => (self.floats(spec.window), self.floats(spec.mel_weights), spec.mel_weights.len()),
            Arithmetic::Fixed(tables) => {
                self.quantisers(tables);
                let window = self.section(bytemuck::cast_slice(tables.window));
                (window, self.section(bytemuck::cast_slice(tables.mel_weights)), tables.mel_weights.len())
            }
        };
        self.set(word::ANALYSIS_WINDOW, window);
        self.set(word::BAND_WEIGHTS, weights);
        self.set(word::BAND_WEIGHT_COUNT, count);
        if !spec.dct.is_empty() {
            let cosines = self.floats(spec.dct);
            self.set(word::COSINES, cosines);
        }
        if !spec.offset.is_empty() || !spec.scale.is_empty() {
            let features = spec.feature_count();
            let or =
                |values: &[f32], missing| if values.is_empty() { vec![missing; features] } else { values.to_vec() };
            let normalisation = self.floats(&[or(spec.offset, 0.0), or(spec.scale, 1.0)].concat());
            self.set(word::NORMALISATION, normalisation);
        }
    }

    fn clip(&mut self, clip: &ClipSettings) {
        let centring = match clip.centring {
            Centring::None => 0,
            Centring::Zeros => 1,
            Centring::Reflect => 2,
        };
        let peak = match clip.peak {
            Peak::None => 0,
            Peak::Highest => 1,
            Peak::Absolute => 2,
        };
        self.set_word(word::CENTRING, centring);
        self.set_word(word::PEAK, peak);
        self.set_float(word::CLIP_RANGE, clip.range);
        self.set_word(word::CLIP_RELATIVE, u32::from(clip.relative));
    }

    fn quantisers(&mut self, tables: &FixedTables<'_>) {
        self.set_word(word::ARITHMETIC, 2);
        let place = self.section(bytemuck::cast_slice(tables.quantisers));
        self.set(word::QUANTISERS, place);
        self.set_word(word::QUANTISER_SHIFT, tables.shift);
        self.set_word(word::FIXED_FLOOR, tables.floor as u32);
        self.set_word(word::FIXED_FLOOR + 1, (tables.floor >> 32) as u32);
    }

    fn network(&mut self, contents: &Contents<'_>) -> Result<(), Error> {
        let Contents { graph, arena, stream, .. } = contents;
        self.set(word::FRAMES, graph.frames);
        self.quant(word::INPUT_SCALE, word::INPUT_ZERO_POINT, graph.input);
        self.quant(word::OUTPUT_SCALE, word::OUTPUT_ZERO_POINT, graph.output_quant);
        let parts = [
            (int16::ANY, !graph.int16.is_empty()),
            (int16::FEATURES, graph.int16.contains(&Graph::FEATURES)),
            (int16::OUTPUTS, graph.int16.contains(&graph.output.tensor)),
        ];
        self.set_word(word::INT16, parts.iter().map(|&(part, is_int16)| if is_int16 { part } else { 0 }).sum());
        self.set(word::OUTPUT, arena.offsets[graph.output.tensor] + graph.byte_offset(&graph.output));
        self.set(word::ARENA, arena.length);
        // The data come first, so that the operators can point at them.
        let mut planner = Planner::new(self.bytes.len().next_multiple_of(ALIGNMENT));
        let plan = planner.plan(graph, arena)?;
        let steps = stream.map(|(stream, arena)| planner.plan(&stream.graph, arena)).transpose()?;
        self.section(planner.data());
        self.plan(&plan, [word::PLAN, word::PLAN_LENGTH, word::OP_COUNT, word::SCRATCH]);
        if let (Some((stream, arena)), Some(steps)) = (stream, steps) {
            self.plan(
                &steps,
                [word::STREAM_PLAN, word::STREAM_PLAN_LENGTH, word::STREAM_OP_COUNT, word::STREAM_SCRATCH],
            );
            self.stream(stream, arena);
        }
        Ok(())
    }

    /// Appends the operators of a plan; `words` are the numbers of the header's words for it.
    fn plan(&mut self, plan: &Plan, words: [usize; 4]) {
        let mut records = Vec::new();
        for op in &plan.ops {
            let mut record = [0; MAX_RECORD_WORDS];
            let count = op.encode(&mut record);
            records.extend(record[..count].iter().flat_map(|word| word.to_le_bytes()));
        }
        let place = self.section(&records);
        for (number, value) in words.into_iter().zip([place, records.len(), plan.ops.len(), plan.scratch]) {
            self.set(number, value);
        }
    }

    fn stream(&mut self, stream: &Stream, arena: &Arena) {
        let output = &stream.graph.output;
        self.set(word::STREAM_STRIDE, stream.stride);
        self.set(word::STREAM_ARENA, arena.length);
        self.set(word::STREAM_OUTPUT, arena.offsets[output.tensor] + stream.graph.byte_offset(output));
        let lines = stream.delays.iter().flat_map(|&(line, shift)| {
            [arena.offsets[line], stream.graph.bytes(line), shift * stream.graph.element(line).bytes()]
        });
        // What does not fit 32 bits does not fit the arena either, and is refused with it.
        let words = lines.flat_map(|value| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
        let place = self.section(&words.collect::<Vec<_>>());
        self.set(word::DELAYS, place);
        self.set(word::DELAY_COUNT, stream.delays.len());
    }

    fn quant(&mut self, scale: usize, zero_point: usize, quant: Quant) {
        self.set_float(scale, quant.scale);
        self.set_word(zero_point, i32::from(quant.zero_point).cast_unsigned());
    }

    fn finish(mut self, detector: &DetectorDefaults) -> Vec<u8> {
        let length = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(length, 0);
        self.set(word::TOTAL_LENGTH, length);
        set_detector(&mut self.bytes, detector);
        set_checksum(&mut self.bytes);
        self.bytes
    }
}
