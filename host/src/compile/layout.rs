//! Where the axes of a network's tensors lie in memory.
//!
//! The engine keeps every tensor as time × frequency × channels, channels last, and never moves data about. ONNX graphs
//! do: they transpose, reshape, squeeze and flatten. A [`Layout`] follows a tensor through all that without touching
//! its bytes. It splits the memory into *factors*, extents of nested loops from the outermost to the innermost, and
//! says for each axis of the ONNX tensor which factors it runs over. Axes of extent 1 run over none, so they come and
//! go for free.

/// The axes of a tensor and the memory below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Extents of the nested loops over memory, outermost first, each above 1.
    memory: Vec<usize>,
    /// For each axis the factors that it runs over, slowest first. Together they name each factor once.
    axes: Vec<Vec<usize>>,
}

impl Layout {
    /// A tensor of shape `shape` whose axes lie in memory in the order `order`, outermost first.
    ///
    /// ```text
    /// // Features [1, F, T] that are stored frame after frame:
    /// Layout::new(&[1, 40, 98], &[0, 2, 1]);
    /// ```
    pub fn new(shape: &[usize], order: &[usize]) -> Self {
        let mut axes = vec![Vec::new(); shape.len()];
        let mut memory = Vec::new();
        for &axis in order {
            if shape[axis] > 1 {
                axes[axis].push(memory.len());
                memory.push(shape[axis]);
            }
        }
        Self { memory, axes }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.axes.len()
    }

    /// Extent of an axis.
    pub fn extent(&self, axis: usize) -> usize {
        self.product(&self.axes[axis])
    }

    /// Extents of all axes.
    pub fn shape(&self) -> Vec<usize> {
        (0..self.rank()).map(|axis| self.extent(axis)).collect()
    }

    /// Number of values.
    pub fn length(&self) -> usize {
        self.memory.iter().product()
    }

    /// Extents of the nested loops over memory, outermost first.
    pub fn memory(&self) -> &[usize] {
        &self.memory
    }

    /// The factors that an axis runs over.
    pub fn factors(&self, axis: usize) -> &[usize] {
        &self.axes[axis]
    }

    /// Whether `axes` are all that have more than one place, and lie in memory one behind the other in this order.
    pub fn is_ordered(&self, axes: &[usize]) -> bool {
        axes.iter().flat_map(|&axis| &self.axes[axis]).copied().eq(0..self.memory.len())
    }

    /// The factors that some axes run over, if they lie one behind the other.
    pub fn run_of(&self, axes: &[usize]) -> Option<std::ops::Range<usize>> {
        let mut factors: Vec<usize> = axes.iter().flat_map(|&axis| &self.axes[axis]).copied().collect();
        factors.sort_unstable();
        let first = factors.first().copied().unwrap_or(0);
        let run = first..first + factors.len();
        factors.into_iter().eq(run.clone()).then_some(run)
    }

    /// The product of some factors' extents.
    pub fn product(&self, factors: &[usize]) -> usize {
        factors.iter().map(|&factor| self.memory[factor]).product()
    }

    /// Inserts an axis of extent 1.
    pub fn add_axis(&mut self, at: usize) {
        self.axes.insert(at, Vec::new());
    }

    /// Removes an axis; `false` if its extent is not 1.
    pub fn remove_axis(&mut self, at: usize) -> bool {
        let removable = self.axes[at].is_empty();
        if removable {
            self.axes.remove(at);
        }
        removable
    }

    /// Moves an axis, the others close up.
    pub fn move_axis(&mut self, from: usize, to: usize) {
        let axis = self.axes.remove(from);
        self.axes.insert(to, axis);
    }

    /// Replaces `count` axes from `at` on by axes of the extents `to`; `false` if the values would have to move.
    pub fn reshape(&mut self, at: usize, count: usize, to: &[usize]) -> bool {
        let mut rest = self.axes[at..at + count].concat().into_iter();
        let mut axes = Vec::new();
        for &extent in to {
            let mut axis = Vec::new();
            let mut missing = extent;
            while missing > 1 {
                let Some(factor) = rest.next() else { return false };
                let found = self.memory[factor];
                if missing.is_multiple_of(found) {
                    missing /= found;
                    axis.push(factor);
                } else if found.is_multiple_of(missing) {
                    self.split(factor, missing);
                    return self.reshape(at, count, to);
                } else {
                    return false;
                }
            }
            axes.push(axis);
        }
        if rest.next().is_some() {
            return false;
        }
        self.axes.splice(at..at + count, axes);
        true
    }

