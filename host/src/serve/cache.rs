//! Answers that were given before, as many as fit into a fixed number of bytes.

use std::num::NonZeroU32;

use axum::body::Bytes;
use earmark_core::api::FunctionToApply;
use quick_cache::Weighter;
use quick_cache::sync;
use sha2::{Digest, Sha256};

/// What an answer depends on: the model as it was loaded, the audio file's bytes, and the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// `generation` is another number for every model and every time that one is loaded.
    pub(super) fn new(generation: u64, audio: &[u8], function: FunctionToApply, top_k: Option<NonZeroU32>) -> Self {
        let mut hash = Sha256::new();
        hash.update(generation.to_le_bytes());
        hash.update(top_k.map_or(0, NonZeroU32::get).to_le_bytes());
        hash.update([function as u8]);
        hash.update(audio);
        Self(hash.finalize().into())
    }
}

/// An answer that can be given again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remembered {
    /// The API's array.
    pub(super) json: Bytes,
    /// Seconds.
    pub(super) audio_length: f64,
}

#[derive(Debug, Clone)]
struct Length;

impl Weighter<Key, Remembered> for Length {
    fn weight(&self, _: &Key, answer: &Remembered) -> u64 {
        (size_of::<Key>() + size_of::<Remembered>() + answer.json.len()) as u64
    }
}

/// The bounded memory of answers.
pub(super) struct Cache(Option<sync::Cache<Key, Remembered, Length>>);

/// Bytes of a usual answer, by which the cache sizes its tables.
const USUAL_ANSWER: u64 = 1024;

impl Cache {
    /// Holds answers of `bytes` together; none for 0.
    pub(super) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / USUAL_ANSWER).unwrap_or(usize::MAX).max(1);
        Self((bytes > 0).then(|| sync::Cache::with_weighter(items, bytes, Length)))
    }

    pub(super) fn get(&self, key: &Key) -> Option<Remembered> {
        self.0.as_ref()?.get(key)
    }

    pub(super) fn insert(&self, key: Key, answer: Remembered) {
        if let Some(cache) = &self.0 {
            cache.insert(key, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_keys_tell_everything_apart() {
        let cache = Cache::new(64 << 10);
        let answer = |length| Remembered { json: Bytes::from(vec![b' '; length]), audio_length: 1.0 };
        for number in 0..10_000_u64 {
            cache.insert(Key::new(1, &number.to_le_bytes(), FunctionToApply::Softmax, None), answer(1000));
        }
        assert!(cache.0.as_ref().unwrap().weight() <= 64 << 10);

        let one = NonZeroU32::new(1);
        let keys = [
            Key::new(1, b"a", FunctionToApply::Softmax, None),
            Key::new(2, b"a", FunctionToApply::Softmax, None),
            Key::new(1, b"b", FunctionToApply::Softmax, None),
            Key::new(1, b"a", FunctionToApply::Sigmoid, None),
            Key::new(1, b"a", FunctionToApply::Softmax, one),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|other| other != key));
        }
        cache.insert(keys[0], answer(3));
        assert_eq!(cache.get(&keys[0]), Some(answer(3)));
        assert_eq!(cache.get(&keys[1]), None);

        let none = Cache::new(0);
        none.insert(keys[0], answer(3));
        assert_eq!(none.get(&keys[0]), None);
    }
}
