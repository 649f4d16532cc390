"""The training clips as a bank of spectra: recordings, synthetic speech, and what is made of both. Everything that takes minutes
is made once and kept in a folder.
"""
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch

from . import bank, blend, noise, recordings, splice, synthesis
from .augment import NoiseBank
from .conversation import Talk
from .epoch import Corpus
from .frontend import FRAMES
from .vocabulary import RARE_UNKNOWN_WORDS, UNKNOWN
from .voices import require_synthesisers

VARIANTS = {"recorded": 6, "negative": 4, "blended": 2, "revoiced": 1, "spliced": 1, "synthetic": 1}
NATURAL = ("recorded", "negative", "blended")  # varied less in speed: what is synthetic varies in nothing else
REVOICED = 700  # clips of each rare word, made of its few recordings by the vocoder
REVOICED_OTHER = 40  # of each other word that has few recordings
SPLICED = 2000  # clips of each rare word
BLENDED = 8000  # clips that are none of the words
PIECE = 2048  # clips whose spectra one task makes
SOURCES = {"revoiced": "recorded"}  # what a kind counts as, where it isn't itself
NOISE_SHARES = {"background": 0.42, "environment": 0.28, "coloured": 0.12, "babble": 0.18}
SYNTHESIS_SEED, SPLICE_SEED, CONVERSATION_SEED, BLEND_SEED = 7, 3, 11, 5
CONVERSATION_HOURS = 14
CONVERSATION_PIECE_S = 600
CONVERSATION_STEP = FRAMES * 3 // 4  # frames from one window of conversation to the next


def kept(path, make):
    """The arrays of `make()`, a dict, from the file `path` if it is there: its name says all that they depend on but the data set."""
    if not path.exists():
        arrays = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")  # a run that is stopped while it writes leaves no half of a file under the name
        with partial.open("wb") as file:
            np.savez(file, **arrays)
        partial.replace(path)
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def folder_of(work, vocabulary):
    """Where what is made for one vocabulary is kept."""
    return work / "-".join(vocabulary.words)


def arrays(words, clips):
    """The clips of one part and what is said in them, as `kept` keeps them."""
    return {"words": np.array(words), "clips": clips}


def spoken(folder):
    return arrays(*recordings.labelled_folders(folder))


def negatives(folder):
    windows = recordings.speech_windows(folder)
    return arrays([UNKNOWN] * len(windows), windows)


def synthetic(vocabulary, scale, processes):
    return arrays(*synthesis.synthesise(SYNTHESIS_SEED, vocabulary, scale, processes))


def talk(number):
    """The spectrum of one stretch of synthetic conversation, [frames, MEL_BANDS]."""
    torch.set_num_threads(1)
    samples, _ = Talk("train", [CONVERSATION_SEED, number]).recording(CONVERSATION_PIECE_S)
    return bank.log_power(torch.from_numpy(samples.astype(np.float32) / 32_768)).half().numpy()


def conversation(scale, processes):
    """Running speech of several people in rooms and noise, by the voices that training may hear: {"spectra": [stretches, frames,
    MEL_BANDS]}."""
    require_synthesisers()
    stretches = max(1, round(CONVERSATION_HOURS * scale * 3600 / CONVERSATION_PIECE_S))
    with ProcessPoolExecutor(processes) as pool:
        return {"spectra": np.stack(list(pool.map(talk, range(stretches))))}


def windows_of(stretches, pool):
    """One-second windows of all of them, as unknown: (source, words, bank, first, last)."""
    windows = [bank.windows(spectra, CONVERSATION_STEP) for spectra in stretches]
    first, last = (np.concatenate(x) for x in zip(*pool.map(bank.endpoints, windows)))
    return "conversation", [UNKNOWN] * len(first), np.concatenate(windows), first, last


def spliced(folder):
    words, samples = splice.spliced(folder, SPLICED, SPLICE_SEED)
    return arrays(words, synthesis.finished_with(samples, SPLICE_SEED))


def blended(folder, words, spoken_words, vocabulary):
    """Of `words`, which are the vocabulary's, and of all others that many recorded."""
    others = set(spoken_words) - set(vocabulary.words) - set(RARE_UNKNOWN_WORDS)
    clips = blend.blended(folder, words, sorted(others), BLENDED, BLEND_SEED)
    return arrays([UNKNOWN] * len(clips), clips)


