//! From a network's raw outputs to scores.

use core::str::FromStr;

use crate::Error;
use crate::model::Problem;

/// What turns a network's raw outputs into scores, named as in the API (`function_to_apply`).
///
/// ```
/// use earmark_core::api::FunctionToApply;
///
/// let function: FunctionToApply = "softmax".parse()?;
/// let mut scores = [1.0, 1.0];
/// function.apply(&mut scores);
/// assert_eq!(scores, [0.5, 0.5]);
/// assert!("Softmax".parse::<FunctionToApply>().is_err());
/// # Ok::<(), earmark_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FunctionToApply {
    /// Each output by itself becomes 1 / (1 + e⁻ˣ): for models whose labels can occur together.
    Sigmoid,
    /// eˣ over the sum of all eˣ: for models of which one label is right. Scores sum to 1.
    #[default]
    Softmax,
    /// The raw outputs as they are.
    None,
}

impl FunctionToApply {
    /// The names that requests use, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["sigmoid", "softmax", "none"];

    /// The name that requests use.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Replaces raw outputs by scores, in place.
    ///
    /// The result is finite for any input, and the same bits on every target: f32 operations in index order and `libm`'s
    /// exponential. Outputs beyond the range of f32 count as its ends, not-a-number as the lowest.
    pub fn apply(self, outputs: &mut [f32]) {
        for output in outputs.iter_mut() {
            *output = if output.is_nan() { f32::MIN } else { output.clamp(f32::MIN, f32::MAX) };
        }
        match self {
            Self::Sigmoid => outputs.iter_mut().for_each(|output| *output = sigmoid(*output)),
            Self::Softmax => softmax(outputs),
            Self::None => {}
        }
    }
}

impl From<Problem> for FunctionToApply {
    /// What suits a model unless somebody asks for something else.
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::SingleLabel => Self::Softmax,
            Problem::MultiLabel => Self::Sigmoid,
        }
    }
}

impl FromStr for FunctionToApply {
    type Err = Error;

    /// Accepts exactly `sigmoid`, `softmax` and `none`; anything else is [`Error::FunctionUnknown`].
    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::Sigmoid, Self::Softmax, Self::None]
            .into_iter()
            .find(|function| function.name() == name)
            .ok_or(Error::FunctionUnknown)
    }
}

/// The exponential is only ever taken of a negative number, so it cannot overflow.
fn sigmoid(x: f32) -> f32 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::expf(-x))
    } else {
        let e = libm::expf(x);
        e / (1.0 + e)
    }
}

/// The greatest output is subtracted first, so that every exponential lies in 0..=1 and the sum in 1..=length.
fn softmax(outputs: &mut [f32]) {
    let greatest = outputs.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for output in outputs.iter_mut() {
        *output = libm::expf(*output - greatest);
        sum += *output;
    }
    for output in outputs.iter_mut() {
        *output /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_far_out_are_stable() {
        let mut scores = [1000.0, 999.0, -1000.0];
        FunctionToApply::Softmax.apply(&mut scores);
        assert_eq!(scores, [0.731_058_6, 0.268_941_43, 0.0]);

        let mut scores = [1000.0, 0.0, -1000.0];
        FunctionToApply::Sigmoid.apply(&mut scores);
        assert_eq!(scores, [1.0, 0.5, 0.0]);
    }

    #[test]
    fn values_that_are_no_numbers_come_out_as_numbers() {
        for function in [FunctionToApply::Sigmoid, FunctionToApply::Softmax, FunctionToApply::None] {
            let mut scores = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0];
            function.apply(&mut scores);
            assert!(scores.iter().all(|score| score.is_finite()), "{function:?}: {scores:?}");
            assert!(scores[1] >= scores[3] && scores[3] >= scores[0], "{function:?}: {scores:?}");
        }
        let mut scores = [f32::NAN; 4];
        FunctionToApply::Softmax.apply(&mut scores);
        assert_eq!(scores, [0.25; 4]);
        FunctionToApply::Softmax.apply(&mut []);
    }

    #[test]
    fn names_are_exact() {
        for name in FunctionToApply::NAMES {
            assert_eq!(name.parse::<FunctionToApply>().map(FunctionToApply::name), Ok(name));
        }
        for name in ["Softmax", "SIGMOID", "relu", "", " none"] {
            assert_eq!(name.parse::<FunctionToApply>(), Err(Error::FunctionUnknown));
        }
    }
}
