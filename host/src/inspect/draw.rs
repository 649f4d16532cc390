//! A plan as a picture: its operators from top to bottom, and beside each the bytes that are in use while it runs.

use std::error::Error as Cause;

use earmark_core::model::{Op, Tensor};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Inspection, Life, Timeline, in_words};
use crate::Error;
use crate::plot::{Area, FONT, png};

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const EDGE: RGBColor = RGBColor(0x1f, 0x5f, 0x8b);
const KEPT: RGBColor = RGBColor(0xc8, 0xc8, 0xc8);
const SCRATCH: RGBColor = RGBColor(0xd9, 0x5f, 0x02);

const WIDTH: i32 = 1500;
/// Height of an operator's row, and of what is above and below a plan's rows.
const ROW: i32 = 22;
const HEAD: i32 = 66;
const FOOT: i32 = 44;
/// Where edges that pass other operators may run, where text stands, and where memory is drawn.
const WIRES: i32 = 70;
const OPERATOR: i32 = 84;
const SHAPES: i32 = 260;
const MACS: i32 = 520;
const NODE: i32 = 530;
const MEMORY: i32 = 700;
const MEMORY_END: i32 = 1400;
/// Pixels below which a value is too narrow for a number.
const NARROW: i32 = 46;

/// Draws a PNG of the plan for whole windows and below it, of a network that streams, the plan for a step.
///
/// Time goes down, an operator a row. Lines at the left lead from an operator to those that read its output. At the right a box is a value
/// in the arena, from the row of the operator that writes it to that of the last one that reads it; grey is what is kept from one run to
/// the next, orange the kernels' scratch memory behind the arena; the number is what is in use in all, in bytes.
///
/// # Errors
/// [`Error::Plot`].
pub fn draw(inspection: &Inspection<'_>) -> Result<Vec<u8>, Error> {
    let model = inspection.model();
    let nodes: Vec<&str> = inspection.steps.iter().map(|step| step.node.as_str()).collect();
    let mut panels = vec![Panel { title: "a whole window", timeline: Timeline::window(model), nodes: &nodes }];
    panels.extend(Timeline::stream(model).map(|timeline| Panel {
        title: "a step of the stream",
        timeline,
        nodes: &[],
    }));
    let height: i32 = panels.iter().map(Panel::height).sum();
    png(WIDTH as u32, height as u32, |area| {
        let mut top = 0;
        for panel in &panels {
            panel.draw(&area.clone().shrink((0, top), (WIDTH as u32, panel.height() as u32)))?;
            top += panel.height();
        }
        Ok(())
    })
}

type Drawn = Result<(), Box<dyn Cause>>;

struct Panel<'a> {
    title: &'static str,
    timeline: Timeline,
    /// The operators' names in the ONNX file, as far as they are known.
    nodes: &'a [&'a str],
}

