//! Which layers give int16.

use earmark_core::model::Element;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::source::TypedSource;

use super::rewrite::Layer;
use crate::Error;
use crate::compile::import::printable;

/// Most names that are proposed in place of an unknown one.
const PROPOSED: usize = 3;

/// The layers whose values are held in 16 bits instead of 8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Int16 {
    /// None.
    #[default]
    None,
    /// All of them, and the features too if the front end computes in `f32`.
    All,
    /// Those of these nodes, named as in [`LayerNoise`](super::LayerNoise).
    Layers(Vec<String>),
}

/// What each layer gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a> {
    pub(super) int16: &'a Int16,
    /// Whether the features can be int16.
    pub(super) features: bool,
}

impl Elements<'_> {
    /// What the layer of a node gives.
    pub(super) fn of(self, node: &TypedNode) -> Element {
        let is_int16 = match self.int16 {
            Int16::None => false,
            Int16::All => true,
            Int16::Layers(names) => names.contains(&printable(&node.name)),
        };
        let can_be = self.features || !node.op.is::<TypedSource>();
        if is_int16 && can_be { Element::Int16 } else { Element::Int8 }
    }

    /// Whether each layer that was named is one, and could be int16.
    ///
    /// # Errors
    /// [`Error::Calibration`] with the names that come nearest.
    pub(super) fn check(self, layers: &[Layer]) -> Result<(), Error> {
        let Int16::Layers(names) = self.int16 else { return Ok(()) };
        let known: Vec<String> = layers.iter().map(|layer| printable(&layer.node)).collect();
        for name in names {
            match known.iter().position(|other| other == name) {
                None => {
                    let what = format!("there is no layer {name:?}: did you mean {}?", near(name, &known).join(" or "));
                    return Err(Error::Calibration { what });
                }
                Some(place) if layers[place].quant.element == Element::Int8 => {
                    let what = format!(
                        "{name} gives int8 in any case, as recurrent layers and the features of a front end in integers do: leave it out"
                    );
                    return Err(Error::Calibration { what });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// The names that are most like another.
fn near<'n>(name: &str, known: &'n [String]) -> Vec<&'n str> {
    let mut ranked: Vec<(f64, &str)> =
        known.iter().map(|other| (strsim::jaro_winkler(name, other), other.as_str())).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.dedup_by(|a, b| a.1 == b.1);
    ranked.into_iter().take(PROPOSED).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn near_names_come_first() {
        let known = ["conv1", "conv2", "block.3.add", "output"].map(str::to_owned);
        assert_eq!(near("conv3", &known)[..2], ["conv1", "conv2"]);
        assert_eq!(near("block3.add", &known)[0], "block.3.add");
    }
}
