//! The inputs under the taps of one position.

/// Most taps that the vector kernels take; the portable kernel serves larger filters.
const MOST: usize = 64;

/// Where the channels under each tap begin.
pub(super) struct Taps<'x> {
    inputs: [&'x [i8]; MOST],
    count: usize,
}

impl<'x> Taps<'x> {
    pub(super) const fn new() -> Self {
        Self { inputs: [&[]; MOST], count: 0 }
    }

    /// Collects the inputs of a position; `None` unless there are `count` of them with `channels` values each.
    #[inline(always)]
    pub(super) fn collect(
        &mut self,
        taps: impl Iterator<Item = &'x [i8]>,
        count: usize,
        channels: usize,
    ) -> Option<&[&'x [i8]]> {
        self.count = 0;
        let mut whole = true;
        taps.for_each(|values| {
            whole &= values.len() >= channels;
            if let Some(input) = self.inputs.get_mut(self.count) {
                *input = values;
            }
            self.count += 1;
        });
        if whole && self.count == count { self.inputs.get(..count) } else { None }
    }
}
