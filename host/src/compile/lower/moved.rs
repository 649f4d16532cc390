//! Values in another order in memory, where an operator needs them so: blocks are copied, each from its place to another.

use tract_onnx::prelude::*;

use super::{Lowering, Operand};
use crate::Error;
use crate::compile::ir::Kind;
use crate::compile::layout::Layout;

/// Most copies that a change of order may take; each is an operator of the artifact.
const MAX_COPIES: usize = 128;

/// An exchange of two neighbouring blocks in memory, `outer × first × second × inner`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exchange {
    outer: usize,
    first: usize,
    second: usize,
    inner: usize,
}

impl Exchange {
    /// Copies that it takes: one for each place along the shorter of the two.
    fn copies(self) -> usize {
        self.first.min(self.second)
    }
}

/// The exchanges that bring the factors of `extents` into the order `target`.
fn exchanges(extents: &[usize], target: &[usize]) -> Vec<Exchange> {
    let product = |factors: &[usize]| factors.iter().map(|&factor| extents[factor]).product();
    let mut present: Vec<usize> = (0..extents.len()).collect();
    let mut found = Vec::new();
    for place in 0..target.len() {
        let Some(at) = present.iter().position(|&factor| factor == target[place]).filter(|&at| at > place) else {
            continue;
        };
        // What follows in both orders goes along.
        let run = present[at..].iter().zip(&target[place..]).take_while(|(a, b)| a == b).count();
        found.push(Exchange {
            outer: product(&present[..place]),
            first: product(&present[place..at]),
            second: product(&present[at..at + run]),
            inner: product(&present[at + run..]),
        });
        present[place..at + run].rotate_left(at - place);
    }
    found
}

impl Lowering<'_> {
    /// The operand with its axes one behind the other in memory in the order `axes`, which are all that have more than one place.
    pub(super) fn ordered(&mut self, node: &TypedNode, input: &Operand, axes: &[usize]) -> Result<Operand, Error> {
        self.ordered_cheaply(node, input, &[axes])
    }

    /// The same in whichever order takes the fewest copies.
    pub(super) fn ordered_cheaply(
        &mut self,
        node: &TypedNode,
        input: &Operand,
        orders: &[&[usize]],
    ) -> Result<Operand, Error> {
        let layout = &input.layout;
        let ways = orders.iter().map(|axes| {
            let target: Vec<usize> = axes.iter().flat_map(|&axis| layout.factors(axis)).copied().collect();
            let steps = exchanges(layout.memory(), &target);
            (steps.iter().map(|step| step.copies()).sum::<usize>(), target, steps)
        });
        let whole = ways.filter(|(copies, target, _)| target.len() == layout.memory().len() && *copies <= MAX_COPIES);
        let Some((_, target, steps)) = whole.min_by_key(|&(copies, ..)| copies) else {
            return Err(self.must_move(node));
        };
        let mut operand = input.clone();
        for step in steps {
            operand = self.exchanged(node, &operand, step);
        }
        Ok(Operand { layout: input.layout.reordered(&target).merged(), ..operand })
    }

    /// The operand with the places of each of `axes` one behind the other, and these axes one behind the other, where the first of them
    /// stands; the others stay in their order.
    pub(super) fn gathered(&mut self, node: &TypedNode, input: &Operand, axes: &[usize]) -> Result<Operand, Error> {
        let mut order = axes_in_memory(&input.layout);
        let place = order.iter().position(|axis| axes.contains(axis)).unwrap_or(0);
        order.retain(|axis| !axes.contains(axis));
        order.splice(place..place, axes.iter().copied());
        self.ordered(node, input, &order)
    }

    fn exchanged(&mut self, node: &TypedNode, input: &Operand, step: Exchange) -> Operand {
        let Exchange { outer, first, second, inner } = step;
        let by_first = [outer, first, second * inner];
        let by_place = [outer, first * second, inner];
        let by_second = [outer, second, first * inner];
        let element = self.graph.element(input.tensor);
        let tensor = self.graph.add_tensor(input.layout.length(), element);
        for index in 0..step.copies() {
            // Either all that stands at one place along the second, or at one along the first.
            let (from, to, shapes, extent) = if second <= first {
                ([0, 0, index * inner], [0, index * first, 0], [by_first, by_place], [outer, first, inner])
            } else {
                ([0, index * second, 0], [0, 0, index * inner], [by_place, by_second], [outer, second, inner])
            };
            self.copy(node, input.place(shapes[0], 0), (tensor, shapes[1]), Kind::Copy { from, to, extent });
        }
        Operand { tensor, offset: 0, ..input.clone() }
    }
}

/// The axes that have more than one place, in the order in which they begin in memory.
pub(super) fn axes_in_memory(layout: &Layout) -> Vec<usize> {
    let mut axes: Vec<usize> = (0..layout.rank()).filter(|&axis| !layout.factors(axis).is_empty()).collect();
    axes.sort_by_key(|&axis| layout.factors(axis).iter().min().copied());
    axes
}

#[cfg(test)]
mod tests {
    use super::{Exchange, exchanges};

    #[test]
    fn blocks_are_exchanged_until_they_are_in_order() {
        assert_eq!(exchanges(&[7, 5, 3], &[0, 1, 2]), []);
        let turned = Exchange { outer: 1, first: 7, second: 5, inner: 3 };
        assert_eq!(exchanges(&[7, 5, 3], &[1, 0, 2]), [turned]);
        let channels_first = Exchange { outer: 1, first: 35, second: 3, inner: 1 };
        assert_eq!(exchanges(&[7, 5, 3], &[2, 0, 1]), [channels_first]);
        let both = [channels_first, Exchange { outer: 3, first: 7, second: 5, inner: 1 }];
        assert_eq!(exchanges(&[7, 5, 3], &[2, 1, 0]), both);
    }
}
