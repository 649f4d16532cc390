"""How good it is: accuracy, recall and precision, from logits."""
import json
import math
import subprocess

import numpy as np
import torch

from .frontend import log_mel
from .vocabulary import LABELS


def features_of(clips):
    """Features [N, MEL_BANDS, FRAMES] of clips [N, CLIP] int16, unaltered."""
    return torch.cat([log_mel(part.float() / 32_768) for part in torch.from_numpy(clips).split(512)])


def torch_logits(net, features):
    """Logits [N, labels] of a torch network."""
    with torch.no_grad():
        return torch.cat([net(part) for part in features.split(512)]).numpy()


def onnx_logits(session, features):
    """Logits [N, labels] of an ONNX model by onnxruntime, one window at a time."""
    return np.concatenate([session.run(None, {"features": window[None]})[0] for window in features.numpy()])


def artifact_logits(earmark, model, files):
    """Logits [N, labels] of a compiled model by the `earmark` binary at `earmark`: samples to outputs, as on a device."""
    rows = []
    for first in range(0, len(files), 500):  # a command line has a limit
        command = [earmark, "classify", "--model", model, "--format", "jsonl", "--function-to-apply", "none"]
        answers = subprocess.run(command + files[first : first + 500], check=True, capture_output=True, text=True).stdout
        for line in answers.splitlines():
            scores = {entry["label"]: entry["score"] for entry in json.loads(line)["result"]}
            rows.append([scores[label] for label in LABELS])
    return np.array(rows)


def wilson(right, n, z=1.96):
    """95 % interval of a share, by Wilson's score."""
    p = right / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)]


def report(logits, truth, mask=()):
    """Figures as a JSON object. `mask`: these labels' clips are left out, and the labels can't be answered."""
    masked = [LABELS.index(label) for label in mask]
    kept = ~np.isin(truth, masked)
    logits, truth = logits[kept].copy(), truth[kept]
    logits[:, masked] = -np.inf
    answers = logits.argmax(1)
    confusion = np.zeros((len(LABELS), len(LABELS)), int)
    np.add.at(confusion, (truth, answers), 1)
    right = int((answers == truth).sum())
    per_label = {
        label: {
            "precision": confusion[i, i] / max(1, confusion[:, i].sum()),
            "recall": confusion[i, i] / max(1, confusion[i].sum()),
            "n": int(confusion[i].sum()),
        }
        for i, label in enumerate(LABELS)
        if i not in masked
    }
    return {
        "accuracy": right / len(truth),
        "interval": wilson(right, len(truth)),
        "n": len(truth),
        "labels": LABELS,
        "per_label": per_label,
        "confusion": confusion.tolist(),
    }
