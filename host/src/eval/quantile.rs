//! The middle of some numbers, and where most of them lie.

/// The smallest of some values that at least a share (0 to 1) of them does not exceed; none of none.
///
/// ```
/// use earmark::eval::quantile;
/// assert_eq!(quantile(vec![3, 1, 2, 4], 0.5), Some(2));
/// assert_eq!(quantile(vec![3, 1, 2, 4], 0.95), Some(4));
/// ```
#[must_use]
pub fn quantile<T: Ord + Copy>(mut values: Vec<T>, share: f64) -> Option<T> {
    values.sort_unstable();
    let place = (share * values.len() as f64).ceil() as usize;
    values.get(place.saturating_sub(1)).copied()
}
