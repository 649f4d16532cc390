"""Hard negatives: what networks, half trained, take for a word though it is none. Training hears these more often from then on
(Sung and Poggio, "Example-based learning for view-based human face detection", IEEE TPAMI 20(1), 1998)."""
import numpy as np
import torch

from . import bank
from .frontend import FLOOR
from .vocabulary import CLIP

STEP = CLIP // 4  # samples from one window of conversation to the next
LEAST = 0.1  # of a word's probability; windows of conversation are kept from there on
LEAST_OF_CLIPS = 0.15  # the same, of clips
BATCH = 256


@torch.no_grad()
def word_scores(nets, spectra, words):
    """The largest probability that any of the networks gives to one of the first `words` labels: [N] for a bank [N, FRAMES, MEL_BANDS]."""
    device = next(nets[0].parameters()).device
    scores = []
    for part in spectra.split(BATCH):
        features = torch.log(part.to(device).float().exp() + FLOOR).transpose(1, 2)
        scores.append(torch.stack([net(features).softmax(1)[:, :words].amax(1) for net in nets]).amax(0).cpu())
    return torch.cat(scores).numpy()


def from_stretch(nets, samples, words):
    """The bank of the windows of one stretch of conversation that are hard."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, CLIP)[::STEP]
    parts = [torch.from_numpy(windows[i : i + BATCH].astype(np.float32) / 32_768) for i in range(0, len(windows), BATCH)]
    spectra = torch.cat([bank.mel_power(part) for part in parts]).half()
    return spectra[torch.from_numpy(word_scores(nets, spectra, words) > LEAST)].numpy()


def mine(nets, corpus, stretches):
    """Makes the corpus harder. `stretches`: arrays of samples that hold none of the words."""
    words = len(corpus.vocabulary.words)
    refused = corpus.refused()
    scores = word_scores(nets, corpus.bank[torch.from_numpy(refused).to(corpus.bank.device)], words)
    found = np.concatenate([from_stretch(nets, samples, words) for samples in stretches])
    corpus.harder(found, *bank.endpoints(found), refused[scores > LEAST_OF_CLIPS])
    print(f"hard: {len(found)} windows of conversation, {(scores > LEAST_OF_CLIPS).sum()} clips", flush=True)
