//! A model as a module of Rust, for firmware: the artifact embedded, its sizes as constants, its labels as an enum.

use std::collections::HashSet;
use std::fmt::Write;

use earmark_core::model::{Model, Op, StreamingPlan, format};
use heck::ToUpperCamelCase;

/// Writes the module for an artifact that lies beside it as `file`, a file's name.
///
/// The module needs the crate `earmark-core` and neither `std` nor a heap. It embeds the artifact by
/// [`include_model!`](earmark_core::include_model), at a multiple of 16 bytes and checked while the firmware is compiled, and fails the build
/// when the artifact is another one than here.
///
/// ```
/// use earmark::model::LoadedModel;
/// use earmark::rust_module;
/// let built_in = LoadedModel::built_in();
/// let module = rust_module::write(&built_in.model()?, "commands.ear");
/// assert!(module.contains(r#"pub static MODEL, SIZES = "commands.ear";"#));
/// assert!(module.contains("    Yes,"));
/// # Ok::<(), earmark::Error>(())
/// ```
#[must_use]
pub fn write(model: &Model<'_>, file: &str) -> String {
    let mut module = String::new();
    // A string takes whatever is written to it.
    let _ = head(&mut module, model, file);
    let _ = constants(&mut module, model);
    let _ = labels(&mut module, &model.labels().collect::<Vec<_>>());
    module
}

fn head(module: &mut impl Write, model: &Model<'_>, file: &str) -> std::fmt::Result {
    let place = 4 * format::word::CHECKSUM;
    let checksum = model.bytes()[place..][..4].iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    write!(
        module,
        "//! A model of earmark's, made by `earmark compile --emit rust`: make it anew rather than change it.

earmark_core::include_model! {{
    /// The model.
    pub static MODEL, SIZES = {file:?};
}}

// What is below belongs to this very file.
const _: () = {{
    let file = include_bytes!({file:?});
    let checksum = u32::from_le_bytes([file[{place}], file[{}], file[{}], file[{}]]);
    assert!(checksum == {checksum:#010x}, \"the model is another one than its module: run `earmark compile MODEL.ear --emit rust`\");
}};
",
        place + 1,
        place + 2,
        place + 3
    )
}

fn constants(module: &mut impl Write, model: &Model<'_>) -> std::fmt::Result {
    let mut constant = |words: &str, name: &str, kind: &str, value: usize| {
        write!(module, "\n/// {words}\npub const {name}: {kind} = {value};\n")
    };
    constant(
        "Samples a second that the model was made for, in hertz.",
        "SAMPLE_RATE",
        "u32",
        model.sample_rate() as usize,
    )?;
    constant("Samples of one window.", "WINDOW_SAMPLES", "usize", model.window_samples())?;
    constant("Samples from one output of a stream to the next.", "STEP_SAMPLES", "usize", model.step_samples())?;
    constant(
        "Bytes that features and activations of a whole window take; what memory is needed in all, `SIZES` tells.",
        "ARENA_BYTES",
        "usize",
        model.arena_length(),
    )?;
    let (arena, state) =
        model.streaming().map_or((model.arena_length(), 0), |plan| (plan.arena_length(), state_length(&plan)));
    constant(
        "The same of a stream: what is remembered and the activations of a step.",
        "STREAM_ARENA_BYTES",
        "usize",
        arena,
    )?;
    constant(
        "Bytes of these that are remembered from step to step; 0 if the model hears whole windows.",
        "STREAM_STATE_BYTES",
        "usize",
        state,
    )?;
    module.write_str(
        "
/// Memory of a `Recognizer`, to put into a `static`.
pub type RecognizerMemory = earmark_core::model::Memory<{ SIZES.recognizer }>;

/// Memory of a `Listener` with the model's own settings, to put into a `static`.
pub type ListenerMemory = earmark_core::model::Memory<{ SIZES.listener }>;
",
    )
}

/// Bytes that a stream remembers: delay lines, the rings and sums of running means, and carried states.
fn state_length(plan: &StreamingPlan<'_>) -> usize {
    let states = plan.ops().map(|op| match op {
        Op::RunningMean(mean) => mean.state_length() as usize,
        Op::Recurrent(layer) if layer.carried => layer.state_length() as usize,
        _ => 0,
    });
    plan.delays().map(|delay| delay.length as usize).sum::<usize>() + states.sum::<usize>()
}

fn labels(module: &mut impl Write, labels: &[&str]) -> std::fmt::Result {
    let variants = variants(labels);
    let count = labels.len();
    module.write_str(
        "
/// What the model tells apart, in the order of its scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
",
    )?;
    for (variant, label) in variants.iter().zip(labels) {
        writeln!(module, "    #[doc = {:?}]\n    {variant},", format!("`{label}`"))?;
    }
    write!(
        module,
        "}}

impl Label {{
    /// All labels, in the order of the model's scores.
    pub const ALL: [Self; {count}] = [
"
    )?;
    for variant in &variants {
        writeln!(module, "        Self::{variant},")?;
    }
    module.write_str(
        "    ];

    /// Which of the scores is its own, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label as the model writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
",
    )?;
    for (variant, label) in variants.iter().zip(labels) {
        writeln!(module, "            Self::{variant} => {label:?},")?;
    }
    module.write_str(
        "        }
    }
}

impl core::fmt::Display for Label {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

impl core::convert::TryFrom<usize> for Label {
    type Error = earmark_core::Error;

    fn try_from(label: usize) -> Result<Self, earmark_core::Error> {
        let labels = Self::ALL.len();
        Self::ALL.get(label).copied().ok_or(earmark_core::Error::NoSuchLabel { label, labels })
    }
}
",
    )
}

/// A name for each label that is legal in Rust, of those that are nearest to it; all differ.
fn variants(labels: &[&str]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |label: &&str| {
        let camel: String = label
            .to_upper_camel_case()
            .chars()
            .filter(|&character| unicode_ident::is_xid_continue(character))
            .collect();
        let starts_well = camel.chars().next().is_some_and(unicode_ident::is_xid_start);
        // `Self` is the one keyword that is written so.
        let name = if starts_well && camel != "Self" { camel } else { format!("Label{camel}") };
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
        taken.insert(free.clone());
        free
    };
    labels.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::variants;

    #[test]
    fn every_label_has_a_name_of_its_own() {
        let labels = [
            "yes",
            "_silence_",
            "stop-now",
            "3",
            "self",
            "Yes",
            "!",
            "?",
            "über",
            "x²",
            "日本",
            "a b_C",
            "yes2",
            "label",
        ];
        let names = [
            "Yes",
            "Silence",
            "StopNow",
            "Label3",
            "LabelSelf",
            "Yes2",
            "Label",
            "Label2",
            "Über",
            "X",
            "日本",
            "ABC",
            "Yes22",
            "Label4",
        ];
        assert_eq!(variants(&labels), names);
    }
}
