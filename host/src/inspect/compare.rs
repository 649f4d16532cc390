//! Two artifacts side by side.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::facts::Facts;
use super::{Inspection, Step, in_words};

/// A value that is not the same in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What it is called in [`Inspection::json`].
    pub what: String,
    /// Of the first model.
    pub model: Value,
    /// Of the other one.
    pub against: Value,
}

/// What became of a layer on the way from the first model to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Both have it, with the same numbers in it.
    Same,
    /// Both have a layer of these shapes, with other weights, scales or tables.
    OtherNumbers,
    /// Only the first model has it.
    OnlyModel,
    /// Only the other one has it.
    OnlyAgainst,
}

/// A layer of either or both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerChange {
    /// Who has it.
    pub change: Change,
    /// Its number in the first model, from 0.
    pub model: Option<usize>,
    /// Its number in the other one.
    pub against: Option<usize>,
    /// The layer, as the first model has it if both do.
    pub layer: Step,
}

/// How two artifacts differ. Layers are matched in order, by operator, bits, shapes and window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Labels of the first model that the other does not have.
    pub labels_only_model: Vec<String>,
    /// Labels of the other model that the first does not have.
    pub labels_only_against: Vec<String>,
    /// Whether the labels that both have come in another order.
    pub labels_reordered: bool,
    /// Name, problem, compiler, and the source's SHA-256.
    pub about: Vec<Difference>,
    /// Settings and tables.
    pub front_end: Vec<Difference>,
    /// Defaults and thresholds.
    pub detector: Vec<Difference>,
    /// Bytes and multiplications, the same ones as well.
    pub sizes: Vec<Difference>,
    /// Layers of both.
    pub layers: Vec<LayerChange>,
}

impl Comparison {
    /// Holds `model` against another one.
    #[must_use]
    pub fn new(model: &Inspection<'_>, against: &Inspection<'_>) -> Self {
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            (model.model().labels().collect(), against.model().labels().collect());
        let missing = |from: &[&str], among: &[&str]| -> Vec<String> {
            from.iter().filter(|label| !among.contains(label)).map(|&label| label.to_owned()).collect()
        };
        let shared = |from: &[&'_ str], among: &[&str]| -> Vec<String> {
            from.iter().filter(|label| among.contains(label)).map(|&label| label.to_owned()).collect()
        };
        Self {
            labels_only_model: missing(&ours, &theirs),
            labels_only_against: missing(&theirs, &ours),
            labels_reordered: shared(&ours, &theirs) != shared(&theirs, &ours),
            about: differing(about(model), about(against)),
            front_end: differing(model.front_end_facts(), against.front_end_facts()),
            detector: differing(model.detector_facts(), against.detector_facts()),
            sizes: pairs(model.size_facts(), against.size_facts()),
            layers: layers(&model.steps, &against.steps),
        }
    }

    /// Whether nothing at all differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let labels = self.labels_only_model.is_empty() && self.labels_only_against.is_empty() && !self.labels_reordered;
        let facts = self.about.is_empty() && self.front_end.is_empty() && self.detector.is_empty();
        let sizes = self.sizes.iter().all(|size| size.model == size.against);
        labels && facts && sizes && self.layers.iter().all(|layer| layer.change == Change::Same)
    }
}

fn about(inspection: &Inspection<'_>) -> Facts {
    let hash: String = inspection.model().source_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("name", inspection.provenance["name"].clone()),
        ("problem", inspection.problem().into()),
        ("compiler", inspection.provenance["compiler"].clone()),
        ("source", hash.into()),
    ]
}

/// Both give the same names in the same order.
fn pairs(model: Facts, against: Facts) -> Vec<Difference> {
    let pair = |((what, model), (_, against)): ((&str, Value), (&str, Value))| Difference {
        what: what.to_owned(),
        model,
        against,
    };
    model.into_iter().zip(against).map(pair).collect()
}

fn differing(model: Facts, against: Facts) -> Vec<Difference> {
    pairs(model, against).into_iter().filter(|pair| pair.model != pair.against).collect()
}

