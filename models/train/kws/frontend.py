"""Log-mel features, as the front end of the core computes them from the "torchaudio" preset with these settings."""
import math

import torch

from .vocabulary import CLIP, RATE

WINDOW = 400  # samples in a frame
HOP = 160  # samples
FFT = 512
MEL_BANDS = 40
LOW_HZ = 20.0
HIGH_HZ = 7600.0
FLOOR = 1e-6
FRAMES = (CLIP - WINDOW) // HOP + 1  # frames in a clip: 98

# What goes into the ONNX file, and from there into the artifact: training and device can't disagree.
SETTINGS = {
    "preset": "torchaudio",
    "sample_rate": RATE,
    "window_length": WINDOW,
    "hop_length": HOP,
    "fft_length": FFT,
    "window": "hann",
    "mel_bands": MEL_BANDS,
    "low_hz": LOW_HZ,
    "high_hz": HIGH_HZ,
    "mel_scale": "htk",
    "mel_norm": "none",
    "spectrum": "power",
    "compression": "ln_plus",
    "floor": FLOOR,
    "pcm_scale": 1 / 32_768,
    "mfcc_coefficients": 0,
}


def hertz_to_mel(hertz):
    """The HTK formula: O'Shaughnessy's 2595·log10(1 + f / 700)."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def mel_filterbank():
    """Triangles of height 1, evenly spaced in mel: [FFT / 2 + 1, MEL_BANDS]."""
    edges = torch.linspace(hertz_to_mel(LOW_HZ), hertz_to_mel(HIGH_HZ), MEL_BANDS + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    bins = torch.linspace(0, RATE / 2, FFT // 2 + 1, dtype=torch.float64)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


WINDOW_COEFFICIENTS = torch.hann_window(WINDOW, periodic=True, dtype=torch.float64).float()
FILTERBANK = mel_filterbank()


def mel_power(samples):
    """[…, samples] between -1 and 1 → […, frames, MEL_BANDS]. Frame t covers samples HOP·t … HOP·t + WINDOW - 1."""
    frames = samples.unfold(-1, WINDOW, HOP) * WINDOW_COEFFICIENTS
    spectrum = torch.fft.rfft(frames, n=FFT)
    power = spectrum.real.square() + spectrum.imag.square()
    return power @ FILTERBANK


def log_mel(samples):
    """[N, samples] between -1 and 1 → [N, MEL_BANDS, frames]."""
    return torch.log(mel_power(samples) + FLOOR).transpose(1, 2)