def well_recorded(spoken_words, vocabulary):
    """The vocabulary's words that many recorded."""
    return sorted(set(spoken_words) & set(vocabulary.words) - set(vocabulary.rare_words))


def revoiced(train, vocabulary):
    """More speakers for the words that have few recordings."""
    words, samples = [], []
    for word in dict.fromkeys([*vocabulary.rare_words, *RARE_UNKNOWN_WORDS]):
        takes = list(train["clips"][train["words"] == word])
        if takes:
            count = REVOICED if word in vocabulary.rare_words else REVOICED_OTHER
            samples += synthesis.other_voices(takes, count, f"{SPLICE_SEED} {word}")
            words += [word] * count
    return arrays(words, synthesis.finished_with(samples, SPLICE_SEED))


def spectra(task):
    """(bank, first, last) of one variant of some clips."""
    clips, speeds, rooms, seed = task
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    made = bank.variants(clips, speeds, bank.Rooms(*rooms), rng)
    return made, *bank.endpoints(made)


def banked(kind, part, rooms, seed, pool):
    """The spectra of all variants of the clips of one part."""
    speeds = bank.SPEEDS if kind in NATURAL else bank.WIDE_SPEEDS
    tasks, words = [], []
    for variant in range(VARIANTS[kind]):
        for first in range(0, len(part["clips"]), PIECE):
            tasks.append((part["clips"][first : first + PIECE], speeds, (rooms, seed), [seed, variant, first]))
        words.append(part["words"])
    made, first, last = (np.concatenate(x) for x in zip(*pool.map(spectra, tasks)))
    return {"words": np.concatenate(words), "bank": made, "first": first, "last": last}


def load(data, work, vocabulary, seed, processes, scale=1.0, device="cpu"):
    """(corpus, noise, stretches of conversation as spectra): all that training needs, from the data set unpacked under `data`; kept
    under `work`.

    `scale`: of the amount of synthetic speech. `device`: where the training will run.
    """
    rooms = recordings.impulse_responses(data / "rir")
    own = folder_of(work, vocabulary)
    share = f"scale-{scale}"
    with ProcessPoolExecutor(processes) as pool:

        def bank_of(kind, folder, name, make):
            """`make` gives the clips, if their spectra are not there."""
            part = kept(folder / f"{name}-bank-seed-{seed}.npz", lambda: banked(kind, make(), rooms, seed, pool))
            return SOURCES.get(kind, kind), part["words"], part["bank"], part["first"], part["last"]

        def made(kind, make, name=None):
            """Of the vocabulary, and slow to make: the clips are kept, too, as `name` if there is more than one amount of them."""
            name = name or kind
            return bank_of(kind, own, name, lambda: kept(own / f"{name}.npz", make))

        train = kept(work / "train.npz", lambda: spoken(data / "train"))
        stretches = kept(work / f"conversation-{share}.npz", lambda: conversation(scale, processes))["spectra"]
        parts = [
            bank_of("recorded", work, "train", lambda: train),
            bank_of("negative", work, "negatives", lambda: negatives(data / "speech-negatives")),
            windows_of(stretches, pool),
            made("revoiced", lambda: revoiced(train, vocabulary)),
            made("synthetic", lambda: synthetic(vocabulary, scale, processes), f"synthetic-{share}"),
        ]
        if {"on", "off"} <= set(vocabulary.rare_words):
            parts.insert(2, made("spliced", lambda: spliced(data / "train")))
        words = well_recorded(train["words"], vocabulary)
        if words:
            parts.append(made("blended", lambda: blended(data / "train", words, train["words"], vocabulary)))
    rng = np.random.default_rng(seed)
    others = train["clips"][~np.isin(train["words"], vocabulary.words)]
    heard = {
        "background": list(recordings.background(data / "background", recordings.TRAINING_PART).values()),
        "environment": noise.at_speeds(noise.environment(data / "esc10")),
        "coloured": [noise.scaled(noise.coloured(exponent, noise.COLOURED_SECONDS, rng)) for exponent in noise.COLOURS],
        "babble": [noise.babble(others, voices, rng) for voices in noise.BABBLE_VOICES],
    }
    kinds = [(NOISE_SHARES[kind], kind != "babble", *bank.noise_frames(sounds)) for kind, sounds in heard.items()]
    return Corpus(parts, vocabulary, device), NoiseBank(kinds, device), stretches
