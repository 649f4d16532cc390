"""Hard negatives: what networks, half trained, take for a word though it is none. Training hears these more often from then on
(Sung and Poggio, "Example-based learning for view-based human face detection", IEEE TPAMI 20(1), 1998)."""
import numpy as np
import torch

from . import bank
from .frontend import FLOOR, FRAMES

STEP = FRAMES // 4  # frames from one window of conversation to the next
LEAST = 0.1  # of a word's probability; windows of conversation are kept from there on
LEAST_OF_CLIPS = 0.15  # the same, of clips
LOUDNESS_DB = (0, -20)  # of noise: as it is, and as it is behind speech
BATCH = 512


@torch.no_grad()
def word_scores(nets, spectra, words):
    """The largest probability that any of the networks gives to one of the first `words` labels: [N] for a bank [N, FRAMES, MEL_BANDS]."""
    device = next(nets[0].parameters()).device
    scores = []
    for part in spectra.split(BATCH):
        features = torch.log(part.to(device).float().exp() + FLOOR).transpose(1, 2)
        scores.append(torch.stack([net(features).softmax(1)[:, :words].amax(1) for net in nets]).amax(0).cpu())
    return torch.cat(scores).numpy()


def mistaken(nets, spectra, words):
    """The bank of the windows of one recording's spectra [frames, MEL_BANDS] that are hard."""
    windows = np.ascontiguousarray(bank.windows(spectra, STEP))
    return windows[word_scores(nets, torch.from_numpy(windows), words) > LEAST]


def mine(nets, corpus, stretches, noise):
    """Makes the corpus harder. `stretches`: spectra [frames, MEL_BANDS] of running speech that holds none of the words; `noise`: a
    `NoiseBank`."""
    words = len(corpus.vocabulary.words)
    scores = word_scores(nets, corpus.bank[torch.from_numpy(corpus.refused).to(corpus.bank.device)], words)
    found = np.concatenate([mistaken(nets, spectra, words) for spectra in stretches])
    corpus.harder(found, *bank.endpoints(found), corpus.refused[scores > LEAST_OF_CLIPS])
    levels = [np.float16(decibels * np.log(10) / 10) for decibels in LOUDNESS_DB]
    sounds = np.concatenate([mistaken(nets, spectra + level, words) for spectra in noise.spectra() for level in levels])
    if len(sounds):
        corpus.noisier(sounds, *bank.endpoints(sounds))
    print(
        f"hard: {len(found)} windows of conversation, {(scores > LEAST_OF_CLIPS).sum()} clips, {len(sounds)} windows of noise",
        flush=True,
    )
