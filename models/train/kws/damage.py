"""What lies between a synthesiser and a recording that somebody sent in: a room's hiss, and a lossy codec."""
import io

import numpy as np
import soundfile

from .vocabulary import RATE

CODED_SHARE = 0.5  # of the clips
NOISY_SHARE = 0.8
SNR_DB = (15.0, 50.0)  # of a quiet room; augmentation makes it louder
CODECS = [("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
COMPRESSION = 0.9  # of 0 to 1: 8 to 13 kbit/s
BATCH = 100  # clips coded as one recording


def hissed(clips, rng):
    """float32 [N, samples] with noise of a random colour added to most of them."""
    n, length = clips.shape
    noise = rng.standard_normal((n, length)).astype(np.float32)
    spectrum = np.fft.rfft(noise, axis=1)
    frequency = np.maximum(np.arange(spectrum.shape[1]), length * 40 / RATE)
    noise = np.fft.irfft(spectrum * frequency ** -rng.uniform(0, 1, (n, 1)), length, axis=1)
    level = np.sqrt((clips**2).mean(1, keepdims=True)) / noise.std(1, keepdims=True)
    level *= 10 ** (-rng.uniform(*SNR_DB, (n, 1)) / 20) * (rng.random((n, 1)) < NOISY_SHARE)
    return clips + (noise * level).astype(np.float32)


def coded(clips, rng):
    """float32 [N, samples], about half of them through a lossy codec and back."""
    clips = clips.copy()
    chosen = rng.permutation(len(clips))[: round(CODED_SHARE * len(clips))]
    for number, first in enumerate(range(0, len(chosen), BATCH)):
        batch = chosen[first : first + BATCH]
        container, codec = CODECS[number % len(CODECS)]
        file = io.BytesIO()
        flat = clips[batch].reshape(-1)
        soundfile.write(file, flat, RATE, format=container, subtype=codec, compression_level=COMPRESSION)
        file.seek(0)
        decoded = soundfile.read(file, dtype="float32")[0][: len(flat)]
        clips[batch] = np.pad(decoded, (0, len(flat) - len(decoded))).reshape(len(batch), -1)
    return clips
