"""Recordings from disk to arrays: one second each, 16-bit, 16 kHz."""
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from .vocabulary import CLIP, RATE

# The test set's silence is cut from the background recordings as well: training sees only the first half of each of them, validation
# the tenth after it.
TRAINING_PART = (0.0, 0.5)
VALIDATION_PART = (0.5, 0.6)


def require(data, patterns):
    """Ends the program if nothing in the folder `data` matches one of the patterns."""
    missing = [pattern for pattern in patterns if next(Path(data).glob(pattern), None) is None]
    if missing:
        raise SystemExit(f"{data}: nothing there matches {', '.join(missing)}; models/train/README.md says what has to be where")


def read_wav(path):
    """Samples of a 16 kHz mono 16-bit file."""
    rate, samples = wavfile.read(path)
    if rate != RATE or samples.ndim != 1 or samples.dtype != np.int16:
        raise ValueError(f"{path}: expected {RATE} Hz, mono, 16 bit; convert it first: sox IN -r 16000 -c 1 -b 16 OUT")
    return samples


def one_clip(samples):
    """The middle CLIP samples; shorter recordings get zeros on both sides."""
    if len(samples) >= CLIP:
        start = (len(samples) - CLIP) // 2
        return samples[start : start + CLIP]
    before = (CLIP - len(samples)) // 2
    return np.pad(samples, (before, CLIP - len(samples) - before))


def labelled_folders(folder):
    """(words, clips [N, CLIP]) of a folder that holds a folder of WAV files a word, in the order of the names."""
    paths = sorted(path for path in Path(folder).glob("*/*.wav"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no WAV file one folder down; expected a folder a word")
    return [path.parent.name for path in paths], np.stack([one_clip(read_wav(path)) for path in paths])


def speech_windows(folder):
    """One-second windows, half overlapping, of all recordings under `folder`, less the pauses: [N, CLIP]."""
    windows = []
    for path in sorted(Path(folder).rglob("*.wav")):
        samples = read_wav(path)
        level = np.abs(samples.astype(np.float32)).mean()
        for start in range(0, max(1, len(samples) - CLIP // 2), CLIP // 2):
            window = one_clip(samples[start : start + CLIP])
            if np.abs(window.astype(np.float32)).mean() > level / 2:
                windows.append(window)
    return np.stack(windows)


def sounds(folder, wanted):
    """The recordings under `folder`, at any depth, whose name without its ending is `wanted`: a function of the name."""
    return [read_wav(path) for path in sorted(Path(folder).rglob("*.wav")) if wanted(path.stem)]


def background(folder, part):
    """The given part (from, to; 0–1) of each background recording, by name."""
    recordings = {path.stem: read_wav(path) for path in sorted(Path(folder).glob("*.wav"))}
    return {name: x[int(len(x) * part[0]) : int(len(x) * part[1])] for name, x in recordings.items()}


def impulse_responses(folder):
    """Room impulse responses as float arrays."""
    return [read_wav(path).astype(np.float32) / 32_768 for path in sorted(Path(folder).glob("*.wav"))]
