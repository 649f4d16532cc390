"""Clips kept as spectra. Every clip is turned into several variants (another speed, another room, other frame boundaries) once,
and their mel power is kept as float16 logarithms; training then mixes, moves and warps spectra, which is cheap.

A variant at speed 1.1 is shorter, higher and has higher formants, as if a smaller speaker had spoken faster.
"""
import numpy as np
import torch
from torch.nn import functional

from .frontend import FRAMES, HOP, MEL_BANDS, mel_power
from .vocabulary import CLIP, RATE

QUIET = 1e-10  # added to mel power before the logarithm: far below the front end's floor
SPEEDS = np.array([0.84, 0.88, 0.92, 0.95, 0.98, 1.0, 1.0, 1.02, 1.05, 1.09, 1.13, 1.18])
WIDE_SPEEDS = np.array([0.74, 0.79, 0.84, 0.89, 0.94, 1.0, 1.06, 1.12, 1.18, 1.25, 1.32])
SPOKEN = 6.0  # ln units under the loudest frames
NOISE_OFFSETS = 3  # positions of the frames' boundaries in each recording of noise
REVERB_SHARE = 0.3
SYNTHETIC_ROOMS = 48
BATCH = 64


def log_power(samples):
    """[…, samples] → ln(mel power + QUIET) […, frames, MEL_BANDS]."""
    return torch.log(mel_power(samples) + QUIET)


def synthetic_room(generator):
    """A direct path and an exponentially fading tail, 60 dB down after 0.1–0.6 s."""
    n = RATE // 2
    fading = 0.1 + 0.5 * torch.rand((), generator=generator)
    tail = torch.randn(n, generator=generator) * 10 ** (-3 * torch.arange(n) / RATE / fading)
    tail *= 10 ** (-torch.rand((), generator=generator)) / tail.norm()
    tail[0] = 1.0
    return tail


class Rooms:
    """Impulse responses, recorded and made, as spectra."""

    def __init__(self, recorded, seed):
        generator = torch.Generator().manual_seed(seed)
        rooms = [torch.from_numpy(x)[: RATE // 2] for x in recorded]
        rooms += [synthetic_room(generator) for _ in range(SYNTHETIC_ROOMS)]
        rooms = [torch.roll(functional.pad(x, (0, RATE // 2 - len(x))), -int(x.abs().argmax())) for x in rooms]
        self.spectra = torch.fft.rfft(torch.stack([x / x.norm() for x in rooms]), n=2 * CLIP)

    def __call__(self, clips, rng):
        """Some of the clips [N, CLIP] in a room each."""
        chosen = torch.from_numpy(np.flatnonzero(rng.random(len(clips)) < REVERB_SHARE))
        if len(chosen):
            rooms = self.spectra[torch.from_numpy(rng.integers(len(self.spectra), size=len(chosen)))]
            clips[chosen] = torch.fft.irfft(torch.fft.rfft(clips[chosen], n=2 * CLIP) * rooms, n=2 * CLIP)[:, :CLIP]
        return clips


def at_speed(clips, speed):
    """Clips [N, CLIP] spoken `speed` times as fast, the middle where it was."""
    n = round(CLIP / speed)
    if n == CLIP:
        return clips
    resampled = torch.fft.irfft(torch.fft.rfft(clips), n=n + n % 2) * (n / CLIP)
    spare = CLIP - resampled.shape[1]
    if spare >= 0:
        return functional.pad(resampled, (spare // 2, spare - spare // 2))
    return resampled[:, -spare // 2 : -spare // 2 + CLIP]


def variants(clips, speeds, rooms, rng):
    """int16 [N, CLIP] → float16 [N, FRAMES, MEL_BANDS]: one variant of each clip, its speed drawn from `speeds`."""
    out = np.empty((len(clips), FRAMES, MEL_BANDS), np.float16)
    drawn = rng.choice(speeds, len(clips))
    for speed in np.unique(drawn):
        for part in np.array_split(np.flatnonzero(drawn == speed), max(1, (drawn == speed).sum() // BATCH)):
            samples = at_speed(torch.from_numpy(clips[part]).float() / 32_768, speed)
            offset = int(rng.integers(HOP))  # other frame boundaries
            samples = torch.roll(rooms(samples, rng), offset, 1)
            samples[:, :offset] = 0
            out[part] = log_power(samples).half().numpy()
    return out


def windows(spectra, step):
    """A bank of the windows of one recording's [frames, MEL_BANDS], `step` frames from one to the next."""
    return np.lib.stride_tricks.sliding_window_view(spectra, FRAMES, 0)[::step].transpose(0, 2, 1)


def endpoints(bank):
    """(first, last + 1) frame of what is spoken in each clip of a bank: within SPOKEN of its loudest frames, smoothed."""
    energy = np.log(np.exp(bank.astype(np.float32)).sum(2))
    smooth = (energy[:, :-2] + energy[:, 1:-1] + energy[:, 2:]) / 3
    loud, quiet = np.percentile(smooth, 97, axis=1), np.percentile(smooth, 10, axis=1)
    threshold = np.maximum(loud - SPOKEN, quiet + 0.3 * (loud - quiet))
    active = smooth > threshold[:, None]
    first = active.argmax(1)
    last = smooth.shape[1] - active[:, ::-1].argmax(1)
    return first.astype(np.int64), (last + 1).astype(np.int64)


def noise_frames(recordings):
    """float16 [frames, MEL_BANDS] of all recordings one after the other, and where each begins: list of (start, frames)."""
    parts, spans, at = [], [], 0
    for samples in recordings:
        for i in range(NOISE_OFFSETS):
            x = torch.from_numpy(samples[i * HOP // NOISE_OFFSETS :].astype(np.float32) / 32_768)
            frames = log_power(x[None])[0].half().numpy()
            parts.append(frames)
            spans.append((at, len(frames)))
            at += len(frames)
    return np.concatenate(parts), spans