    /// Splits a factor in two, the outer one of extent `outer`, which divides it.
    fn split(&mut self, factor: usize, outer: usize) {
        let inner = self.memory[factor] / outer;
        self.memory[factor] = outer;
        self.memory.insert(factor + 1, inner);
        for axis in &mut self.axes {
            axis.iter_mut().for_each(|other| *other += usize::from(*other > factor));
            if let Some(place) = axis.iter().position(|&other| other == factor) {
                axis.insert(place + 1, factor + 1);
            }
        }
    }

    /// The layout with factors merged that follow one another both in memory and in an axis: equal for tensors whose
    /// values stand in the same order.
    pub fn merged(&self) -> Self {
        let mut merged = self.clone();
        let mut factor = 0;
        while factor + 1 < merged.memory.len() {
            let follows = |axis: &Vec<usize>| axis.windows(2).any(|pair| pair == [factor, factor + 1]);
            if merged.axes.iter().any(follows) {
                merged.memory[factor] *= merged.memory.remove(factor + 1);
                for axis in &mut merged.axes {
                    axis.retain(|&other| other != factor + 1);
                    axis.iter_mut().for_each(|other| *other -= usize::from(*other > factor));
                }
            } else {
                factor += 1;
            }
        }
        merged
    }

    /// The same axes over a memory that has its factors in the order `order`.
    pub fn reordered(&self, order: &[usize]) -> Self {
        let memory = order.iter().map(|&factor| self.memory[factor]).collect();
        let place = |factor: &usize| order.iter().position(|other| other == factor).unwrap_or(*factor);
        let axes = self.axes.iter().map(|axis| axis.iter().map(place).collect()).collect();
        Self { memory, axes }
    }

    /// Changes the extent of an axis that runs over at most one factor; `place` says where a factor goes that it lacks
    /// so far.
    pub fn resized(&self, axis: usize, extent: usize, place: usize) -> Self {
        let mut layout = self.clone();
        match (self.axes[axis].first().copied(), extent > 1) {
            (Some(factor), true) => layout.memory[factor] = extent,
            (Some(factor), false) => layout.drop_factor(factor),
            (None, true) => {
                layout.memory.insert(place, extent);
                layout.axes.iter_mut().flatten().for_each(|other| *other += usize::from(*other >= place));
                layout.axes[axis].push(place);
            }
            (None, false) => {}
        }
        layout
    }

    /// For each place in memory below factor `first`, in order, its index along every axis.
    pub fn indices(&self, first: usize) -> Vec<Vec<usize>> {
        let mut places = vec![vec![0; self.rank()]];
        for factor in first..self.memory.len() {
            // Each factor belongs to one axis; those behind it there count within its steps.
            let found = (0..self.rank()).find_map(|axis| {
                let at = self.axes[axis].iter().position(|&other| other == factor)?;
                Some((axis, self.product(&self.axes[axis][at + 1..])))
            });
            let (axis, step) = found.unwrap_or((0, 0));
            let extent = self.memory[factor];
            places = places
                .into_iter()
                .flat_map(|place| {
                    (0..extent).map(move |index| {
                        let mut place = place.clone();
                        place[axis] += index * step;
                        place
                    })
                })
                .collect();
        }
        places
    }

    /// Lets the first of `count` axes from `at` on run over all that they run over, which must lie one behind the other in memory, as one
    /// factor.
    pub fn join(&mut self, at: usize, count: usize) {
        let factors = self.axes[at..at + count].concat();
        let Some((&first, rest)) = factors.split_first() else { return };
        self.memory[first] = self.product(&factors);
        self.memory.drain(first + 1..first + 1 + rest.len());
        for axis in &mut self.axes {
            axis.retain(|factor| !rest.contains(factor));
            axis.iter_mut().for_each(|factor| *factor -= if *factor > first { rest.len() } else { 0 });
        }
        self.axes[at..at + count].iter_mut().for_each(Vec::clear);
        self.axes[at] = vec![first];
    }

    /// Takes a factor away: its axis has the extent 1 along it.
    pub fn drop_factor(&mut self, factor: usize) {
        self.memory.remove(factor);
        for axis in &mut self.axes {
            axis.retain(|&other| other != factor);
            axis.iter_mut().for_each(|other| *other -= usize::from(*other > factor));
        }
    }

    /// The memory as height, width and channels, cut at two places: before factor `first` and before factor `second`.
    pub fn cut(&self, first: usize, second: usize) -> [usize; 3] {
        let product = |factors: &[usize]| factors.iter().product();
        [product(&self.memory[..first]), product(&self.memory[first..second]), product(&self.memory[second..])]
    }

