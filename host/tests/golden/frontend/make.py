#!/usr/bin/env python3
"""Makes the golden vectors of the front end: what torchaudio, librosa and tf.signal compute from one short signal.

    python3 host/tests/golden/frontend/make.py

writes, beside itself, `signal.wav` (speech, noise and silence; 16 bit, mono), `cases.json` (a list of cases: name, the
`[frontend]` options of earmark that ask for the same features, frames, features) and `<case>.f32` (the features, little-endian
float32, frame by frame). Made with torch 2.11.0, torchaudio 2.11.0, librosa 0.11.0, numpy 2.4.6 and scipy 1.17.1. The cases
from `mlperf_tiny` on came later, with torch 2.15.0; of the earlier ones another torch may move the last bits.

Three things make the libraries comparable, but where a case is for clips only (`center`, `peak`, `top_db`, `reference`):

* Frames start at sample 0 (`center=False`).
* `torch.stft` and librosa put a window shorter than the FFT in the middle of the FFT's samples, so that frame t covers
  hop·t + (n_fft − win) / 2 onwards. That many zeros in front of the signal undo it; magnitudes don't see the shift.
* What depends on the loudest value of a whole clip (`top_db`) is switched off.

TensorFlow is not needed: tf.signal is restated in numpy from the definitions in its API documentation (tf.signal.stft,
hann_window, linear_to_mel_weight_matrix, dct, mfccs_from_log_mel_spectrograms).
"""
import json
import pathlib
import wave

import librosa
import numpy as np
import scipy
import torch
import torchaudio

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parents[3] / "models" / "fixtures"
PCM_SCALE = 1 / 32_768


def make_signal():
    """Half a second of speech, a quarter of noise (loud, then faint), 0.15 s of digital silence: int16 at 16 kHz."""
    with wave.open(str(FIXTURES / "yes.wav")) as file:
        speech = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    middle = len(speech) // 2
    generator = np.random.default_rng(1)
    loud = generator.uniform(-32_768, 32_768, 2_000)
    faint = generator.normal(0, 20, 2_000)
    signal = np.concatenate([speech[middle - 4_000 : middle + 4_000], loud, faint, np.zeros(2_400)])
    return np.clip(np.round(signal), -32_768, 32_767).astype("<i2")


def aligned(samples, n_fft, win_length):
    """Zeros around the samples such that frame t of a centred window is the one that starts at sample hop·t."""
    left = (n_fft - win_length) // 2
    return np.pad(samples, (left, n_fft - win_length - left))


def torchaudio_mel(samples, win_length=400, hop_length=None, n_fft=512, **arguments):
    transform = torchaudio.transforms.MelSpectrogram(
        n_fft=n_fft, win_length=win_length, hop_length=hop_length, center=False, **arguments
    )
    return transform(torch.from_numpy(aligned(samples, n_fft, win_length))).numpy().T


def torchaudio_mfcc(samples, n_mfcc, log_mels, win_length=400, n_fft=512, **melkwargs):
    transform = torchaudio.transforms.MFCC(
        n_mfcc=n_mfcc, log_mels=log_mels, melkwargs=dict(win_length=win_length, n_fft=n_fft, center=False, **melkwargs)
    )
    transform.amplitude_to_DB = torchaudio.transforms.AmplitudeToDB("power", top_db=None)
    return transform(torch.from_numpy(aligned(samples, n_fft, win_length))).numpy().T


def decibels(mel):
    return torchaudio.transforms.AmplitudeToDB("power", top_db=None)(torch.from_numpy(mel)).numpy()


def librosa_mel(samples, n_fft=2048, win_length=2048, hop_length=512, **arguments):
    samples = aligned(samples, n_fft, win_length)
    return librosa.feature.melspectrogram(
        y=samples, n_fft=n_fft, win_length=win_length, hop_length=hop_length, center=False, **arguments
    ).T


def librosa_db(mel):
    return librosa.power_to_db(mel, top_db=None)


def librosa_mfcc(mel, n_mfcc):
    return librosa.feature.mfcc(S=librosa_db(mel).T, n_mfcc=n_mfcc).T


def centred_torchaudio_mel(samples, n_fft=512, **arguments):
    """As the library does it unless it is told otherwise: frames centred, the signal mirrored at its ends."""
    transform = torchaudio.transforms.MelSpectrogram(n_fft=n_fft, **arguments)
    return transform(torch.from_numpy(samples)).numpy().T


def tf_hann_window(length):
    """tf.signal.hann_window(periodic=True): the period is the length if that is even, and one less if it is odd."""
    period = length if length % 2 == 0 else length - 1
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / period)


def tf_stft(samples, frame_length, frame_step, fft_length):
    """tf.signal.stft(pad_end=False): frames from sample 0, zeros after them up to the FFT's length."""
    starts = range(0, len(samples) - frame_length + 1, frame_step)
    frames = np.stack([samples[start : start + frame_length] for start in starts]).astype(np.float64)
    return np.fft.rfft(frames * tf_hann_window(frame_length), fft_length)


