"""Rooms, noises and levels of synthetic conversation: what a microphone on a shelf hears of people who talk."""
import numpy as np
from scipy.signal import fftconvolve

from .vocabulary import RATE

NOISE_SECONDS = 60  # of each noise; it goes round
REVERBERATION_S = (0.1, 0.7)  # until a room's tail is 60 dB down
DIRECT_DB = (-6.0, 12.0)  # the direct path against the tail
BABBLE_VOICES = (4, 9)


def babble(speech, rng):
    """NOISE_SECONDS of several people at once. `speech`: a list of float arrays."""
    mixed = np.zeros(NOISE_SECONDS * RATE, np.float32)
    for _ in range(rng.integers(*BABBLE_VOICES)):
        position = 0
        while position < len(mixed):
            turn = unit(speech[rng.integers(len(speech))])[: len(mixed) - position]
            mixed[position : position + len(turn)] += turn
            position += len(turn)
    return unit(mixed)


def unit(samples):
    """The samples with RMS 1."""
    return (samples / max(np.sqrt(np.mean(np.square(samples, dtype=np.float64))), 1e-9)).astype(np.float32)


def room(rng):
    """An impulse response of energy 1: a direct path and an exponentially fading tail."""
    fading = rng.uniform(*REVERBERATION_S)
    n = int(fading * RATE)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail *= 10 ** (-rng.uniform(*DIRECT_DB) / 20) / np.linalg.norm(tail)
    tail[0] += 1.0
    return (tail / np.linalg.norm(tail)).astype(np.float32)


def in_room(samples, response):
    """The samples as they sound in the room, the tail after the end cut off."""
    return fftconvolve(samples, response)[: len(samples)].astype(np.float32)


def looped(noise, n, rng):
    """n samples of a noise that goes round, from a random place on."""
    return np.resize(np.roll(noise, -int(rng.integers(len(noise)))), n)