impl Panel<'_> {
    fn height(&self) -> i32 {
        HEAD + ROW * self.timeline.ops.len() as i32 + FOOT
    }

    /// The upper edge of an operator's row.
    fn row(index: usize) -> i32 {
        HEAD + ROW * index as i32
    }

    /// Bytes that the memory's width stands for: arena and scratch memory.
    fn bytes(&self) -> usize {
        let scratch = (0..self.timeline.ops.len()).map(|index| self.timeline.scratch(index)).max().unwrap_or(0);
        (self.timeline.arena + scratch).max(1)
    }

    fn x(&self, byte: usize) -> i32 {
        MEMORY + ((MEMORY_END - MEMORY) as f64 * byte as f64 / self.bytes() as f64).round() as i32
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let fullest = (0..self.timeline.ops.len()).map(|index| self.timeline.in_use(index)).max().unwrap_or(0);
        let title = format!(
            "{}: {} operators, an arena of {} bytes, at most {fullest} bytes in use with scratch memory",
            self.title,
            self.timeline.ops.len(),
            self.timeline.arena
        );
        area.draw(&Text::new(title, (12, 10), TextStyle::from((FONT, 18)).color(&INK)))?;
        for (text, x) in [("operator", OPERATOR), ("input → output", SHAPES), ("node", NODE), ("memory", MEMORY)] {
            write(area, text, (x, HEAD - 14), HPos::Left, 13)?;
        }
        write(area, "MACs", (MACS, HEAD - 14), HPos::Right, 13)?;
        write(area, "in use", (WIDTH - 12, HEAD - 14), HPos::Right, 13)?;
        self.draw_memory(area)?;
        for (index, op) in self.timeline.ops.iter().enumerate() {
            self.draw_operator(area, index, op)?;
        }
        self.draw_edges(area)
    }

    fn draw_operator(&self, area: &Area<'_>, index: usize, op: &Op) -> Drawn {
        let middle = Self::row(index) + ROW / 2;
        let (input, _) = op.inputs();
        let shape = |tensor: Tensor| in_words(super::shape(&tensor), 8 * tensor.element.bytes());
        write(area, op.name(), (OPERATOR, middle), HPos::Left, 14)?;
        write(area, &format!("{} → {}", shape(input), shape(op.output())), (SHAPES, middle), HPos::Left, 13)?;
        write(area, &op.multiply_accumulates().to_string(), (MACS, middle), HPos::Right, 13)?;
        // A long name loses its end.
        let node: String = self.nodes.get(index).map(|node| node.chars().take(22).collect()).unwrap_or_default();
        write(area, &node, (NODE, middle), HPos::Left, 13)?;
        write(area, &self.timeline.in_use(index).to_string(), (WIDTH - 12, middle), HPos::Right, 13)
    }

    fn draw_memory(&self, area: &Area<'_>) -> Drawn {
        let count = self.timeline.ops.len();
        let bottom = Self::row(count);
        for kept in &self.timeline.lasting {
            let corners = [(self.x(kept.start), HEAD), (self.x(kept.end), bottom)];
            area.draw(&Rectangle::new(corners, KEPT.mix(0.7).filled()))?;
            area.draw(&Rectangle::new(corners, INK.mix(0.25)))?;
        }
        for Life { from, to, bytes } in &self.timeline.lives {
            let corners = [(self.x(bytes.start), Self::row(*from) + 1), (self.x(bytes.end), Self::row(to + 1) - 1)];
            let colour = HSLColor(*from as f64 / count as f64, 0.55, 0.72);
            area.draw(&Rectangle::new(corners, colour.filled()))?;
            area.draw(&Rectangle::new(corners, INK.mix(0.5)))?;
            if corners[1].0 - corners[0].0 >= NARROW {
                let middle = Self::row(*from) + ROW / 2;
                write(area, &bytes.len().to_string(), (corners[0].0 + 5, middle), HPos::Left, 12)?;
            }
        }
        for index in 0..count {
            let scratch = self.timeline.scratch(index);
            if scratch > 0 {
                let arena = self.timeline.arena;
                let corners =
                    [(self.x(arena), Self::row(index) + 1), (self.x(arena + scratch), Self::row(index + 1) - 1)];
                area.draw(&Rectangle::new(corners, SCRATCH.mix(0.6).filled()))?;
            }
        }
        area.draw(&Rectangle::new([(MEMORY, HEAD), (MEMORY_END, bottom)], INK.mix(0.6)))?;
        let arena = self.x(self.timeline.arena);
        area.draw(&PathElement::new([(arena, HEAD), (arena, bottom + 6)], INK.mix(0.6)))?;
        write(area, "0", (MEMORY, bottom + 14), HPos::Left, 12)?;
        write(area, &format!("{} bytes", self.timeline.arena), (arena, bottom + 14), HPos::Right, 12)
    }

    /// From each operator to those that read its output; past others in between by the left.
    fn draw_edges(&self, area: &Area<'_>) -> Drawn {
        let dot = |index: usize| (WIRES, Self::row(index) + ROW / 2);
        for index in 0..self.timeline.ops.len() {
            area.draw(&Circle::new(dot(index), 4, EDGE.filled()))?;
            for source in self.timeline.sources(index) {
                let (from, to) = (dot(source), dot(index));
                let passed = (index - source - 1) as i32;
                if passed == 0 {
                    area.draw(&PathElement::new([from, to], EDGE.stroke_width(2)))?;
                    continue;
                }
                let beside = (WIRES - 10 - 6 * passed).max(6);
                let corners = [from, (beside, from.1 + 6), (beside, to.1 - 6), to];
                area.draw(&PathElement::new(corners, EDGE.mix(0.8).stroke_width(2)))?;
            }
        }
        Ok(())
    }
}

/// Text whose middle is at a height.
fn write(area: &Area<'_>, text: &str, at: (i32, i32), side: HPos, size: i32) -> Drawn {
    let style = TextStyle::from((FONT, size)).color(&INK).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}
