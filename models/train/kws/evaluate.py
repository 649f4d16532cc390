"""How good it is: accuracy, recall and precision, from logits."""
import math

import numpy as np
import onnxruntime
import torch

from .frontend import log_mel


def features_of(clips):
    """Features [N, MEL_BANDS, FRAMES] of clips [N, CLIP] int16, unaltered."""
    return torch.cat([log_mel(part.float() / 32_768) for part in torch.from_numpy(clips).split(512)])


def torch_logits(net, features):
    """Logits [N, labels] of a torch network."""
    device = next(net.parameters()).device
    with torch.no_grad():
        return torch.cat([net(part.to(device)) for part in features.split(512)]).cpu().numpy()


def onnx_logits(session, features):
    """Logits [N, labels] of an ONNX model by onnxruntime, one window at a time."""
    return np.concatenate([session.run(None, {"features": window[None]})[0] for window in features.numpy()])


def session_of(model):
    """An onnxruntime session, on one thread, of a file or of a model's bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options)


def wilson(right, n, z=1.96):
    """95 % interval of a share, by Wilson's score."""
    p = right / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)]


def report(logits, truth, labels, mask=()):
    """Figures as a JSON object. `mask`: these labels' clips are left out, and the labels can't be answered."""
    masked = [labels.index(label) for label in mask]
    kept = ~np.isin(truth, masked)
    logits, truth = logits[kept].copy(), truth[kept]
    logits[:, masked] = -np.inf
    answers = logits.argmax(1)
    confusion = np.zeros((len(labels), len(labels)), int)
    np.add.at(confusion, (truth, answers), 1)
    right = int((answers == truth).sum())
    per_label = {
        label: {
            "precision": confusion[i, i] / max(1, confusion[:, i].sum()),
            "recall": confusion[i, i] / max(1, confusion[i].sum()),
            "n": int(confusion[i].sum()),
        }
        for i, label in enumerate(labels)
        if i not in masked
    }
    return {
        "accuracy": right / len(truth),
        "interval": wilson(right, len(truth)),
        "n": len(truth),
        "labels": labels,
        "per_label": per_label,
        "confusion": confusion.tolist(),
    }


def summary(logits, truth, vocabulary):
    """The most important figures in one line."""
    full = report(logits, truth, vocabulary.labels)
    masked = report(logits, truth, vocabulary.labels, vocabulary.rare_words)
    rare = "  ".join(f"{word} {full['per_label'][word]['recall']:.2f}" for word in vocabulary.rare_words)
    return f"without rare words {masked['accuracy']:.4f}  all {full['accuracy']:.4f}  {rare}"
