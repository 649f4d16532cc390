"""Which clips an epoch is made of: the classes in balance, whatever the data set's own proportions."""
import numpy as np
import torch

from .recordings import label_index
from .vocabulary import LABELS, RARE_UNKNOWN_WORDS, RARE_WORDS, SILENCE, WORDS

RECORDED_A_WORD = 1100  # recordings of each well-recorded word
RECORDED_OF_RARE = 250  # draws from the 15 recordings of each rare word
SYNTHETIC_OF_RARE = 850
SYNTHETIC_A_WORD = 110
UNKNOWN_RECORDED = 1900  # from the unknown words with many recordings, each word as often as the other
UNKNOWN_RARE = 500
UNKNOWN_NEGATIVES = 600
UNKNOWN_SYNTHETIC = 1000
SILENT = 900


class Corpus:
    """All training clips in one array, with pools of indices to draw from."""

    def __init__(self, recorded, negatives, synthetic):
        (words, clips), (synthetic_words, synthetic_clips) = recorded, synthetic
        self.clips = torch.from_numpy(np.concatenate([clips, negatives, synthetic_clips]))
        everything = np.array(words + ["(speech)"] * len(negatives) + synthetic_words)
        source = np.repeat(["recorded", "negative", "synthetic"], [len(words), len(negatives), len(synthetic_words)])
        self.recorded = {w: np.flatnonzero((everything == w) & (source == "recorded")) for w in sorted(set(words))}
        self.negatives = np.flatnonzero(source == "negative")
        self.synthetic = {w: np.flatnonzero((everything == w) & (source == "synthetic")) for w in WORDS}
        self.synthetic_unknown = np.flatnonzero((source == "synthetic") & ~np.isin(everything, WORDS))
        self.labels = torch.tensor([label_index(word) for word in everything])

    def draw(self, rng):
        """Indices of one epoch, shuffled; -1 stands for a clip of silence."""
        drawn = []
        for word in WORDS:
            rare = word in RARE_WORDS
            drawn.append(rng.choice(self.recorded[word], RECORDED_OF_RARE if rare else RECORDED_A_WORD))
            drawn.append(rng.choice(self.synthetic[word], SYNTHETIC_OF_RARE if rare else SYNTHETIC_A_WORD))
        unknown = [w for w in self.recorded if w not in WORDS]
        frequent = [w for w in unknown if w not in RARE_UNKNOWN_WORDS]
        rare = [w for w in unknown if w in RARE_UNKNOWN_WORDS]
        for words, total in ((frequent, UNKNOWN_RECORDED), (rare, UNKNOWN_RARE)):
            drawn += [rng.choice(self.recorded[word], total // len(words)) for word in words]
        drawn.append(rng.choice(self.negatives, UNKNOWN_NEGATIVES))
        drawn.append(rng.choice(self.synthetic_unknown, UNKNOWN_SYNTHETIC))
        drawn.append(np.full(SILENT, -1))
        return rng.permutation(np.concatenate(drawn))

    def batches(self, rng, size):
        """(clips, labels, which are silent) of one epoch."""
        indices = torch.from_numpy(self.draw(rng))
        for chosen in indices.split(size):
            silent = chosen < 0
            yield self.clips[chosen], torch.where(silent, LABELS.index(SILENCE), self.labels[chosen]), silent
