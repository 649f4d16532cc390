//! The model that goes into the firmware.

#[path = "../build/model.rs"]
mod model;

fn main() {
    // Streams, and fits the smallest of the boards.
    model::find("commands-s.ear");
}
