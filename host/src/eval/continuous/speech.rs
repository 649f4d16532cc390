//! Where in a clip the word is.

use std::ops::Range;

/// Silence within a word at most, in milliseconds: that of a stop, as before the last sound of "right".
const STOP_MS: usize = 150;
/// The softest sound of a word, in dB below its loudest.
const RANGE_DB: f32 = 30.0;
/// How far above the background the word begins, as part of the way from background to peak.
const RISE: f32 = 0.35;

/// Where the loudest sound of a clip is, with what belongs to it: all sounds that no more than a stop's silence parts from it.
///
/// Energy is measured in frames of 20 ms every 10 ms. A frame belongs to the word if it is no more than 30 dB softer than the loudest one
/// and stands out from the background, which is the level that a tenth of the frames stay below. A clip of silence is all word.
pub fn spoken(samples: &[f32], sample_rate: u32) -> Range<usize> {
    let hop = (sample_rate as usize / 100).max(1);
    let levels: Vec<f32> = (0..samples.len().div_ceil(hop))
        .map(|frame| level(&samples[frame * hop..((frame + 2) * hop).min(samples.len())]))
        .collect();
    let Some((loudest, peak)) = levels.iter().copied().enumerate().rev().max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return 0..samples.len();
    };
    let mut sorted = levels.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let background = sorted[sorted.len() / 10];
    let least = (peak - RANGE_DB).max(background + RISE * (peak - background));
    let is_word = |frame: usize| levels[frame] >= least;
    let first = reach(loudest, (0..loudest).rev(), is_word);
    let last = reach(loudest, loudest + 1..levels.len(), is_word);
    first * hop..((last + 2) * hop).min(samples.len())
}

/// The mean square of a frame, in dB; of silence a very low one.
fn level(frame: &[f32]) -> f32 {
    let squares: f32 = frame.iter().map(|sample| sample * sample).sum();
    10.0 * (squares / frame.len().max(1) as f32).max(1e-12).log10()
}

/// The last of some frames that is one of the word's before a pause that is too long.
fn reach(from: usize, frames: impl Iterator<Item = usize>, is_word: impl Fn(usize) -> bool) -> usize {
    let (mut reached, mut pause_ms) = (from, 0);
    for frame in frames {
        if is_word(frame) {
            (reached, pause_ms) = (frame, 0);
        } else if pause_ms >= STOP_MS {
            break;
        } else {
            pause_ms += 10;
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// Sounds (from, to, amplitude; in ms) over a soft hiss.
    fn clip(sounds: &[(usize, usize, f32)]) -> Vec<f32> {
        let mut clip: Vec<f32> = (0..16_000).map(|n| if n % 3 == 0 { 0.001 } else { -0.000_5 }).collect();
        for &(from, to, amplitude) in sounds {
            for (n, sample) in clip.iter_mut().enumerate().take(to * 16).skip(from * 16) {
                *sample += amplitude * (n as f32 * 0.3).sin();
            }
        }
        clip
    }

    fn close(found: Range<usize>, from_ms: usize, to_ms: usize) {
        let off = |found: usize, ms: usize| found.abs_diff(ms * 16) <= 20 * 16;
        assert!(off(found.start, from_ms) && off(found.end, to_ms), "{found:?}");
    }

    #[test]
    fn a_word_begins_and_ends_with_its_sound() {
        close(spoken(&clip(&[(300, 700, 0.5)]), RATE), 300, 700);
    }

    #[test]
    fn a_stop_belongs_to_the_word_and_a_click_far_away_does_not() {
        close(spoken(&clip(&[(300, 500, 0.5), (600, 640, 0.1), (900, 910, 0.3)]), RATE), 300, 640);
        close(spoken(&clip(&[(0, 20, 0.3), (300, 500, 0.5)]), RATE), 300, 500);
    }

    #[test]
    fn silence_and_nothing_are_whole() {
        assert_eq!(spoken(&[], RATE), 0..0);
        assert_eq!(spoken(&[0.0; 1_000], RATE), 0..1_000);
        assert_eq!(spoken(&[0.5], 1), 0..1);
    }
}
