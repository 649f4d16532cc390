"""Speech taken apart by the WORLD vocoder into pitch, spectral envelope and aperiodicity, changed, and put together again.

WORLD: M. Morise, F. Yokomori, K. Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system for real-time
applications", IEICE Transactions on Information and Systems E99-D(7), 2016. pyworld is its Python binding.
"""
from dataclasses import dataclass

import numpy as np
import pyworld

from .vocabulary import RATE

FRAME_MS = 5.0
LOWEST_HZ, HIGHEST_HZ = 65.0, 600.0  # of the pitch: a deep man's voice, a small child's


@dataclass
class Speech:
    """T frames of FRAME_MS each."""

    pitch: np.ndarray  # [T], Hz; 0 where there is no voice
    envelope: np.ndarray  # [T, bins], power
    aperiodicity: np.ndarray  # [T, bins], 0 (voice) to 1 (noise)

    def __len__(self):
        return len(self.pitch)

    def __getitem__(self, frames):
        return Speech(self.pitch[frames], self.envelope[frames], self.aperiodicity[frames])

    @property
    def level_db(self):
        """[T], the power of each frame."""
        return 10 * np.log10(self.envelope.sum(1) + 1e-12)


def analysed(samples):
    """Samples between -1 and 1 at RATE → Speech."""
    samples = np.ascontiguousarray(samples, np.float64)
    rough, times = pyworld.dio(samples, RATE, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=FRAME_MS)
    pitch = pyworld.stonemask(samples, rough, times, RATE)
    envelope = pyworld.cheaptrick(samples, pitch, times, RATE)
    aperiodicity = pyworld.d4c(samples, pitch, times, RATE)
    return Speech(pitch, envelope.astype(np.float32), aperiodicity.astype(np.float32))


def rendered(speech):
    """Speech → samples at RATE, float32."""
    arrays = (np.ascontiguousarray(x, np.float64) for x in (speech.pitch, speech.envelope, speech.aperiodicity))
    return pyworld.synthesize(*arrays, RATE, FRAME_MS).astype(np.float32)


def at_frames(speech, position):
    """The speech at fractional frames `position` [T']: envelopes interpolated in their logarithm."""
    position = np.clip(position, 0, len(speech) - 1)
    before = position.astype(int)
    after = np.minimum(before + 1, len(speech) - 1)
    share = (position - before).astype(np.float32)[:, None]
    log_envelope = np.log(speech.envelope + 1e-16)
    return Speech(
        speech.pitch[np.round(position).astype(int)],
        np.exp(log_envelope[before] * (1 - share) + log_envelope[after] * share),
        speech.aperiodicity[before] * (1 - share) + speech.aperiodicity[after] * share,
    )


def changed(speech, speed=1.0, pitch=1.0, formants=1.0):
    """Spoken `speed` times as fast, `pitch` times as high, by a vocal tract 1 / `formants` times as long."""
    speech = at_frames(speech, np.arange(0, len(speech), speed))
    bins = speech.envelope.shape[1]
    source = np.clip(np.arange(bins) / formants, 0, bins - 1)
    low = source.astype(int)
    high = np.minimum(low + 1, bins - 1)
    share = (source - low).astype(np.float32)

    def warped(values):
        return values[:, low] * (1 - share) + values[:, high] * share

    return Speech(speech.pitch * pitch, warped(speech.envelope), warped(speech.aperiodicity))


def joined(first, second, overlap):
    """`first`, then `second`, blended into each other over `overlap` frames."""
    overlap = min(overlap, len(first), len(second))
    share = np.linspace(0, 1, overlap + 2, dtype=np.float32)[1:-1, None]
    a, b = first[len(first) - overlap :], second[:overlap]
    blend = Speech(
        np.where(share[:, 0] < 0.5, a.pitch, b.pitch),
        np.exp(np.log(a.envelope + 1e-16) * (1 - share) + np.log(b.envelope + 1e-16) * share),
        a.aperiodicity * (1 - share) + b.aperiodicity * share,
    )
    parts = (first[: len(first) - overlap], blend, second[overlap:])
    return Speech(*(np.concatenate([getattr(x, name) for x in parts]) for name in ("pitch", "envelope", "aperiodicity")))
