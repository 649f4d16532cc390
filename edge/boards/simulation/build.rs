//! The model that goes into the firmware.

#[path = "../build/model.rs"]
mod model;

fn main() {
    model::find("commands-m.ear");
}
