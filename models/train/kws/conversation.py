"""Synthetic conversation: invented prose, read in turns by synthetic voices, in rooms, over noise.

The texts hold none of the ten words, so whatever a detector reports is a false alarm.
"""
from dataclasses import dataclass

import numpy as np
import soxr

from . import scenes
from .noise import coloured
from .prose import Writer
from .vocabulary import RATE
from .voices import ACCENTS, Utterance, conversation_voices, espeak_variants, natural_voices, speak

SCENE_S = (60, 240)
PEOPLE = (1, 5)  # in a scene; the last is excluded
SENTENCES = (1, 5)  # in a turn; the last is excluded
GAP_S = (-0.4, 1.6)  # between turns; below 0 they interrupt each other
PAUSE_S = (3.0, 12.0)  # now and then
PAUSE_SHARE = 0.06
SPEED = (0.75, 1.35)
PITCH = (0.5, 1.6)
RESAMPLING = (0.88, 1.14)  # > 1: faster and higher, like a smaller speaker
PERSON_DB = (-8.0, 4.0)  # one person against another
SPEECH_DBFS = (-45.0, -18.0)  # of a scene's speech, RMS
SNR_DB = (0.0, 40.0)  # of a scene's speech over its noise
DRY_SHARE = 0.3  # of the people are close to the microphone
FESTIVAL_WEIGHT = 0.5  # against the other voices: festival is slow, and reads with long pauses
FLITE_WEIGHT = 6.0  # in training, where it has three voices against some hundred of espeak-ng


@dataclass(frozen=True)
class Person:
    """Somebody who takes part: a voice with habits."""

    engine: str
    voice: str
    speed: float
    pitch: float
    resampling: float
    gain: float
    room: object  # impulse response, or None


@dataclass(frozen=True)
class Turn:
    """What was said, from when to when, in seconds."""

    start: float
    end: float
    speaker: str
    text: str


def voices_of(subset):
    """([(engine, voice)], how often each speaks against the others) of a set."""
    if subset != "train":
        voices = conversation_voices(subset)
        return voices, [FESTIVAL_WEIGHT if engine == "festival" else 1.0 for engine, _ in voices]
    voices = [("espeak-ng", variant) for variant in espeak_variants()] + natural_voices()
    weights = {"espeak-ng": 1.0, "flite": FLITE_WEIGHT, "festival": FESTIVAL_WEIGHT * FLITE_WEIGHT}
    return voices, [weights[engine] for engine, _ in voices]


class Talk:
    """Makes conversation without end with the voices and words of one set: "train", "tune" or "report"."""

    def __init__(self, subset, seed, recorded_noise=()):
        """`recorded_noise`: float arrays to be used beside coloured noise and babble."""
        self.rng = np.random.default_rng(seed)
        self.writer = Writer(subset, self.rng)
        self.voices, weights = voices_of(subset)
        self.weights = np.array(weights) / sum(weights)
        self.noises = [scenes.unit(coloured(exponent, scenes.NOISE_SECONDS, self.rng)) for exponent in (0.0, 0.7, 1.0, 1.5, 2.0)]
        self.noises += [scenes.unit(noise) for noise in recorded_noise]
        crowd = [self.utterance(self.person()) for _ in range(60)]
        self.crowd = [samples for samples in speak(crowd) if samples is not None]

    def person(self):
        engine, voice = self.voices[self.rng.choice(len(self.voices), p=self.weights)]
        if engine == "espeak-ng":
            voice = f"{ACCENTS[self.rng.integers(len(ACCENTS))]}+{voice}"
        u = self.rng.uniform
        room = None if self.rng.random() < DRY_SHARE else scenes.room(self.rng)
        return Person(engine, voice, u(*SPEED), u(*PITCH), u(*RESAMPLING), 10 ** (u(*PERSON_DB) / 20), room)

    def utterance(self, person):
        text = " ".join(self.writer.sentence() for _ in range(self.rng.integers(*SENTENCES)))
        return Utterance("", text, person.engine, person.voice, person.speed, person.pitch)

    def noise(self, n):
        """n samples, RMS about 1."""
        kinds = len(self.noises)
        which = self.rng.integers(kinds + 2)  # babble as often as two of the others
        noise = self.noises[which] if which < kinds else scenes.babble(self.crowd, self.rng)
        return scenes.looped(noise, n, self.rng)

    def scene(self):
        """(samples float32, turns): a minute or a few, in one place."""
        people = [self.person() for _ in range(self.rng.integers(*PEOPLE))]
        seconds = self.rng.uniform(*SCENE_S)
        turns = [people[self.rng.integers(len(people))] for _ in range(int(seconds / 5))]
        utterances = [self.utterance(person) for person in turns]
        mixed = np.zeros(int(seconds * RATE), np.float32)
        position, said = 0, []
        for person, utterance, samples in zip(turns, utterances, speak(utterances)):
            gap = self.rng.uniform(*(PAUSE_S if self.rng.random() < PAUSE_SHARE else GAP_S))
            position = max(0, position + int(gap * RATE))
            if position >= len(mixed):
                break
            if samples is None:
                continue
            samples = soxr.resample(samples, RATE * person.resampling, RATE)[: len(mixed) - position]
            samples = scenes.unit(samples) * person.gain
            mixed[position : position + len(samples)] += samples if person.room is None else scenes.in_room(samples, person.room)
            end = position + len(samples)
            said.append(Turn(position / RATE, end / RATE, f"{person.engine}/{person.voice}", utterance.text))
            position = end
        mixed = mixed[: max(position, RATE)]
        mixed += self.noise(len(mixed)) * 10 ** (-self.rng.uniform(*SNR_DB) / 20)
        return mixed * 10 ** (self.rng.uniform(*SPEECH_DBFS) / 20), said

    def recording(self, seconds):
        """(samples int16, turns): scenes one after the other."""
        parts, turns, length = [], [], 0
        while length < seconds * RATE:
            samples, said = self.scene()
            offset = length / RATE
            turns += [Turn(t.start + offset, t.end + offset, t.speaker, t.text) for t in said if t.start + offset < seconds]
            parts.append(samples)
            length += len(samples)
        samples = np.concatenate(parts)[: int(seconds * RATE)]
        return (samples * 32_767).round().clip(-32_768, 32_767).astype(np.int16), turns
