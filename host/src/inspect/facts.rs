//! An artifact as named values: for JSON, and to be held against another one's.

use earmark_core::frontend::{Arithmetic, Centring, Compression, Features, Peak, Spectrum};
use earmark_core::model::checksum::xxh32;
use earmark_core::model::{Mode, Problem};
use serde_json::{Map, Value, json};

use super::{Inspection, Timeline};

/// Named values, in the order in which people read them.
pub(super) type Facts = Vec<(&'static str, Value)>;

impl Inspection<'_> {
    /// Everything as one JSON document: `name`, `labels`, `problem`, `front_end`, `detector`, `sizes` (bytes, and multiplications), `layers`
    /// as [`Step`](super::Step) has them with the bytes that are in use while each runs, `provenance`.
    #[must_use]
    pub fn json(&self) -> Value {
        let timeline = Timeline::window(&self.model);
        let layer = |(index, step)| {
            let mut layer = json!(step);
            layer["in_use"] = json!(timeline.in_use(index));
            layer
        };
        json!({
            "name": self.provenance["name"],
            "labels": self.model.labels().collect::<Vec<_>>(),
            "problem": self.problem(),
            "front_end": object(self.front_end_facts()),
            "detector": object(self.detector_facts()),
            "sizes": object(self.size_facts()),
            "layers": self.steps.iter().enumerate().map(layer).collect::<Vec<_>>(),
            "provenance": self.provenance,
        })
    }

    pub(super) fn problem(&self) -> &'static str {
        match self.model.problem() {
            Problem::SingleLabel => "single-label",
            Problem::MultiLabel => "multi-label",
        }
    }

    /// The front end's settings; of each table a hash, XXH32, that tells it from another.
    pub(super) fn front_end_facts(&self) -> Facts {
        let (model, spec) = (&self.model, self.model.front_end());
        let table = |floats: &[f32]| json!(format!("{:08x}", xxh32(bytemuck::cast_slice(floats), 0)));
        let (arithmetic, window, weights) = match &spec.arithmetic {
            Arithmetic::Float => ("float", table(spec.window), table(spec.mel_weights)),
            Arithmetic::Fixed(tables) => {
                let hash = |bytes: &[u8]| json!(format!("{:08x}", xxh32(bytes, 0)));
                ("fixed", hash(bytemuck::cast_slice(tables.window)), hash(bytemuck::cast_slice(tables.mel_weights)))
            }
        };
        let bands = bytemuck::cast_slice(spec.mel_bands);
        vec![
            ("sample_rate", json!(spec.sample_rate)),
            ("window_samples", json!(model.window_samples())),
            ("frames", json!(model.frames())),
            ("features", json!(model.features())),
            (
                "kind",
                json!(match spec.features {
                    Features::LogMel => "log_mel",
                    Features::Mfcc => "mfcc",
                }),
            ),
            ("arithmetic", json!(arithmetic)),
            ("window_length", json!(spec.window_length)),
            ("hop_length", json!(spec.hop_length)),
            ("fft_length", json!(spec.fft_length)),
            (
                "spectrum",
                json!(match spec.spectrum {
                    Spectrum::Magnitude => "magnitude",
                    Spectrum::Power => "power",
                }),
            ),
            ("mel_bands", json!(spec.mel_bands.len())),
            (
                "compression",
                json!(match spec.compression {
                    Compression::LnPlus => "ln_plus",
                    Compression::LnMax => "ln_max",
                    Compression::DecibelMax => "decibel_max",
                }),
            ),
            (
                "center",
                json!(match spec.clip.centring {
                    Centring::None => "none",
                    Centring::Zeros => "zeros",
                    Centring::Reflect => "reflect",
                }),
            ),
            (
                "peak",
                json!(match spec.clip.peak {
                    Peak::None => "none",
                    Peak::Highest => "highest",
                    Peak::Absolute => "absolute",
                }),
            ),
            ("top_db", json!(spec.clip.range)),
            ("reference", json!(if spec.clip.relative { "max" } else { "none" })),
            ("floor", json!(spec.floor)),
            ("pcm_scale", json!(spec.pcm_scale)),
            ("input_scale", json!(model.input().scale)),
            ("input_zero_point", json!(model.input().zero_point)),
            ("window_table", window),
            ("mel_table", json!(format!("{:08x}/{}", xxh32(bands, 0), weights.as_str().unwrap_or_default()))),
            ("dct_table", table(spec.dct)),
            ("offset_table", table(spec.offset)),
            ("scale_table", table(spec.scale)),
        ]
    }

    pub(super) fn detector_facts(&self) -> Facts {
        let detector = self.model.detector();
        let thresholds = self.model.labels().zip(self.model.thresholds());
        let thresholds: Map<String, Value> =
            thresholds.map(|(label, threshold)| (label.to_owned(), json!(threshold))).collect();
        vec![
            ("smoothing_ms", json!(detector.smoothing_ms)),
            ("isolation", json!(detector.isolation)),
            ("release", json!(detector.release)),
            ("minimum_ms", json!(detector.minimum_ms)),
            ("refractory_ms", json!(detector.refractory_ms)),
            ("mute_ms", json!(detector.mute_ms)),
            ("thresholds", Value::Object(thresholds)),
        ]
    }

    /// Bytes of flash and RAM, and multiplications.
    pub(super) fn size_facts(&self) -> Facts {
        let (model, sizes) = (&self.model, self.model.sizes());
        let arena = |timeline: &Timeline| json!(timeline.arena);
        let stride = match model.mode() {
            Mode::Streaming { stride_frames } => json!(stride_frames),
            Mode::Windowed => Value::Null,
        };
        vec![
            ("flash", json!(sizes.artifact)),
            ("flash_network", json!(self.network_flash())),
            ("flash_front_end", json!(self.front_end_flash())),
            ("ram_windows", json!(sizes.recognizer)),
            ("ram_stream", json!(sizes.listener)),
            ("arena_windows", arena(&Timeline::window(model))),
            ("arena_stream", Timeline::stream(model).as_ref().map_or(Value::Null, arena)),
            ("macs_window", json!(self.macs())),
            ("macs_second", json!(self.macs_a_second().round())),
            ("step_samples", json!(model.step_samples())),
            ("stream_stride", stride),
        ]
    }
}

pub(super) fn object(facts: Facts) -> Value {
    Value::Object(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
