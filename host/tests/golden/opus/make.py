#!/usr/bin/env python3
"""Opus files of every mode, and what libopus decodes of them: the golden files of host/tests/audio_opus.rs.

usage: host/tests/golden/opus/make.py

Needs numpy, scipy, opusenc and opusdec 0.2 (Debian's opus-tools; libopus 1.3.1), ffmpeg 5.1 and flac. The files beside this script were made
with these; another libopus encodes otherwise.
"""
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[3] / "models/fixtures"
RATE = 48_000  # hertz, of what Opus decodes to
SECONDS = 0.7
SEED = 1

# name: (channels, encoder, its options). The modes are those of RFC 6716, section 3.1.
FILES = {
    "silk-8k": (1, "opusenc", ["--bitrate", "8"]),
    "silk-60ms-fec": (1, "opusenc", ["--bitrate", "16", "--framesize", "60", "--expect-loss", "20"]),
    "hybrid-24k": (1, "ffmpeg", ["-b:a", "24k", "-application", "voip"]),
    "hybrid-stereo-32k": (2, "ffmpeg", ["-b:a", "32k", "-application", "voip"]),
    "celt-stereo-64k": (2, "opusenc", ["--bitrate", "64", "--hard-cbr"]),
    "celt-2.5ms-48k": (1, "ffmpeg", ["-b:a", "48k", "-frame_duration", "2.5", "-application", "lowdelay"]),
    "surround-96k": (6, "opusenc", ["--bitrate", "96"]),
}


def source(channels):
    """int16 [frames, channels]: another word in each channel, over a little noise."""
    words = [np.frombuffer((FIXTURES / f"{word}.wav").read_bytes()[44:], "<i2") for word in ("yes", "off", "stop", "go", "left", "up")]
    at = np.arange(round(SECONDS * RATE)) / RATE * 16_000 + 4_000
    noise = np.random.default_rng(SEED).normal(0, 60, (len(at), channels))
    heard = np.stack([np.interp(at, np.arange(len(word)), word) for word in words[:channels]], 1)
    return np.round(heard + noise).astype("<i2")


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        original, decoded, mean = (Path(scratch) / name for name in ("original.wav", "decoded.wav", "mean.wav"))
        for name, (channels, encoder, options) in FILES.items():
            wavfile.write(original, RATE, source(channels))
            opus = HERE / f"{name}.opus"
            if encoder == "opusenc":
                run("opusenc", "--quiet", "--serial", "1", *options, original, opus)
            else:
                exact = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
                run("ffmpeg", "-v", "error", "-y", "-i", original, "-c:a", "libopus", *options, *exact, opus)
            run("opusdec", "--quiet", "--rate", RATE, "--no-dither", "--force-wav", opus, decoded)
            # Channels as they are mixed down.
            samples = wavfile.read(decoded)[1].reshape(-1, channels)
            wavfile.write(mean, RATE, np.round(samples.mean(1)).astype("<i2"))
            run("flac", "-s", "-f", "-8", "--no-padding", "-o", HERE / f"{name}.flac", mean)


if __name__ == "__main__":
    main()
