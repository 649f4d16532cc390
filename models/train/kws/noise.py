"""What is heard beside the words: recorded, coloured and babbled noise, as samples.

The clips of `held_out_noise.txt` take no part in training; see there.
"""
from pathlib import Path

import numpy as np
import soxr

from .recordings import sounds
from .vocabulary import CLIP, RATE

HELD_OUT = Path(__file__).resolve().parent.parent / "held_out_noise.txt"
COLOURS = (0, 1, 2)  # exponents: power falls with frequency as white, pink and brown noise do
COLOURED_SECONDS = 30
BABBLE_SECONDS = 60
BABBLE_VOICES = (3, 6, 12)
SPEEDS = (0.75, 0.87, 1.0, 1.15, 1.33)  # of environmental recordings
LEVEL = 0.1  # RMS of the noises made here


def held_out():
    """Names (without ".wav") of the environmental recordings that training must not hear."""
    lines = (line.split("#")[0].split() for line in HELD_OUT.read_text().splitlines())
    return {line[0] for line in lines if line}


def environment(folder):
    """The environmental recordings under `folder` that training may use, as int16 arrays."""
    names = held_out()
    return sounds(folder, lambda name: name not in names)


def at_speeds(recordings):
    """int16 arrays: each recording at every one of SPEEDS, as other dogs and other babies sound."""
    return [soxr.resample(samples, RATE * speed, RATE) for speed in SPEEDS for samples in recordings]


def coloured(exponent, seconds, rng):
    """Noise whose power falls with frequency to the given exponent, above 20 Hz; float64, of any level."""
    n = seconds * RATE
    spectrum = np.fft.rfft(rng.standard_normal(n))
    frequency = np.maximum(np.arange(len(spectrum)), seconds * 20)
    return np.fft.irfft(spectrum * frequency ** (-exponent / 2), n)


def babble(clips, voices, rng):
    """`voices` people at once, each saying one word after the other."""
    seconds = BABBLE_SECONDS
    voice = [np.concatenate(clips[rng.integers(len(clips), size=seconds)]).astype(np.float32) for _ in range(voices)]
    return scaled(sum(np.roll(x / (np.abs(x).mean() + 1), rng.integers(CLIP)) for x in voice))


def scaled(x):
    """int16 samples of RMS LEVEL."""
    return (x * (LEVEL * 32_768 / x.std())).clip(-32_768, 32_767).astype(np.int16)
