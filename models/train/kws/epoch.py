"""Which clips an epoch is made of: the classes in balance, whatever the data set's own proportions."""
import numpy as np
import torch

from .recordings import label_index
from .vocabulary import LABELS, RARE_UNKNOWN_WORDS, RARE_WORDS, SILENCE, UNKNOWN, WORDS

EPOCH = 16_384  # clips

# Shares of an epoch.
WORD = 0.065  # each well-recorded word
RARE = 0.075  # each rare word
SILENT = 0.09
RECORDED = 0.88  # of a well-recorded word: recordings; the rest is synthetic
RECORDED_OF_RARE = 0.25

# Parts of the unknown, by weight; what is missing is left out.
UNKNOWN_PARTS = {"frequent": 0.40, "rare": 0.14, "negatives": 0.10, "synthetic": 0.24, "cut": 0.12}


class Corpus:
    """All training clips in one bank, with pools of indices to draw from."""

    def __init__(self, parts):
        """`parts`: (source, words, bank, first, last) each; source is "recorded", "synthetic" or "negative"."""
        self.bank = torch.from_numpy(np.concatenate([bank for _, _, bank, _, _ in parts]))
        self.first = torch.from_numpy(np.concatenate([first for _, _, _, first, _ in parts])).float()
        self.last = torch.from_numpy(np.concatenate([last for _, _, _, _, last in parts])).float()
        words = np.concatenate([np.array(words) for _, words, _, _, _ in parts])
        source = np.concatenate([np.repeat(name, len(words)) for name, words, _, _, _ in parts])
        self.labels = torch.tensor([label_index(word) for word in words])

        def pool(name, chosen):
            return [np.flatnonzero((source == name) & (words == word)) for word in sorted(chosen)]

        spoken = set(words[source == "recorded"])
        made = set(words[source == "synthetic"])
        self.recorded = dict(zip(sorted(WORDS), pool("recorded", WORDS)))
        self.synthetic = dict(zip(sorted(WORDS), pool("synthetic", WORDS)))
        self.unknown = {
            "frequent": pool("recorded", spoken - set(WORDS) - set(RARE_UNKNOWN_WORDS)),
            "rare": pool("recorded", spoken & set(RARE_UNKNOWN_WORDS)),
            "negatives": [np.flatnonzero(source == "negative")],
            "synthetic": pool("synthetic", made - set(WORDS)),
            "cut": pool("recorded", spoken),
        }

    def draw(self, rng):
        """One epoch, shuffled: indices into the bank (-1 stands for silence), and which clips are to be cut."""
        drawn, cut = [], []

        def add(pools, share, is_cut=False):
            pools = [pool for pool in pools if len(pool)]
            n = round(share * EPOCH)
            which = rng.integers(len(pools), size=n) if len(pools) > 1 else np.zeros(n, int)
            sizes = np.array([len(pool) for pool in pools])
            drawn.append(np.concatenate(pools)[(np.cumsum(sizes) - sizes)[which] + rng.integers(sizes[which])])
            cut.append(np.full(n, is_cut))

        for word in WORDS:
            share, recorded = (RARE, RECORDED_OF_RARE) if word in RARE_WORDS else (WORD, RECORDED)
            add([self.recorded[word]], share * recorded)
            add([self.synthetic[word]], share * (1 - recorded))
        unknown = 1 - SILENT - WORD * (len(WORDS) - len(RARE_WORDS)) - RARE * len(RARE_WORDS)
        for part, share in UNKNOWN_PARTS.items():
            add(self.unknown[part], unknown * share, part == "cut")
        drawn.append(np.full(round(SILENT * EPOCH), -1))
        cut.append(np.zeros(len(drawn[-1]), bool))
        order = rng.permutation(sum(len(part) for part in drawn))
        return np.concatenate(drawn)[order], np.concatenate(cut)[order]

    def batches(self, rng, size):
        """(clips, first, last, which to cut, which are silent, labels) of one epoch."""
        indices, cut = (torch.from_numpy(x) for x in self.draw(rng))
        for chosen, cut in zip(indices.split(size), cut.split(size)):
            silent = chosen < 0
            labels = torch.where(cut, LABELS.index(UNKNOWN), self.labels[chosen])
            labels = torch.where(silent, LABELS.index(SILENCE), labels)
            yield self.bank[chosen], self.first[chosen], self.last[chosen], cut, silent, labels
