"""What models are chosen and measured on: recordings of speakers that training never hears, as they are and under stress."""
import numpy as np

from . import recordings, stress
from .vocabulary import CLIP, SILENCE, UNKNOWN

UNKNOWN_A_WORD = 25  # validation clips of each unknown word, at most
SILENCE_CLIPS = 120  # of validation
SEED = 5  # of what is drawn for measuring: silence, noise
# Noise that training never hears. ESC-10 by fold; the data set's background recordings by part.
TUNING = {"fold": 4, "part": recordings.VALIDATION_PART}
TESTING = {"fold": 5, "part": (0.6, 1.0)}


def labelled(folder, vocabulary):
    """(clips, indices of their labels) of a folder that holds a folder a word."""
    words, clips = recordings.labelled_folders(folder)
    return clips, np.array([vocabulary.index(word) for word in words])


def validation(data, vocabulary):
    """(clips, labels): all clips of the vocabulary's words, a few of each other word, and silence training never hears."""
    rng = np.random.default_rng(SEED)
    words, clips = recordings.labelled_folders(data / "val")
    words = np.array(words)
    labels = np.array([vocabulary.index(word) for word in words])
    unknown = vocabulary.index(UNKNOWN)
    chosen = [np.flatnonzero(labels != unknown)]
    for word in np.unique(words[labels == unknown]):
        chosen.append(rng.permutation(np.flatnonzero(words == word))[:UNKNOWN_A_WORD])
    chosen = np.concatenate(chosen)
    parts = list(recordings.background(data / "background", TUNING["part"]).values())
    silence = []
    for i in range(SILENCE_CLIPS):
        part = parts[i % len(parts)]
        start = rng.integers(len(part) - CLIP)
        silence.append(part[start : start + CLIP])
    silent = np.full(SILENCE_CLIPS, vocabulary.index(SILENCE))
    return np.concatenate([clips[chosen], silence]), np.concatenate([labels[chosen], silent])


def noise_files(noise):
    """What `stressed` reads of the data set, as patterns; `noise` is TUNING or TESTING."""
    return ["background/*.wav", f"esc10/**/{noise['fold']}-*.wav"]


def stressed(clips, data, noise):
    """{condition: clips}; `noise` is TUNING or TESTING."""
    environment = recordings.sounds(data / "esc10", lambda name: name.startswith(f"{noise['fold']}-"))
    background = list(recordings.background(data / "background", noise["part"]).values())
    return stress.conditions(clips, environment, background, SEED)


def with_spoken(selection, words, clips, vocabulary):
    """The selection with more clips, of the given words."""
    labels = np.array([vocabulary.index(word) for word in words])
    return np.concatenate([selection[0], clips]), np.concatenate([selection[1], labels])