    /// The memory as height, width and channels for operators to which the difference does not matter: the outermost
    /// factor is the height, the innermost the channels.
    pub fn natural(&self) -> [usize; 3] {
        let count = self.memory.len();
        self.cut(usize::from(count > 1), count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn features_are_channels_after_channels_or_rows_after_rows() {
        let channels_first = Layout::new(&[1, 40, 98], &[0, 2, 1]);
        assert_eq!(channels_first.memory(), [98, 40]);
        assert_eq!(channels_first.factors(1), [1]);
        assert_eq!(channels_first.shape(), [1, 40, 98]);
    }

    #[test]
    fn axes_come_and_go() {
        let mut layout = Layout::new(&[1, 40, 98], &[0, 2, 1]);
        layout.move_axis(1, 2);
        layout.add_axis(1);
        assert_eq!(layout.shape(), [1, 1, 98, 40]);
        assert!(!layout.remove_axis(2));
        assert!(layout.remove_axis(0));
        assert_eq!(layout.shape(), [1, 98, 40]);
    }

    #[test]
    fn flattening_keeps_the_order_of_axes_and_of_memory() {
        let mut layout = Layout::new(&[1, 8, 5, 4], &[0, 2, 3, 1]);
        assert!(layout.reshape(1, 3, &[160]));
        assert_eq!(layout.shape(), [1, 160]);
        assert_eq!(layout.factors(1), [2, 0, 1]);
        assert_eq!(layout.memory(), [5, 4, 8]);
    }

    #[test]
    fn an_axis_is_split_and_merged_again() {
        let mut layout = Layout::new(&[1, 12, 7], &[0, 2, 1]);
        let before = layout.merged();
        assert!(layout.reshape(1, 1, &[3, 4]));
        assert_eq!(layout.shape(), [1, 3, 4, 7]);
        assert_eq!(layout.memory(), [7, 3, 4]);
        assert!(layout.reshape(1, 2, &[12]));
        assert_eq!(layout.merged(), before);
        assert!(!layout.reshape(1, 1, &[5, 3]));
    }

    #[test]
    fn memory_in_another_order_has_the_same_axes() {
        let layout = Layout::new(&[1, 8, 5, 4], &[0, 2, 3, 1]);
        let turned = layout.reordered(&[2, 0, 1]);
        assert_eq!((turned.memory(), turned.shape()), (&[8, 5, 4][..], layout.shape()));
        assert_eq!([1, 2, 3].map(|axis| turned.factors(axis).to_vec()), [[0], [1], [2]]);
    }

    #[test]
    fn joined_axes_are_cut_anywhere() {
        let mut layout = Layout::new(&[1, 7, 6, 4], &[0, 1, 2, 3]);
        assert!(!layout.clone().reshape(2, 2, &[8, 3]));
        layout.join(2, 2);
        assert_eq!(layout.shape(), [1, 7, 24, 1]);
        assert!(layout.reshape(2, 2, &[8, 3]));
        assert_eq!((layout.memory(), layout.shape()), (&[7, 8, 3][..], vec![1, 7, 8, 3]));
    }

    #[test]
    fn a_resized_axis_keeps_its_place() {
        let layout = Layout::new(&[1, 8, 5], &[0, 2, 1]);
        assert_eq!(layout.resized(2, 3, 0).memory(), [3, 8]);
        assert_eq!(layout.resized(2, 1, 0).memory(), [8]);
        assert_eq!(layout.resized(2, 1, 0).resized(2, 4, 0).shape(), [1, 8, 4]);
    }

    #[test]
    fn places_are_named_in_the_order_of_memory() {
        // 2 channels × 3 frames, stored frame after frame, as one axis.
        let mut layout = Layout::new(&[1, 2, 3], &[0, 2, 1]);
        assert_eq!(layout.indices(1), [[0, 0, 0], [0, 1, 0]]);
        assert!(layout.reshape(1, 2, &[6]));
        let places: Vec<usize> = layout.indices(0).iter().map(|place| place[1]).collect();
        assert_eq!(places, [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn cuts_give_height_width_and_channels() {
        let layout = Layout::new(&[1, 8, 5, 4], &[0, 2, 3, 1]);
        assert_eq!(layout.natural(), [5, 4, 8]);
        assert_eq!(layout.cut(0, 2), [1, 20, 8]);
        assert_eq!(Layout::new(&[1, 6], &[0, 1]).natural(), [1, 1, 6]);
        assert_eq!(Layout::new(&[1, 1], &[0, 1]).natural(), [1, 1, 1]);
    }
}
