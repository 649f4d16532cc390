"""Free speech synthesisers that run on this computer, their voices, and what they say.

espeak-ng makes any number of voices by rule; flite and festival have a few that were recorded from people. The voices of the
fixtures and of the synthetic conversations are left out: `fixture_voices.txt`, `conversation_voices.txt`.
"""
import functools
import io
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from .vocabulary import RATE

FIXTURE_VOICES = Path(__file__).resolve().parent.parent / "fixture_voices.txt"
CONVERSATION_VOICES = Path(__file__).resolve().parent.parent / "conversation_voices.txt"

ACCENTS = [
    "en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029",
]  # American twice: most speakers of Speech Commands are
FLITE_VOICES = ["kal16", "awb", "rms", "slt"]
FESTIVAL_VOICES = ["kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"]
# They read English as if it were their own language: right for short words with open vowels, wrong for most.
FOREIGN_VOICES = [
    "lp_diphone", "pc_diphone", "upc_ca_ona_hts", "czech_dita", "czech_krb", "czech_machac", "czech_ph",
    "hy_fi_mv_diphone", "suo_fi_lj_diphone",
]
PACKAGES = (
    "espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k festvox-itapc16k "
    "festvox-ca-ona-hts festvox-czech-dita festvox-czech-krb festvox-czech-machac festvox-czech-ph festvox-suopuhe-lj "
    "festvox-suopuhe-mv"
)  # of Debian
UNNATURAL = {"whisper", "whisperf", "fast", "Demonic", "robert", "UniRobot", "anikaRobot"}  # nobody talks to a device like this
SHORTEST = RATE // 20  # samples; less is no word
FAINTEST = 0.003  # of full scale


@functools.cache
def require_synthesisers():
    """Raises RuntimeError, with what to install, if a synthesiser or a voice is missing: without it other clips would come out."""
    missing = [name for name in ("espeak-ng", "flite", "festival") if shutil.which(name) is None]
    if "festival" not in missing:
        out = subprocess.run(["festival", "-b", "(print (voice.list))"], check=True, capture_output=True, text=True).stdout
        installed = out.replace("(", " ").replace(")", " ").split()
        missing += [voice for voice in FESTIVAL_VOICES + FOREIGN_VOICES if voice not in installed]
    if missing:
        raise RuntimeError(f"can't speak without {', '.join(missing)}; install it: apt-get install {PACKAGES}")


@dataclass(frozen=True)
class Utterance:
    """What to say, and how."""

    word: str  # what it counts as
    text: str  # what the synthesiser is given
    engine: str  # "espeak-ng", "flite" or "festival"
    voice: str
    speed: float = 1.0  # > 1: faster
    pitch: float = 1.0  # > 1: higher; festival takes no notice


def conversation_voices(subset=None):
    """[(engine, voice)] of the synthetic conversations: of "tune", of "report", or of both."""
    lines = (line.split("#")[0].split() for line in CONVERSATION_VOICES.read_text().splitlines())
    return [(line[1], line[2]) for line in lines if line and subset in (None, line[0])]


def fixture_variants():
    """The espeak-ng variants (the part after "+", "" where there is none) that only fixtures may use."""
    lines = (line.split("#")[0].split() for line in FIXTURE_VOICES.read_text().splitlines())
    return {line[0].partition("+")[2] for line in lines if line}


@functools.cache
def espeak_variants():
    """The variants that espeak-ng offers, less those of fixtures and conversations and those that sound like nobody."""
    listing = subprocess.run(["espeak-ng", "--voices=variant"], check=True, capture_output=True, text=True).stdout
    found = {match.group(1).strip() for match in re.finditer(r"!v/(.+?)\s*(?:\(|$)", listing, re.MULTILINE)}
    reserved = {voice for engine, voice in conversation_voices() if engine == "espeak-ng"}
    return sorted(found - fixture_variants() - reserved - UNNATURAL)


def natural_voices(foreign=False):
    """[(engine, voice)] of the recorded voices for training."""
    names = [("flite", name) for name in FLITE_VOICES]
    names += [("festival", name) for name in FESTIVAL_VOICES + (FOREIGN_VOICES if foreign else [])]
    reserved = set(conversation_voices())
    return [name for name in names if name not in reserved]


def trimmed(samples, rate):
    """Samples at RATE without the silence around them, or None where there is nothing to hear."""
    samples = soxr.resample(samples, rate, RATE) if rate != RATE else samples
    peak = np.abs(samples).max(initial=0.0)
    if peak < FAINTEST:
        return None
    audible = np.flatnonzero(np.abs(samples) > 0.01 * peak)
    samples = samples[audible[0] : audible[-1] + 1]
    return samples if len(samples) >= SHORTEST else None


def espeak_or_flite(utterance):
    """The utterance as samples at RATE, or None."""
    u = utterance
    if u.engine == "espeak-ng":
        speed, pitch = round(160 * u.speed), min(99, max(0, round(50 * u.pitch)))
        command = ["espeak-ng", "-v", u.voice, "-s", str(speed), "-p", str(pitch), "--stdout", u.text]
    else:
        hertz = (175 if u.voice == "slt" else 105) * u.pitch
        command = ["flite", "-voice", u.voice, "--setf", f"duration_stretch={1 / u.speed:.3f}"]
        command += ["--setf", f"int_f0_target_mean={hertz:.1f}", "-t", u.text, "-o", "/dev/stdout"]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    if len(out) <= 44:
        return None
    # The header of a WAV file in a pipe does not know its length.
    rate = int.from_bytes(out[24:28], "little")
    return trimmed(np.frombuffer(out[44 : 44 + (len(out) - 44) // 2 * 2], "<i2").astype(np.float32) / 32_768, rate)


def festival(utterances):
    """The utterances as samples at RATE (or None), by one process a voice: festival takes long to start.

    A voice that crashes (some foreign ones do, at a sound they lack) says nothing from there on, always at the same word.
    """
    spoken = [None] * len(utterances)
    with tempfile.TemporaryDirectory() as folder:
        for voice in sorted({u.voice for u in utterances}):
            script = ["(define (say text stretch file)", "  (Parameter.set 'Duration_Stretch stretch)"]
            script += ["  (utt.save.wave (utt.synth (eval (list 'Utterance 'Text text))) file 'riff))", f"(voice_{voice})"]
            for index, u in enumerate(utterances):
                if u.voice == voice:
                    text = u.text.replace("\\", "").replace('"', "")
                    script.append(f'(unwind-protect (say "{text}" {1 / u.speed:.3f} "{folder}/{index}.wav") nil)')
            program = Path(folder) / "say.scm"
            program.write_text("\n".join(script))
            subprocess.run(["festival", "-b", str(program)], capture_output=True)
        for index in range(len(utterances)):
            file = Path(folder) / f"{index}.wav"
            if file.exists() and file.stat().st_size > 44:
                spoken[index] = trimmed(*soundfile.read(io.BytesIO(file.read_bytes()), dtype="float32"))
    return spoken


def speak(utterances):
    """All utterances as float32 samples at RATE, without silence around them; None where a voice has nothing to say."""
    require_synthesisers()
    by_festival = iter(festival([u for u in utterances if u.engine == "festival"]))
    return [next(by_festival) if u.engine == "festival" else espeak_or_flite(u) for u in utterances]
