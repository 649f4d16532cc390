"""Training of the float network."""
import copy
import time

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .evaluate import report, torch_logits
from .vocabulary import RARE_WORDS

BATCH = 128
PEAK_RATE = 4e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.1
EMA_DECAY = 0.999


def score(net, validation):
    """(what checkpoints are chosen by, what is logged): accuracy without the words that validation hardly has."""
    features, truth = validation
    logits = torch_logits(net, features)
    masked, full = report(logits, truth, mask=RARE_WORDS), report(logits, truth)
    rare = np.mean([full["per_label"][word]["recall"] for word in RARE_WORDS])
    return masked["accuracy"], f"without rare {masked['accuracy']:.4f}  all {full['accuracy']:.4f}  rare {rare:.2f}"


def one_epoch(net, corpus, augmenter, rng, optimizer, schedule, average):
    """One pass; returns the mean loss."""
    losses = []
    for clips, labels, silent in corpus.batches(rng, BATCH):
        loss = functional.cross_entropy(net(augmenter(clips, silent)), labels, label_smoothing=LABEL_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        losses.append(loss.item())
    return float(np.mean(losses))


def train(net, corpus, augmenter, validation, epochs, seed, checkpoint):
    """Trains `net` and returns the averaged network that did best on validation, in evaluation mode.

    The best so far is kept in the file `checkpoint`, too.
    """
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(corpus.draw(np.random.default_rng(0))) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True)
    best, best_score = None, -1.0
    for epoch in range(1, epochs + 1):
        start = time.monotonic()
        net.train()
        loss = one_epoch(net, corpus, augmenter, rng, optimizer, schedule, average)
        reached, text = score(average.module.eval(), validation)
        if reached > best_score:
            best, best_score = copy.deepcopy(average.module), reached
            torch.save(best.state_dict(), checkpoint)
        seconds = time.monotonic() - start
        print(f"epoch {epoch}/{epochs}  loss {loss:.4f}  {text}  {seconds:.0f} s", flush=True)
    return best.eval()
