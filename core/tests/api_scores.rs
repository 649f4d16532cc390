//! From raw outputs to an answer: functions, order and JSON, for any numbers.

use core::num::NonZeroU32;

use earmark_core::api::{FunctionToApply, Ranking, response_bound, write_response};
use proptest::prelude::*;

/// Finite and other numbers, with enough repetition to meet ties.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![any::<f32>(), (-8_i8..8).prop_map(f32::from), Just(-0.0), Just(f32::NAN), Just(f32::INFINITY)]
}

#[test]
fn both_zeros_tie() {
    assert!(Ranking::new(&[-0.0, 0.0, -0.0], None).map(|ranked| ranked.index).eq(0..3));
}

proptest! {
    #[test]
    fn ranking_is_a_stable_descending_sort(
        scores in prop::collection::vec(number(), 0..40),
        top_k in prop::option::of(1_u32..50),
    ) {
        let mut sorted: Vec<usize> = (0..scores.len()).collect();
        sorted.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
        sorted.truncate(top_k.map_or(usize::MAX, |k| k as usize));

        let ranking = Ranking::new(&scores, top_k.and_then(NonZeroU32::new));
        prop_assert_eq!(ranking.len(), sorted.len());
        let ranked: Vec<usize> = ranking.map(|ranked| ranked.index).collect();
        prop_assert_eq!(ranked, sorted);
    }

    #[test]
    fn functions_give_finite_scores_in_their_range(outputs in prop::collection::vec(number(), 1..40)) {
        let mut scores = outputs.clone();
        FunctionToApply::Softmax.apply(&mut scores);
        prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
        prop_assert!((scores.iter().map(|&score| f64::from(score)).sum::<f64>() - 1.0).abs() < 1e-5);

        let mut scores = outputs.clone();
        FunctionToApply::Sigmoid.apply(&mut scores);
        prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));

        let mut scores = outputs;
        FunctionToApply::None.apply(&mut scores);
        prop_assert!(scores.iter().all(|score| score.is_finite()));
    }

    #[test]
    fn answers_are_json_that_reads_back(
        entries in prop::collection::vec((".{0,12}", any::<f32>().prop_filter("finite", |score| score.is_finite())), 0..12),
    ) {
        let borrowed = entries.iter().map(|(label, score)| (label.as_str(), *score));
        let mut buffer = vec![0; response_bound(borrowed.clone().map(|(label, _)| label))];
        let json = write_response(borrowed, &mut buffer).unwrap();
        let values: Vec<serde_json::Value> = serde_json::from_str(json).unwrap();
        prop_assert_eq!(values.len(), entries.len());
        for (value, (label, score)) in values.iter().zip(&entries) {
            prop_assert_eq!(value["label"].as_str().unwrap(), label);
            prop_assert_eq!(value["score"].to_string().parse::<f32>().unwrap(), *score);
        }
    }
}
