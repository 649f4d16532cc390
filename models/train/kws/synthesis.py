"""The synthetic part of the training data: words that nobody, or hardly anybody, recorded, in as many voices as can be made.

Espeak-ng has many voices that all sound synthetic; the recorded voices of flite and festival are few, and become many by the
vocoder: other pitch, other length of the vocal tract, other speed. Everything gets a room's hiss, and half of it a lossy codec.
"""
import functools
import random
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import soxr

from . import damage, phonemes, vocoder
from .prose import Writer
from .vocabulary import CLIP, COMMON_WORDS, NEAR_MISSES, RARE_UNKNOWN_WORDS, RATE
from .voices import ACCENTS, Utterance, conversation_voices, espeak_variants, natural_voices, require_synthesisers, speak

PEAK = 0.35  # of full scale; augmentation changes the level anyway
BATCH = 500  # clips
OFF_CENTRE = RATE // 10  # samples; augmentation moves it further

# Pronunciations in espeak-ng's notation. As plain text espeak-ng says "on" unstressed, as inside a sentence.
PHONEMES = {
    "on": ["[['O2n]]", "[['A:n]]", "[['O:n]]", "[['0n]]"],
    "off": ["[['O2f]]", "[['A:f]]", "[['O:f]]", "[['0f]]"],
}
OPEN_VOWELS = {"on", "off"}  # words that the foreign voices say right

SPEED = (0.75, 1.45)
PITCH = (0.4, 1.7)  # of espeak-ng's usual
RESAMPLING = (0.82, 1.22)  # > 1: faster and higher, like a smaller speaker
RARE_CLIPS = (3600, 3600)  # of a rare word: by espeak-ng, and by the recorded voices
WORD_CLIPS = (450, 350)  # of another
RARE_PIECES = 6  # the work of a rare word is cut into these
SENTENCES = 2000
SENTENCE_PIECES = 8
RESERVED_SPEEDS = (0.85, 1.0, 1.2)
TAKES = 4  # by each recorded voice, at different speeds
TAKE_SPEEDS = (0.8, 1.35)
VOCODER_PITCH = (0.65, 1.6)
VOCODER_FORMANTS = (0.86, 1.2)
VOCODER_SPEED = (0.75, 1.35)


def texts_of(word):
    """How a voice may be told to say the word: as a statement, an order, a question."""
    return [word, f"{word}.", f"{word}!", f"{word}?"]


def by_rule(word, texts, count, rng):
    """`count` utterances by espeak-ng."""
    variants = espeak_variants()
    return [
        Utterance(
            word,
            rng.choice(texts),
            "espeak-ng",
            f"{rng.choice(ACCENTS)}+{rng.choice(variants)}",
            rng.uniform(*SPEED),
            rng.uniform(*PITCH),
        )
        for _ in range(count)
    ]


def by_recorded_voices(word, takes, rng):
    """`takes` utterances by each of the recorded voices."""
    return [
        Utterance(word, rng.choice(texts_of(word)), engine, voice, rng.uniform(*TAKE_SPEEDS), rng.uniform(0.85, 1.2))
        for engine, voice in natural_voices(foreign=word in OPEN_VOWELS)
        for _ in range(takes)
    ]


def by_flite(word, count, rng):
    """`count` utterances by flite: quick, so good for many different words."""
    voices = [voice for engine, voice in natural_voices() if engine == "flite"]
    return [
        Utterance(word, word, "flite", rng.choice(voices), rng.uniform(*TAKE_SPEEDS), rng.uniform(0.8, 1.3))
        for _ in range(count)
    ]


def resampled(samples, rng):
    """Faster and higher, or slower and lower."""
    return soxr.resample(samples, RATE * rng.uniform(*RESAMPLING), RATE)


def other_voice(speech, rng):
    """Samples of vocoder.Speech as another person may say it. Small people have high voices and short vocal tracts."""
    size = rng.random()
    pitch = VOCODER_PITCH[0] * (VOCODER_PITCH[1] / VOCODER_PITCH[0]) ** min(1, max(0, size + rng.gauss(0, 0.2)))
    formants = VOCODER_FORMANTS[0] + (VOCODER_FORMANTS[1] - VOCODER_FORMANTS[0]) * size
    return vocoder.rendered(vocoder.changed(speech, rng.uniform(*VOCODER_SPEED), pitch, formants))


def other_voices(recordings, count, seed):
    """`count` clips as float arrays from a few recordings (float or int16, RATE), in turn, each as said by somebody else."""
    rng = random.Random(seed)
    analysed = [vocoder.analysed(x / 32_768 if x.dtype == np.int16 else x) for x in recordings]
    return [other_voice(analysed[i % len(analysed)], rng) for i in range(count)]


