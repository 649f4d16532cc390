//! The order of an answer: best score first.

use core::num::NonZeroU32;

/// One place in a [`Ranking`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Which label, from 0, in the model's order.
    pub index: usize,
    /// Its score.
    pub score: f32,
}

/// Scores from the highest to the lowest; equal ones in the order of their labels.
///
/// An iterator that looks through the scores once for each place, so it needs no memory to sort in. That suits the tens of
/// labels that a small network has.
///
/// ```
/// use earmark_core::api::Ranking;
///
/// let order = Ranking::new(&[0.2, 0.5, 0.2, 0.1], None).map(|ranked| ranked.index);
/// assert!(order.eq([1, 0, 2, 3]));
/// ```
#[derive(Debug, Clone)]
pub struct Ranking<'s> {
    scores: &'s [f32],
    left: usize,
    last: Option<Ranked>,
}

impl<'s> Ranking<'s> {
    /// Ranks `scores`, one a label. `top_k` ends it early; absent, or above the number of scores, means all of them.
    pub fn new(scores: &'s [f32], top_k: Option<NonZeroU32>) -> Self {
        let left = top_k.map_or(scores.len(), |k| scores.len().min(usize::try_from(k.get()).unwrap_or(usize::MAX)));
        Self { scores, left, last: None }
    }
}

impl Iterator for Ranking<'_> {
    type Item = Ranked;

    fn next(&mut self) -> Option<Ranked> {
        self.left = self.left.checked_sub(1)?;
        let mut best: Option<Ranked> = None;
        for (index, &score) in self.scores.iter().enumerate() {
            let candidate = Ranked { index, score };
            let is_taken = self.last.is_some_and(|last| !comes_before(last, candidate));
            if !is_taken && best.is_none_or(|best| comes_before(candidate, best)) {
                best = Some(candidate);
            }
        }
        self.last = best;
        best
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Ranking<'_> {}

/// A total order, whatever the scores are. Adding zero makes the two zeros one, so that they tie.
fn comes_before(a: Ranked, b: Ranked) -> bool {
    (b.score + 0.0).total_cmp(&(a.score + 0.0)).then(a.index.cmp(&b.index)).is_lt()
}
