"""Which clips an epoch is made of: the classes in balance, whatever the data set's own proportions."""
import numpy as np
import torch

from .vocabulary import RARE_UNKNOWN_WORDS, SILENCE, UNKNOWN

EPOCH = 16_384  # clips

# Shares of an epoch.
WORD = 0.062  # each well-recorded word
RARE = 0.072  # each rare word
FEW_WORDS = 1.7  # times as much, at most, where there are fewer words than ten
ALL_WORDS = 0.64  # all words together, at most
SILENT = 0.08
MISTAKEN_NOISE = 0.03  # noise that networks took for a word; `mining.py`
WELL_RECORDED_PARTS = {"recorded": 0.9, "synthetic": 0.1}
RARE_PARTS = {"recorded": 0.25, "spliced": 0.25, "synthetic": 0.5}  # of a rare word

# Parts of the unknown, by weight; what is missing is left out.
UNKNOWN_PARTS = {
    "frequent": 0.26,
    "rare": 0.09,
    "negatives": 0.08,
    "conversation": 0.14,
    "synthetic": 0.12,
    "cut": 0.12,
    "blended": 0.14,
    "hard": 0.19,  # what networks took for a word; `mining.py`
}


class Corpus:
    """All training clips in one bank, with pools of indices to draw from."""

    epoch = EPOCH

    def __init__(self, parts, vocabulary, device="cpu"):
        """`parts`: (source, words, bank, first, last) each; source is "recorded", "spliced", "synthetic", "negative", "blended"
        or "conversation"."""
        self.bank = torch.from_numpy(np.concatenate([bank for _, _, bank, _, _ in parts])).to(device)
        self.first = torch.from_numpy(np.concatenate([first for _, _, _, first, _ in parts])).float().to(device)
        self.last = torch.from_numpy(np.concatenate([last for _, _, _, _, last in parts])).float().to(device)
        words = np.concatenate([np.array(words) for _, words, _, _, _ in parts])
        source = np.concatenate([np.repeat(name, len(words)) for name, words, _, _, _ in parts])
        self.vocabulary = vocabulary
        self.labels = torch.tensor([vocabulary.index(word) for word in words], device=device)
        mine = set(vocabulary.words)

        def pool(name, chosen):
            return [np.flatnonzero((source == name) & (words == word)) for word in sorted(chosen)]

        spoken = set(words[source == "recorded"])
        made = set(words[source == "synthetic"])
        self.spoken = {kind: dict(zip(sorted(mine), pool(kind, mine))) for kind in ("recorded", "spliced", "synthetic")}
        self.unknown = {
            "frequent": pool("recorded", spoken - mine - set(RARE_UNKNOWN_WORDS)),
            "rare": pool("recorded", (spoken & set(RARE_UNKNOWN_WORDS)) - mine),
            "negatives": [np.flatnonzero(source == "negative")],
            "conversation": [np.flatnonzero(source == "conversation")],
            "synthetic": pool("synthetic", made - mine),
            "cut": pool("recorded", spoken),
            "blended": [np.flatnonzero(source == "blended")],
            "hard": [],
        }
        self.mistaken_noise = np.empty(0, int)
        self.refused = np.flatnonzero((self.labels == vocabulary.index(UNKNOWN)).cpu().numpy())  # clips that are none of the words

    def added(self, bank, first, last, label):
        """Takes more clips of one label, and gives their indices."""
        n = len(self.bank)
        for name, more in (("bank", bank), ("first", first), ("last", last)):
            there = getattr(self, name)
            setattr(self, name, torch.cat([there, torch.from_numpy(more).to(there)]))
        self.labels = torch.cat([self.labels, self.labels.new_full((len(bank),), self.vocabulary.index(label))])
        return np.arange(n, n + len(bank))

    def harder(self, bank, first, last, indices):
        """More clips that are none of the words, and which of those that are there were taken for one: both are heard more often."""
        self.unknown["hard"] += [self.added(bank, first, last, UNKNOWN), indices]

    def noisier(self, bank, first, last):
        """Noise that was taken for a word: it is heard more often."""
        self.mistaken_noise = np.concatenate([self.mistaken_noise, self.added(bank, first, last, SILENCE)])

    def shares(self):
        """{word: share of an epoch}."""
        shares = {word: RARE if word in self.vocabulary.rare_words else WORD for word in self.vocabulary.words}
        factor = min(FEW_WORDS, round(ALL_WORDS / sum(shares.values()), 9))
        return {word: share * factor for word, share in shares.items()}

    def label_shares(self):
        """Of an epoch, in the order of the vocabulary's labels."""
        words = self.shares()
        silent = SILENT + (MISTAKEN_NOISE if len(self.mistaken_noise) else 0)
        return [*(words[word] for word in self.vocabulary.words), 1 - silent - sum(words.values()), silent]

    def draw(self, rng):
        """One epoch, shuffled: indices into the bank (-1 stands for silence), and which clips are to be cut."""
        drawn, cut = [], []

        def add(pools, share, is_cut=False):
            pools = [pool for pool in pools if len(pool)]
            if not pools:
                return
            n = round(share * EPOCH)
            which = rng.integers(len(pools), size=n) if len(pools) > 1 else np.zeros(n, int)
            sizes = np.array([len(pool) for pool in pools])
            drawn.append(np.concatenate(pools)[(np.cumsum(sizes) - sizes)[which] + rng.integers(sizes[which])])
            cut.append(np.full(n, is_cut))

        shares = self.shares()
        for word, share in shares.items():
            parts = RARE_PARTS if word in self.vocabulary.rare_words else WELL_RECORDED_PARTS
            parts = {kind: part for kind, part in parts.items() if len(self.spoken[kind][word])}
            for kind, part in parts.items():
                add([self.spoken[kind][word]], share * part / sum(parts.values()))
        *_, unknown, _ = self.label_shares()
        parts = {part: share for part, share in UNKNOWN_PARTS.items() if any(map(len, self.unknown[part]))}
        for part, share in parts.items():
            add(self.unknown[part], unknown * share / sum(parts.values()), part == "cut")
        add([self.mistaken_noise], MISTAKEN_NOISE)
        drawn.append(np.full(round(SILENT * EPOCH), -1))
        cut.append(np.zeros(len(drawn[-1]), bool))
        order = rng.permutation(sum(len(part) for part in drawn))
        return np.concatenate(drawn)[order], np.concatenate(cut)[order]

    def batches(self, rng, size):
        """(clips, first, last, which to cut, which are silent, labels) of one epoch."""
        indices, cut = (torch.from_numpy(x).to(self.bank.device) for x in self.draw(rng))
        for chosen, cut in zip(indices.split(size), cut.split(size)):
            silent = chosen < 0
            labels = torch.where(cut, self.vocabulary.index(UNKNOWN), self.labels[chosen])
            labels = torch.where(silent, self.vocabulary.index(SILENCE), labels)
            yield self.bank[chosen], self.first[chosen], self.last[chosen], cut, silent, labels
