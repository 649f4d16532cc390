#!/usr/bin/env python3
"""Trains BC-ResNet-1 of make_torch.py on labelled clips, as a user of other tools would, and writes the float ONNX file: what calibration
loses is then measured on words instead of decibels.

    pip install -r requirements-torch.txt -r ../../../../models/train/requirements.txt
    python train_torch.py --data DIR/train --epochs 8 --output bc_resnet_1.onnx
    earmark compile bc_resnet_1.onnx --calibrate DIR/val -o bc_resnet_1.ear

DIR/train holds a folder of one-second WAV files a word (Speech Commands does). Words beside the ten commands become `_unknown_`.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from torch.nn import functional

import make_torch

sys.path.append(str(Path(__file__).resolve().parents[4] / "models" / "train"))
from kws import frontend, recordings, vocabulary  # noqa: E402

LABELS = [label for label in vocabulary.COMMANDS.labels if label != "_silence_"]
UNKNOWN = LABELS.index("_unknown_")
UNKNOWNS = 5_000  # drawn an epoch
BATCH = 128
RATE = 1e-2


def spectra(clips):
    parts = [frontend.log_mel(torch.from_numpy(part).float() / 32_768) for part in np.array_split(clips, len(clips) // 512 + 1)]
    return torch.cat([part.half() for part in parts])


def changed(x, generator, mean):
    """Earlier or later, louder or softer, with a stretch of time and some bands missing."""
    x = torch.roll(x, int(generator.integers(-10, 11)), 2) + float(generator.uniform(-2, 2))
    first, band = int(generator.integers(0, 90)), int(generator.integers(0, 36))
    x[:, :, first : first + int(generator.integers(0, 12))] = mean
    x[:, band : band + int(generator.integers(0, 5))] = mean
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=Path("bc_resnet_1.onnx"))
    arguments = parser.parse_args()
    torch.manual_seed(1)
    generator = np.random.default_rng(1)
    words, clips = recordings.labelled_folders(arguments.data)
    truth = torch.tensor([LABELS.index(word) if word in LABELS else UNKNOWN for word in words])
    x = spectra(clips)
    make_torch.LABELS = len(LABELS)
    network, shape, _ = make_torch.bc_resnet_1()
    network.mean, network.deviation = (round(float(value), 2) for value in (x[::20].float().mean(), x[::20].float().std()))
    known, unknown = (torch.nonzero(part)[:, 0].numpy() for part in (truth != UNKNOWN, truth == UNKNOWN))
    steps = (len(known) + min(UNKNOWNS, len(unknown))) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps * arguments.epochs + 1, pct_start=0.2)
    start = time.time()
    for epoch in range(arguments.epochs):
        network.train()
        drawn = np.concatenate([known, generator.choice(unknown, min(UNKNOWNS, len(unknown)), replace=False)])
        generator.shuffle(drawn)
        right = 0
        for batch in drawn[: steps * BATCH].reshape(steps, BATCH):
            logits = network(changed(x[batch].float(), generator, network.mean)[:, None])
            optimizer.zero_grad()
            functional.cross_entropy(logits, truth[batch], label_smoothing=0.05).backward()
            optimizer.step()
            schedule.step()
            right += int((logits.argmax(1) == truth[batch]).sum())
        print(f"epoch {epoch + 1}: {time.time() - start:.0f} s, {100 * right / (steps * BATCH):.1f} % of the training clips", flush=True)
    torch.onnx.export(network.eval(), (torch.zeros(shape),), arguments.output, input_names=["features"], external_data=False, verbose=False)
    model = onnx.load(arguments.output)
    entries = {"earmark.labels": json.dumps(LABELS), "earmark.frontend": json.dumps(frontend.SETTINGS)}
    helper.set_model_props(model, entries)
    onnx.save(model, arguments.output)


if __name__ == "__main__":
    main()