def tf_mel_weights(bands, spectrum_bins, rate, low, high):
    """tf.signal.linear_to_mel_weight_matrix: triangles straight over mel = 1127·ln(1 + f / 700); no weight at DC."""
    to_mel = lambda hertz: 1127 * np.log(1 + np.asarray(hertz) / 700)
    bins = to_mel(np.linspace(0, rate / 2, spectrum_bins)[1:])[:, None]
    edges = np.linspace(to_mel(low), to_mel(high), bands + 2)
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0, np.minimum((bins - left) / (peak - left), (right - bins) / (right - peak)))
    return np.pad(weights, ((1, 0), (0, 0)))


def tf_log_mel(samples, frame_length=1024, frame_step=256, fft_length=1024, bands=80, rate=16_000, low=80, high=7600):
    magnitude = np.abs(tf_stft(samples, frame_length, frame_step, fft_length))
    return np.log(magnitude @ tf_mel_weights(bands, fft_length // 2 + 1, rate, low, high) + 1e-6)


def tf_mfcc(log_mel, coefficients):
    """tf.signal.mfccs_from_log_mel_spectrograms: an unnormalised DCT-II times 1/√(2·bands)."""
    return scipy.fft.dct(log_mel, type=2, norm=None)[:, :coefficients] / np.sqrt(2 * log_mel.shape[1])


def make_cases(pcm):
    """Yields (name, options, features)."""
    samples = pcm.astype(np.float32) * np.float32(PCM_SCALE)

    preset = {"preset": "torchaudio"}
    yield "torchaudio_log_mel", preset, np.log(torchaudio_mel(samples, n_mels=128) + 1e-6)
    options = {**preset, "mel_bands": 40, "hop_length": 160, "low_hz": 20.0, "high_hz": 7600.0}
    commands = dict(n_mels=40, hop_length=160, f_min=20.0, f_max=7600.0)
    mel = torchaudio_mel(samples, **commands)
    yield "torchaudio_commands", options, np.log(mel + 1e-6)
    yield "torchaudio_decibels", {**options, "compression": "decibel_max", "floor": 1e-10}, decibels(mel)
    offset, scale = [8.0 - band / 10 for band in range(40)], [0.2 + band / 100 for band in range(40)]
    normalised = (np.log(mel + 1e-6) + np.float32(offset)) * np.float32(scale)
    yield "torchaudio_normalised", {**options, "offset": offset, "scale": scale}, normalised
    yield (
        "torchaudio_mfcc",
        {**options, "mfcc_coefficients": 13},
        torchaudio_mfcc(samples, 13, True, **commands),
    )
    yield (
        "torchaudio_mfcc_decibels",
        {**preset, "mel_bands": 64, "mfcc_coefficients": 40, "compression": "decibel_max", "floor": 1e-10},
        torchaudio_mfcc(samples, 40, False, n_mels=64),
    )
    yield (
        "torchaudio_slaney_magnitude_hamming",
        {
            **preset, "mel_bands": 40, "mel_scale": "slaney", "mel_norm": "slaney", "spectrum": "magnitude",
            "window": "hamming", "compression": "ln_max", "floor": 1e-5,
        },
        np.log(np.maximum(torchaudio_mel(
            samples, n_mels=40, mel_scale="slaney", norm="slaney", power=1.0, window_fn=torch.hamming_window
        ), 1e-5)),
    )
    yield (
        "torchaudio_8_khz_symmetric_integers",
        {
            **preset, "sample_rate": 8000, "window_length": 200, "hop_length": 250, "mel_bands": 23,
            "window": "hann_symmetric", "pcm_scale": 1.0, "floor": 1.0,
        },
        np.log(torchaudio_mel(
            pcm.astype(np.float32), win_length=200, hop_length=250, n_fft=256, n_mels=23, sample_rate=8000,
            wkwargs={"periodic": False},
        ) + 1.0),
    )
    yield (
        "torchaudio_rectangular",
        {**preset, "window": "rectangular", "window_length": 64, "hop_length": 64, "mel_bands": 8},
        np.log(torchaudio_mel(samples, win_length=64, hop_length=64, n_fft=64, n_mels=8, window_fn=torch.ones) + 1e-6),
    )

    preset = {"preset": "librosa"}
    mel = librosa_mel(samples)
    yield "librosa_log_mel", preset, librosa_db(mel)
    yield "librosa_mfcc", {**preset, "mfcc_coefficients": 20}, librosa_mfcc(mel, 20)
    options = {**preset, "sample_rate": 16000, "window_length": 400, "hop_length": 160, "mel_bands": 40}
    short = dict(sr=16000, n_fft=512, win_length=400, hop_length=160, n_mels=40)
    mel = librosa_mel(samples, **short)
    yield "librosa_short_window", options, librosa_db(mel)
    yield "librosa_short_window_mfcc", {**options, "mfcc_coefficients": 13}, librosa_mfcc(mel, 13)
    yield (
        "librosa_htk_magnitude_hamming",
        {
            **options, "mel_scale": "htk", "mel_norm": "none", "spectrum": "magnitude", "window": "hamming",
            "compression": "ln_plus", "floor": 1e-3, "low_hz": 60.0, "high_hz": 7000.0,
        },
        np.log(librosa_mel(
            samples, **short, htk=True, norm=None, power=1.0, window="hamming", fmin=60.0, fmax=7000.0
        ) + 1e-3),
    )

    preset = {"preset": "tf_signal"}
    log_mel = tf_log_mel(samples)
    yield "tf_signal_log_mel", preset, log_mel
    yield "tf_signal_mfcc", {**preset, "mfcc_coefficients": 13}, tf_mfcc(log_mel, 13)
    options = {**preset, "window_length": 480, "hop_length": 320, "mel_bands": 40, "low_hz": 20.0, "high_hz": 4000.0}
    log_mel = tf_log_mel(samples, 480, 320, 512, 40, low=20.0, high=4000.0)
    yield "tf_signal_short_window", options, log_mel
    yield "tf_signal_short_window_mfcc", {**options, "mfcc_coefficients": 40}, tf_mfcc(log_mel, 40)
    yield (
        "tf_signal_odd_window",
        {**preset, "window_length": 255, "hop_length": 300, "mel_bands": 20, "low_hz": 0.0},
        tf_log_mel(samples, 255, 300, 256, 20, low=0.0),
    )


    # As MLPerf Tiny's get_dataset.py: the clip is divided by its highest sample.
    clip = pcm.astype(np.float32) / pcm.max()
    yield "mlperf_tiny", {"preset": "mlperf_tiny"}, tf_mfcc(tf_log_mel(clip, 480, 320, 512, 40, low=20.0, high=4000.0), 10)
    yield (
        "mlperf_tiny_absolute",
        {"preset": "mlperf_tiny", "peak": "absolute", "mfcc_coefficients": 0, "window": "hann"},
        tf_log_mel(pcm / np.abs(pcm.astype(np.float64)).max(), 480, 320, 512, 40, low=20.0, high=4000.0),
    )

    # Centred, and by the clip's loudest band.
    preset = {"preset": "torchaudio", "center": "reflect"}
    for window, hop in ((400, 160), (255, 100)):
        mel = centred_torchaudio_mel(samples, win_length=window, hop_length=hop, n_mels=40, n_fft=512 if window > 256 else 256)
        options = {**preset, "window_length": window, "hop_length": hop, "mel_bands": 40}
        yield f"torchaudio_centred_{window}", options, np.log(mel + 1e-6)
    mel = torch.from_numpy(centred_torchaudio_mel(samples, win_length=400, hop_length=160, n_mels=40).T)
    options = {**preset, "hop_length": 160, "mel_bands": 40, "compression": "decibel_max", "floor": 1e-10, "top_db": 40.0}
    yield "torchaudio_centred_decibels", options, torchaudio.transforms.AmplitudeToDB("power", top_db=40)(mel).numpy().T
    mfcc = torchaudio.transforms.MFCC(n_mfcc=13, melkwargs=dict(n_fft=512, win_length=400, hop_length=160, n_mels=40))
    options = {**options, "top_db": 80.0, "mfcc_coefficients": 13}
    yield "torchaudio_centred_mfcc", options, mfcc(torch.from_numpy(samples)).numpy().T
    preset = {"preset": "librosa", "sample_rate": 16000, "window_length": 512, "hop_length": 160, "mel_bands": 40}
    mel = librosa.feature.melspectrogram(y=samples, sr=16000, n_fft=512, hop_length=160, n_mels=40, pad_mode="constant")
    options = {**preset, "center": "zeros", "top_db": 80.0, "reference": "max"}
    yield "librosa_centred_relative", options, librosa.power_to_db(mel, ref=np.max).T
    yield (
        "librosa_centred_mfcc",
        {**options, "reference": "none", "mfcc_coefficients": 20},
        librosa.feature.mfcc(y=samples, sr=16000, n_mfcc=20, n_fft=512, hop_length=160, n_mels=40).T,
    )

    # One mean and one deviation for all features, and one a feature.
    preset = {"preset": "torchaudio", "mel_bands": 40, "hop_length": 160}
    log_mel = np.log(torchaudio_mel(samples, n_mels=40, hop_length=160) + 1e-6)
    yield "torchaudio_mean", {**preset, "mean": -7.5, "std": 3.0}, (log_mel + 7.5) / 3.0
    mean, deviation = [float(x) for x in np.round(log_mel.mean(0), 3)], [float(x) for x in np.round(log_mel.std(0), 3)]
    yield "torchaudio_means", {**preset, "mean": mean, "std": deviation}, (log_mel - mean) / deviation


def main():
    for library in (torch, torchaudio, librosa, np, scipy):
        print(library.__name__, library.__version__)
    torch.set_num_threads(1)
    pcm = make_signal()
    with wave.open(str(HERE / "signal.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, len(pcm), "NONE", ""))
        file.writeframes(pcm.tobytes())
    cases = []
    for name, options, features in make_cases(pcm):
        assert np.isfinite(features).all(), name
        np.ascontiguousarray(features, "<f4").tofile(HERE / f"{name}.f32")
        cases.append({"name": name, "options": options, "frames": features.shape[0], "features": features.shape[1]})
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
