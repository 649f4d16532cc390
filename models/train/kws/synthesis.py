"""Synthetic speech by espeak-ng and flite: many voices for words that nobody, or hardly anybody, recorded.

The voices of the fixtures are left out: see `fixture_voices.txt`.
"""
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample

from .vocabulary import CLIP, COMMON_WORDS, NEAR_MISSES, RARE_UNKNOWN_WORDS, RARE_WORDS, RATE, WORDS

FIXTURE_VOICES = Path(__file__).resolve().parent.parent / "fixture_voices.txt"

ACCENTS = [
    "en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029",
]  # American twice: most speakers of Speech Commands are
FLITE_VOICES = ["kal16", "awb", "rms", "slt"]
PEAK = 0.35  # of full scale; augmentation changes the level anyway

# Pronunciations in espeak-ng's phoneme notation. As plain text espeak-ng says "on" unstressed, as inside a sentence.
PHONEMES = {
    "on": ["[['O2n]]", "[['A:n]]", "[['O:n]]", "[['0n]]"],
    "off": ["[['O2f]]", "[['A:f]]", "[['O:f]]", "[['0f]]"],
}


@dataclass(frozen=True)
class Utterance:
    """What to say, and how."""

    word: str
    text: str
    engine: str  # "espeak-ng" or "flite"
    voice: str
    speed: float  # words a minute for espeak-ng, a factor on durations for flite
    pitch: float  # 0-99 for espeak-ng, Hz for flite
    resampling: float  # > 1: faster and higher, like a smaller speaker


def fixture_variants():
    """The espeak-ng variants (the part after "+", "" where there is none) that only fixtures may use."""
    lines = (line.split("#")[0].split() for line in FIXTURE_VOICES.read_text().splitlines())
    return {line[0].partition("+")[2] for line in lines if line}


def espeak_variants():
    """All variants that espeak-ng offers, less those of the fixtures."""
    listing = subprocess.run(["espeak-ng", "--voices=variant"], check=True, capture_output=True, text=True).stdout
    found = {match.group(1).strip() for match in re.finditer(r"!v/(.+?)\s*(?:\(|$)", listing, re.MULTILINE)}
    return sorted(found - fixture_variants())


def plan(seed, scale=1.0):
    """The utterances to synthesise; the same list for the same seed and version of espeak-ng."""
    rng = random.Random(seed)
    variants = espeak_variants()
    if "" not in fixture_variants():
        variants.append("")
    counts = {word: (1600, 250) if word in RARE_WORDS else (300, 40) for word in WORDS}
    counts |= {word: (80, 8) for word in RARE_UNKNOWN_WORDS}
    counts |= {word: (14, 2) for word in dict.fromkeys(NEAR_MISSES + COMMON_WORDS) if word not in counts}

    utterances = []
    for word, (by_espeak, by_flite) in counts.items():
        texts = [word, f"{word}.", f"{word}!", f"{word}?", *PHONEMES.get(word, [])]
        for _ in range(round(by_espeak * scale)):
            variant = rng.choice(variants)
            utterances.append(
                Utterance(
                    word,
                    rng.choice(texts),
                    "espeak-ng",
                    rng.choice(ACCENTS) + (f"+{variant}" if variant else ""),
                    rng.randint(100, 210),
                    rng.randint(15, 85),
                    rng.uniform(0.87, 1.15),
                )
            )
        for _ in range(round(by_flite * scale)):
            voice = rng.choice(FLITE_VOICES)
            pitch = rng.uniform(70, 150) if voice != "slt" else rng.uniform(130, 260)
            utterances.append(
                Utterance(word, word, "flite", voice, rng.uniform(0.8, 1.6), pitch, rng.uniform(0.85, 1.2))
            )
    return utterances


def speak(utterance):
    """One clip of CLIP int16 samples with the word in the middle, or None where the voice has nothing to say."""
    u = utterance
    if u.engine == "espeak-ng":
        command = ["espeak-ng", "-v", u.voice, "-s", str(u.speed), "-p", str(u.pitch), "--stdout", u.text]
    else:
        command = ["flite", "-voice", u.voice, "--setf", f"duration_stretch={u.speed:.3f}"]
        command += ["--setf", f"int_f0_target_mean={u.pitch:.1f}", "-t", u.text, "-o", "/dev/stdout"]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    if len(out) < 44 + 2 * RATE // 20:
        return None
    rate = int.from_bytes(out[24:28], "little")
    samples = np.frombuffer(out[44 : 44 + (len(out) - 44) // 2 * 2], "<i2").astype(np.float32)
    peak = np.abs(samples).max()
    if peak < 100:
        return None
    audible = np.flatnonzero(np.abs(samples) > 0.01 * peak)
    samples = samples[audible[0] : audible[-1] + 1]
    samples = resample(samples, max(1, round(len(samples) * RATE / rate / u.resampling)))[:CLIP]
    clip = np.zeros(CLIP, np.float32)
    start = (CLIP - len(samples)) // 2
    clip[start : start + len(samples)] = samples * (PEAK * 32_767 / np.abs(samples).max())
    return clip.round().astype(np.int16)


def synthesise(seed, scale=1.0, threads=2):
    """(words, clips): a list of words and an int16 array [N, CLIP]."""
    utterances = plan(seed, scale)
    with ThreadPoolExecutor(threads) as pool:
        clips = list(pool.map(speak, utterances))
    spoken = [(u.word, clip) for u, clip in zip(utterances, clips) if clip is not None]
    return [word for word, _ in spoken], np.stack([clip for _, clip in spoken])