def as_clip(samples, rng):
    """float32 [CLIP] with the word near the middle; of what is too long, a part."""
    limit = PEAK / max(np.abs(samples).max(initial=0.0), 1e-9)
    if len(samples) > CLIP:
        start = rng.randrange(len(samples) - CLIP + 1)
        return samples[start : start + CLIP] * limit
    room = CLIP - len(samples)
    start = min(room, max(0, room // 2 + rng.randint(-OFF_CENTRE, OFF_CENTRE)))
    clip = np.zeros(CLIP, np.float32)
    clip[start : start + len(samples)] = samples * limit
    return clip


def finished(samples, rng):
    """Arrays of any length → int16 [N, CLIP], with hiss and codec."""
    generator = np.random.default_rng(rng.getrandbits(63))
    parts = []
    for first in range(0, len(samples), BATCH):  # in floating point a whole corpus is large
        clips = np.stack([as_clip(x, rng) for x in samples[first : first + BATCH]])
        clips = damage.coded(damage.hissed(clips, generator), generator)
        parts.append((clips * 32_767).round().clip(-32_768, 32_767).astype(np.int16))
    return np.concatenate(parts)


def finished_with(samples, seed):
    """`finished` with random numbers from a seed."""
    return finished(samples, random.Random(seed))


class Collection:
    """Words and samples, one entry a clip."""

    def __init__(self, rng):
        self.rng = rng
        self.words, self.samples = [], []

    def keep(self, word, samples):
        self.words.append(word)
        self.samples.append(samples.astype(np.float32))

    def word(self, word, rule_count, recorded_count):
        """A word to be recognised: by espeak-ng, and by the recorded voices in many guises."""
        self.other(word, texts_of(word) + PHONEMES.get(word, []), rule_count)
        takes = [samples for samples in speak(by_recorded_voices(word, TAKES, self.rng)) if samples is not None]
        for samples in other_voices(takes, recorded_count, self.rng.getrandbits(63)):
            self.keep(word, samples)

    def other(self, word, texts, rule_count, flite_count=0):
        """A word in many voices, none of them changed by the vocoder."""
        utterances = by_rule(word, texts, rule_count, self.rng) + by_flite(word, flite_count, self.rng)
        for samples in speak(utterances):
            if samples is not None:
                self.keep(word, resampled(samples, self.rng))

    def near(self, word, texts, count):
        """Words that sound almost like `word`."""
        for text in texts:
            self.other(f"(near {word})", [text], count)

    def running_speech(self, sentences):
        """Second after second of many sentences."""
        writer = Writer("train", np.random.default_rng(self.rng.getrandbits(63)))
        texts = [writer.sentence() for _ in range(sentences)]
        utterances = [u for text in texts for u in by_rule("(sentence)", [text], 1, self.rng)]
        flite = [u for text in texts[::2] for u in by_flite(text, 1, self.rng)]
        utterances += [Utterance("(sentence)", u.text, u.engine, u.voice, u.speed, u.pitch) for u in flite]
        for utterance, samples in zip(utterances, speak(utterances)):
            for start in range(0, 0 if samples is None else len(samples) - CLIP, CLIP):
                self.keep(utterance.word, samples[start : start + CLIP])


def tasks(vocabulary, scale):
    """What is to be said, as (method of Collection, its arguments): pieces small enough to share among processes."""

    def some(count):
        return max(1, round(count * scale))

    found = []
    words = vocabulary.words
    for word in words:
        rare = word in vocabulary.rare_words
        pieces = RARE_PIECES if rare else 1
        by_rule, recorded = (clips // pieces for clips in (RARE_CLIPS if rare else WORD_CLIPS))
        found += [("word", (word, some(by_rule), some(recorded)))] * pieces
        found.append(("near", (word, phonemes.near_words(word, words), some(24 if rare else 8))))
    for others, rule, flite in ((RARE_UNKNOWN_WORDS, 70, 15), (NEAR_MISSES, 18, 6), (COMMON_WORDS, 8, 4)):
        for other in dict.fromkeys(others):
            if other not in words:
                found.append(("other", (other, texts_of(other), some(rule), some(flite))))
    for _ in range(SENTENCE_PIECES):
        found.append(("running_speech", (some(SENTENCES // SENTENCE_PIECES),)))
    return found


def done(numbered, seed):
    """(words, clips) of one of `tasks`, whose number makes its random numbers its own."""
    number, (method, arguments) = numbered
    collection = Collection(random.Random(f"{seed} {number}"))
    getattr(collection, method)(*arguments)
    if not collection.words:
        return [], np.empty((0, CLIP), np.int16)
    return collection.words, finished(collection.samples, collection.rng)


def synthesise(seed, vocabulary, scale=1.0, processes=1):
    """(words, clips int16 [N, CLIP]): the words, words close to them, other words and running speech.

    About 38,000 clips for ten commands at scale 1: what is none of the vocabulary's words is unknown. The same for the same seed
    and the same versions of the synthesisers, whatever the number of processes.
    """
    require_synthesisers()
    with ProcessPoolExecutor(processes) as pool:
        parts = list(pool.map(functools.partial(done, seed=seed), enumerate(tasks(vocabulary, scale))))
    said, clips = zip(*parts)
    return [word for part in said for word in part], np.concatenate(clips)


def reserved_voices(vocabulary, seed=1):
    """(words, clips) by the voices that training never hears, to choose and measure on where there are no recordings."""
    collection = Collection(random.Random(seed))
    utterances = []
    for word in vocabulary.words:
        for engine, voice in conversation_voices():
            for speed in RESERVED_SPEEDS:
                accent = collection.rng.choice(ACCENTS)
                name = f"{accent}+{voice}" if engine == "espeak-ng" else voice
                utterances.append(Utterance(word, word, engine, name, speed, collection.rng.uniform(0.7, 1.3)))
    for utterance, samples in zip(utterances, speak(utterances)):
        if samples is not None:
            collection.keep(utterance.word, resampled(samples, collection.rng))
    return collection.words, finished(collection.samples, collection.rng)