fn layers(model: &[Step], against: &[Step]) -> Vec<LayerChange> {
    let shapes = |steps: &[Step]| {
        steps.iter().map(|step| (step.operator, step.bits, step.input, step.output, step.details.clone())).collect()
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = (shapes(model), shapes(against));
    let mut layers = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &ours, &theirs) {
        let (tag, old, new) = operation.as_tag_tuple();
        if tag == DiffTag::Equal {
            layers.extend(old.zip(new).map(|(ours, theirs)| {
                let is_same = model[ours].contents == against[theirs].contents;
                LayerChange {
                    change: if is_same { Change::Same } else { Change::OtherNumbers },
                    model: Some(ours),
                    against: Some(theirs),
                    layer: model[ours].clone(),
                }
            }));
            continue;
        }
        let one = |change, model, against, layer: &Step| LayerChange { change, model, against, layer: layer.clone() };
        layers.extend(old.map(|index| one(Change::OnlyModel, Some(index), None, &model[index])));
        layers.extend(new.map(|index| one(Change::OnlyAgainst, None, Some(index), &against[index])));
    }
    layers
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_same() {
            writeln!(f, "the models are the same but for provenance")?;
        }
        for (words, labels) in [
            ("labels of the first alone", &self.labels_only_model),
            ("labels of the other alone", &self.labels_only_against),
        ] {
            if !labels.is_empty() {
                writeln!(f, "{words}: {}", labels.join(" "))?;
            }
        }
        if self.labels_reordered {
            writeln!(f, "the labels come in another order")?;
        }
        section(f, "about", &self.about)?;
        section(f, "front end", &self.front_end)?;
        section(f, "detector", &self.detector)?;
        self.write_sizes(f)?;
        self.write_layers(f)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, differences: &[Difference]) -> fmt::Result {
    for Difference { what, model, against } in differences {
        // Of thresholds, those of the labels that differ.
        if let (Value::Object(ours), Value::Object(theirs)) = (model, against) {
            for (label, threshold) in ours {
                if let Some(other) = theirs.get(label).filter(|other| *other != threshold) {
                    writeln!(f, "{title:<11}{what:<18}{label}: {} → {}", short(threshold), short(other))?;
                }
            }
            continue;
        }
        writeln!(f, "{title:<11}{what:<18}{} → {}", short(model), short(against))?;
    }
    Ok(())
}

/// A value without the quotes of JSON.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        // Singles that JSON writes as doubles.
        Value::Number(number) if number.is_f64() => (number.as_f64().unwrap_or_default() as f32).to_string(),
        other => other.to_string(),
    }
}

impl Comparison {
    fn write_sizes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<18}{:>12}{:>12}", "", "first", "other")?;
        for Difference { what, model, against } in &self.sizes {
            write!(f, "{what:<18}{:>12}{:>12}", short(model), short(against))?;
            match (model.as_f64(), against.as_f64()) {
                (Some(ours), Some(theirs)) if ours != theirs && ours != 0.0 => {
                    writeln!(f, "{:>+10.1} %", 100.0 * (theirs - ours) / ours)?;
                }
                _ => writeln!(f)?,
            }
        }
        writeln!(f)
    }

    fn write_layers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = |layer: &Step| in_words(layer.input, layer.bits[0]);
        let widest = self.layers.iter().map(|layer| input(&layer.layer).chars().count()).max().unwrap_or(0);
        writeln!(f, "layers: - of the first alone, + of the other alone, ~ in both with other numbers")?;
        for LayerChange { change, layer, .. } in &self.layers {
            let sign = match change {
                Change::Same => ' ',
                Change::OtherNumbers => '~',
                Change::OnlyModel => '-',
                Change::OnlyAgainst => '+',
            };
            let text = format!(
                "{sign} {:<22}{:>widest$} → {:<12}{:>10} MACs  {}",
                layer.operator,
                input(layer),
                in_words(layer.output, layer.bits[1]),
                layer.macs,
                layer.details
            );
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}
