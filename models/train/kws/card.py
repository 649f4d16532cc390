"""The model card: what a model was made from, how good it is, what it gets wrong."""
from datetime import date

import numpy as np

from .evaluate import features_of
from .network import KERNELS, cost
from .recordings import one_clip, read_wav
from .vocabulary import LABELS, UNKNOWN

TEMPLATE = """\
# {name}

Twelve answers to one second of 16 kHz speech: {labels}.

| | |
|---|---|
| network | log-mel 40 × 10 ms → Conv1d 5, stride 2 → five blocks of depthwise {kernels} + 1×1 over {channels} channels, cropped residuals → mean → linear; no padding on the time axis |
| parameters | {parameters:,} |
| multiply-accumulates | {window:,} a window of one second; {streaming:,} a second when streaming |
| numbers | int8 activations, int8 weights with one scale an output channel, int32 biases |
| window | 16,000 samples, 98 frames |
| licence of the training data | CC BY 4.0 |
| made on | {today} |

## Data and attribution

Trained on recordings of Pete Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209,
licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): 25,190 clips by part of the official training speakers. The
model is a work derived from them; the recordings themselves are not distributed.

* Only 15 recordings of *on* and 14 of *off* were there: these two words come almost wholly from synthetic speech (espeak-ng, flite). A
  smaller share of the other words and of `_unknown_` is synthetic too.
* `_unknown_` was trained on the other words of the data set (mostly eleven of them), on wake-word recordings that their speakers gave to the
  public domain, and on synthetic words, many of which sound like one of the ten.
* `_silence_` and all recorded noise come from the first half of each of the data set's six background recordings; the next tenth is for
  validation. **The test set's `_silence_` clips are cut from the same six recordings**, from any part of them.
* The voices of `models/fixtures/` took no part in training (`models/train/fixture_voices.txt`).
* Checkpoints were chosen on the official validation speakers; the test set was only measured.

## How good it is

The lossless half of the official v0.02 test set, {n:,} clips of speakers that are in no other part; onnxruntime on the int8 ONNX file:

    python models/train/evaluate.py models/{name}.onnx DIR/test
    python models/train/evaluate.py models/{name}.onnx DIR/test --mask on,off

| | float | int8 | 95 % interval (int8) | clips |
|---|---|---|---|---|
| all 12 labels | {all_float} | {all_int8} | {all_interval} | {all_n:,} |
| ten labels, without *on* and *off* | {masked_float} | {masked_int8} | {masked_interval} | {masked_n:,} |

int8, all 12 labels:

| label | recall | precision | clips |
|---|---|---|---|
{per_label}

Of {other_n:,} further clips of the test speakers, all of other words than the ten (`evaluate.py models/{name}.onnx DIR/unknown-words`, recall
of `_unknown_`), {other_refused} were refused.

## Fixtures

Synthetic voices that training never heard (`models/fixtures/`). {wrong}

| fixture | answer | score | |
|---|---|---|---|
{fixtures}

## Limits

* English words, mostly American speakers of the data set, one word at a time, near the middle of the window.
* *on* and *off* are much weaker on real voices than the other words: see their recall above.
* Trained down to −5 dB signal-to-noise, with few kinds of noise; no figure in noise is claimed here.
* It is no judge of who speaks, nor of any word beyond the ten: everything else should be `_unknown_`.
"""


def percent(share):
    return f"{100 * share:.1f} %"


def accuracy(figures):
    """One sentence for the artifact's provenance."""
    full, masked = figures["int8"]["all"], figures["int8"]["masked"]
    return (
        f"int8, half of the official Speech Commands v0.02 test set: {percent(full['accuracy'])} of 12 labels, "
        f"{percent(masked['accuracy'])} without on and off (python models/train/evaluate.py MODEL.onnx DIR/test [--mask on,off])"
    )


def fixture_answers(session, folder):
    """(file name, right label, answered label, score) of each spoken fixture, canonical voice first."""
    answers = []
    for path in sorted(folder.glob("*.wav"), key=lambda p: (p.stem.count("-"), p.stem.partition("-")[2], p.stem)):
        logits = session.run(None, {"features": features_of(one_clip(read_wav(path))[None]).numpy()})[0][0]
        scores = np.exp(logits - logits.max())
        best = int(scores.argmax())
        answers.append((path.name, path.stem.partition("-")[0], LABELS[best], float(scores[best] / scores.sum())))
    return answers


def write(args, figures, fixtures):
    """The card as Markdown; `args` are those of train.py."""
    parameters, window, streaming = cost(args.channels)
    full, masked = figures["int8"]["all"], figures["int8"]["masked"]
    wrong = [name for name, right, answer, _ in fixtures if answer != right]
    other = figures["other words"]["per_label"][UNKNOWN]
    values = {
        "name": args.out.stem,
        "labels": ", ".join(f"`{label}`" for label in LABELS),
        "kernels": ", ".join(str(kernel) for kernel in KERNELS),
        "channels": args.channels,
        "parameters": parameters,
        "window": window,
        "streaming": streaming,
        "today": date.today().isoformat(),
        "n": full["n"],
        "other_n": other["n"],
        "other_refused": percent(other["recall"]),
        "wrong": f"Wrong: {', '.join(f'`{name}`' for name in wrong)}." if wrong else "All of them are right.",
        "per_label": "\n".join(
            f"| `{label}` | {percent(row['recall'])} | {percent(row['precision'])} | {row['n']} |"
            for label, row in full["per_label"].items()
        ),
        "fixtures": "\n".join(
            f"| `{name}` | {answer} | {score:.3f} | {'' if answer == right else '**wrong**'} |"
            for name, right, answer, score in fixtures
        ),
    }
    for key, row in (("all", full), ("masked", masked)):
        low, high = row["interval"]
        values[f"{key}_float"] = percent(figures["float"][key]["accuracy"])
        values[f"{key}_int8"] = percent(row["accuracy"])
        values[f"{key}_interval"] = f"{100 * low:.1f}–{percent(high)}"
        values[f"{key}_n"] = row["n"]
    return TEMPLATE.format(**values)
