//! Running a plan and looking at the arena.

use super::artifact::{Artifact, Bytes};
use earmark_core::engine::kernels::KernelSet;
use earmark_core::engine::{Network, PlanEngine};
use earmark_core::model::Model;

/// What memory holds before the engine has written to it.
pub const GARBAGE: i8 = 0x5A;

/// An artifact whose window takes at least `length` values in.
pub fn artifact_for(length: usize) -> Artifact {
    const FEATURES: usize = 16;
    Artifact::new(length.div_ceil(FEATURES).max(1) as u16, FEATURES as u16)
}

/// The arena as the first operator finds it, for a window that begins with `input`; the rest of the window is zeros.
pub fn arena_before(bytes: &Bytes, input: &[i8]) -> Vec<i8> {
    let model = Model::new(bytes).expect("a legal artifact");
    let mut arena = vec![GARBAGE; model.arena_length()];
    arena[..model.frames() * model.features()].fill(0);
    arena[..input.len()].copy_from_slice(input);
    arena
}

/// The arena after the plan has run, the same with every kernel set.
pub fn arena_after(bytes: &Bytes, input: &[i8]) -> Vec<i8> {
    let model = Model::new(bytes).expect("a legal artifact");
    let mut arenas = KernelSet::available().map(|kernels| {
        let mut memory = vec![GARBAGE as u8; model.sizes().engine];
        let mut engine =
            PlanEngine::new(model, &mut memory).expect("memory as the model asks for").with_kernels(kernels);
        let mut values = input.iter().map(|&value| f32::from(value)).chain(std::iter::repeat(0.0));
        for _ in 0..model.frames() {
            let frame: Vec<f32> = values.by_ref().take(model.features()).collect();
            engine.push_frame(&frame).expect("a frame of the model's length");
        }
        assert!(engine.quantised_outputs().is_some(), "the window is full");
        memory[..model.arena_length()].iter().map(|&byte| byte as i8).collect::<Vec<_>>()
    });
    let first = arenas.next().expect("the portable kernels are always there");
    for arena in arenas {
        assert_eq!(arena, first, "kernel sets agree");
    }
    first
}
