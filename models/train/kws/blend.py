"""Words that do not exist, in real voices: the beginning of one recording and the end of another by the same speaker.

The data set's other words are few, and a network that knows few others takes whatever begins or ends like one of ours for it. Speakers
recorded a dozen words each; halves of these are hundreds of new ones.
"""
from collections import defaultdict

import numpy as np
import torch

from . import bank
from .frontend import HOP
from .phonemes import group_of, phonemes
from .recordings import one_clip
from .splice import by_speaker

BEGINNING = (0.35, 0.68)  # of a word, what of it is heard at first
END_OF_OURS = (0.4, 0.65)  # of one of our words, where what is heard of it begins
END_OF_OTHER = (0.0, 0.65)  # the same of another word
# (Which words begin, which end, share of the clips.)
KINDS = [("ours", "all", 0.55), ("others", "ours", 0.3), ("others", "others", 0.15)]
CROSSFADE = 320  # samples
BATCH = 512


class Take:
    """One recording: float samples, and the samples between which it is spoken."""

    def __init__(self, samples, first, last):
        self.samples, self.first, self.last = samples, first, last

    def at(self, share):
        """The sample after that share of the word."""
        return round(self.first + share * (self.last - self.first))

    def level(self):
        """Of what is spoken."""
        return np.sqrt(np.square(self.samples[self.first : self.last]).mean()) + 1e-6


def takes_of(folder, words):
    """{speaker: {word: [Take]}} of those who recorded more than one of the words."""
    found = defaultdict(dict)
    for word, speakers in by_speaker(folder, words).items():
        for speaker, clips in speakers.items():
            samples = np.stack(clips).astype(np.float32) / 32_768
            power = torch.cat([bank.log_power(part) for part in torch.from_numpy(samples).split(BATCH)]).numpy()
            spoken = zip(*(x * HOP for x in bank.endpoints(power)))
            found[speaker][word] = [Take(*take) for take in zip(samples, *zip(*spoken))]
    return {speaker: takes for speaker, takes in found.items() if len(takes) > 1}


def ends_of(words):
    """{word: (group of its first sound, group of its last)}."""
    sounds = {word: phonemes(word) for word in words}
    return {word: (group_of(said[0])[0], group_of(said[-1])[0]) for word, said in sounds.items()}


def joined(beginning, end, rng, end_from):
    """One second, the seam somewhere in its middle."""
    until, start = beginning.at(rng.uniform(*BEGINNING)), end.at(rng.uniform(*end_from))
    start = max(start, CROSSFADE)
    until = max(until, CROSSFADE)
    head, tail = beginning.samples[:until], end.samples[start - CROSSFADE :] * (beginning.level() / end.level())
    rise = np.sqrt(np.linspace(0, 1, CROSSFADE, dtype=np.float32))
    seam = head[-CROSSFADE:] * rise[::-1] + tail[:CROSSFADE] * rise
    samples = np.concatenate([head[:-CROSSFADE], seam, tail[CROSSFADE:]])
    # What is spoken ends up about the middle, whatever silence the two recordings had around it.
    spoken = (beginning.first + len(head) + end.last - start) // 2
    half = min(spoken, len(samples) - spoken)
    return np.clip(one_clip(samples[spoken - half : spoken + half]) * 32_767, -32_768, 32_767).astype(np.int16)


def blended(folder, words, others, count, seed):
    """int16 clips [count, CLIP]: what begins or ends like one of `words`, or like none, and is none of them.

    `folder`: the training set, a folder a word; `others`: further words that many speakers recorded.
    """
    rng = np.random.default_rng(seed)
    ours, every = set(words), {*words, *others}
    groups = {"ours": ours, "others": every - ours, "all": every}
    takes, sounds = takes_of(folder, sorted(every)), ends_of(every)
    speakers = sorted(takes)
    clips = []
    while len(clips) < count:
        said = takes[speakers[rng.integers(len(speakers))]]
        begins, ends, _ = KINDS[rng.choice(len(KINDS), p=[share for _, _, share in KINDS])]
        heads, tails = (sorted(groups[group] & said.keys()) for group in (begins, ends))
        if not heads or not tails:
            continue
        head, tail = heads[rng.integers(len(heads))], tails[rng.integers(len(tails))]
        # Half of a word and the same end, or the same beginning and half of a word, might be that word.
        if any(ours & {head, tail} and sounds[head][i] == sounds[tail][i] for i in (0, 1)):
            continue
        pick = [said[word][rng.integers(len(said[word]))] for word in (head, tail)]
        clips.append(joined(*pick, rng, END_OF_OURS if tail in ours else END_OF_OTHER))
    return np.stack(clips)
