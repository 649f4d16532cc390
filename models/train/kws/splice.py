"""New recordings of *on* and *off* from parts of other words by the same speaker of the training set.

Hardly anybody recorded these two, but hundreds of speakers recorded their sounds: the vowel is that of "stop" (in many
accents also that of "four", before its r), the n is that of "one", "nine", "down" and "seven", the f that of "five" and
"four". The parts are cut out by voicing and level, brought to a natural length, and joined in the vocoder's domain, so that
no click tells them from recordings.
"""
from collections import defaultdict
from pathlib import Path

import numpy as np

from . import vocoder
from .recordings import one_clip, read_wav
from .vocoder import FRAME_MS

VOICED_GAP = 4  # frames without pitch that do not end a stretch of voice
STEADY_DB = 9.0  # the vowel: this close to the loudest frame
PARTS_A_SPEAKER = 2  # of each kind, at most: speakers count more than takes

VOWELS = {"stop": (0.2, 0.85), "four": (0.05, 0.45)}  # which part of the steady stretch is the vowel that is wanted
NASALS = {"one": 0.45, "nine": 0.3, "down": 0.3, "seven": 0.3}  # the last part of the voiced stretch
FRICATIVES = ["five", "four"]
FRICATIVE_FRAMES = 28  # before the voice sets in, at most

VOWEL_MS = (110, 270)
NASAL_MS = (70, 190)
FRICATIVE_MS = (80, 220)


def frames(milliseconds):
    return round(milliseconds / FRAME_MS)


def voiced_stretch(speech):
    """(first, one past the last) frame of the voiced stretch with the most energy, or None."""
    voiced = np.flatnonzero(speech.pitch > 0)
    if len(voiced) == 0:
        return None
    runs = np.split(voiced, np.flatnonzero(np.diff(voiced) > VOICED_GAP) + 1)
    run = max(runs, key=lambda run: speech.envelope[run].sum())
    return (run[0], run[-1] + 1) if len(run) >= frames(80) else None


def at_level(part, speech, stretch):
    """The part with its power in units of the word's loudest frame, so that parts of several words fit together."""
    loudest = speech.envelope[stretch[0] : stretch[1]].sum(1).max()
    part.envelope = part.envelope / loudest
    return part


def vowel(word, speech):
    """The steady vowel of "stop" or "four", or None."""
    stretch = voiced_stretch(speech)
    if stretch is None:
        return None
    level = speech.level_db[stretch[0] : stretch[1]]
    steady = stretch[0] + np.flatnonzero(level > level.max() - STEADY_DB)
    start, end = (steady[0] + share * (steady[-1] + 1 - steady[0]) for share in VOWELS[word])
    return at_level(speech[int(start) : int(end)], speech, stretch) if end - start >= frames(40) else None


def nasal(word, speech):
    """The end of the voiced stretch, from vowel into n, or None."""
    stretch = voiced_stretch(speech)
    if stretch is None:
        return None
    start = int(stretch[1] - NASALS[word] * (stretch[1] - stretch[0]))
    return at_level(speech[start : stretch[1]], speech, stretch) if stretch[1] - start >= frames(50) else None


def fricative(word, speech):
    """The f before the voice sets in, or None where it can't be told from the room."""
    stretch = voiced_stretch(speech)
    if stretch is None or stretch[0] < FRICATIVE_FRAMES + 20:
        return None
    level = speech.level_db
    room = np.median(level[: stretch[0] - FRICATIVE_FRAMES])
    heard = np.flatnonzero(level[stretch[0] - FRICATIVE_FRAMES : stretch[0] - 1] > room + 6)
    if len(heard) < frames(50):
        return None
    part = speech[stretch[0] - FRICATIVE_FRAMES + heard[0] : stretch[0] - 1]
    part.pitch = np.zeros_like(part.pitch)
    return at_level(part, speech, stretch)


def parts_of(recordings, cut, words, rng):
    """{speaker: parts} from `recordings`, {word: {speaker: [clips]}}."""
    found = defaultdict(list)
    for word in words:
        for speaker, clips in recordings.get(word, {}).items():
            for index in rng.permutation(len(clips))[:PARTS_A_SPEAKER]:
                if len(found[speaker]) < PARTS_A_SPEAKER:
                    part = cut(word, vocoder.analysed(clips[index].astype(np.float64) / 32_768))
                    if part is not None:
                        found[speaker].append(part)
    return {speaker: parts for speaker, parts in found.items() if parts}


def word_from(vowel_part, end_part, end_ms, rng):
    """The vowel, then the end, with a falling pitch; samples at RATE."""

    def of_length(part, milliseconds):
        return vocoder.at_frames(part, np.linspace(0, len(part) - 1, frames(rng.uniform(*milliseconds))))

    start, end = of_length(vowel_part, VOWEL_MS), of_length(end_part, end_ms)
    voiced_end = end.pitch.any()
    speech = vocoder.joined(start, end, frames(rng.uniform(25, 60)))
    pitch = np.median(vowel_part.pitch[vowel_part.pitch > 0])
    contour = pitch * np.linspace(rng.uniform(0.98, 1.15), rng.uniform(0.75, 1.0), len(speech))
    voiced = np.ones(len(speech), bool) if voiced_end else np.arange(len(speech)) < len(start) - frames(15)
    speech.pitch = np.where(voiced, contour, 0.0)
    rise, fall = frames(rng.uniform(10, 40)), frames(rng.uniform(20, 70))
    fade = np.ones(len(speech))
    fade[:rise] = np.linspace(0.02, 1, rise)
    fade[-fall:] *= np.linspace(1, 0.02, fall)
    speech.envelope = speech.envelope * (fade[:, None] ** 2).astype(np.float32)
    return vocoder.rendered(vocoder.changed(speech, formants=rng.uniform(0.95, 1.06)))


def by_speaker(folder, words):
    """{word: {speaker: [clips int16]}} of a folder of Speech Commands, whose file names begin with the speaker's number."""
    found = {word: defaultdict(list) for word in words}
    for word in words:
        for path in sorted((Path(folder) / word).glob("*.wav")):
            found[word][path.name.partition("_")[0]].append(one_clip(read_wav(path)))
    return found


def spliced(folder, count, seed):
    """(words, samples): `count` recordings each of "on" and "off", float32 arrays of any length.

    `folder`: the training set, a folder a word.
    """
    rng = np.random.default_rng(seed)
    recordings = by_speaker(folder, dict.fromkeys([*VOWELS, *NASALS, *FRICATIVES]))
    vowels = parts_of(recordings, vowel, VOWELS, rng)
    words, samples = [], []
    for word, cut, donors, length in (("on", nasal, NASALS, NASAL_MS), ("off", fricative, FRICATIVES, FRICATIVE_MS)):
        ends = parts_of(recordings, cut, donors, rng)
        speakers = sorted(vowels.keys() & ends.keys())
        for index in range(count):
            speaker = speakers[index % len(speakers)]
            pick = [parts[rng.integers(len(parts))] for parts in (vowels[speaker], ends[speaker])]
            words.append(word)
            samples.append(word_from(*pick, length, rng))
    return words, samples
