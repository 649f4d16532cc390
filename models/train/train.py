#!/usr/bin/env python3
"""From recordings to a quantised ONNX file and its model card.

usage: python models/train/train.py --data DIR --out models/commands-m.onnx

DIR holds the data set, unpacked to 16 kHz mono 16-bit WAV: train/, val/, test/ and unknown-words/ with a folder a word, background/,
rir/ and speech-negatives/. Needs espeak-ng and flite on the path. See README.md beside this file.
"""
import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from kws import card, confidence, evaluate, export, frontend, quantise, recordings, synthesis
from kws.augment import Augmenter
from kws.epoch import Corpus
from kws.fit import train
from kws.network import KeywordNet
from kws.vocabulary import CLIP, LABELS, RARE_WORDS, SILENCE, UNKNOWN

SYNTHESIS_SEED = 7  # of the choice of voices, speeds and pitches
CALIBRATION_BATCH = 128  # clips
CALIBRATION_BATCHES = 24
UNKNOWN_A_WORD = 25  # validation clips of each unknown word, at most
SILENCE_CLIPS = 120  # of validation

DETECTOR = {
    "smoothing_ms": 200,
    "threshold": 0.9,
    "release": 0.8,
    "minimum_ms": 0,
    "refractory_ms": 1000,
    "mute_ms": 0,
}
LICENCE = (
    "CC BY 4.0 (training data): Pete Warden, 'Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition', "
    "arXiv:1804.03209"
)
TRAINING_DATA = (
    "Speech Commands v0.01/v0.02 (part of the official training speakers); synthetic speech by espeak-ng and flite, most of "
    "all for 'on' and 'off' (15 recordings each); public-domain wake-word recordings as unknown; noise and silence from the "
    "first 60 % of each of the data set's background recordings, which test silence is cut from as well"
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the unpacked data set")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write; the card goes beside it as .md")
    parser.add_argument("--work", type=Path, default=Path("target/train"), help="cache and checkpoints")
    parser.add_argument("--channels", type=int, default=112)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, help="float weights to quantise, instead of training")
    return parser.parse_args()


def cached(path, make):
    """(words, clips) from `path`, or made and kept there."""
    if not path.exists():
        words, clips = make()
        np.savez(path, words=np.array(words), clips=clips)
    with np.load(path) as arrays:
        return arrays["words"].tolist(), arrays["clips"]


def validation_set(data, work, seed):
    """(features, labels): all clips of the ten words, a few of each other word, and silence training never sees."""
    rng = np.random.default_rng(seed)
    words, clips = cached(work / "val.npz", lambda: recordings.labelled_folders(data / "val"))
    labels = np.array([recordings.label_index(word) for word in words])
    words = np.array(words)
    chosen = [np.flatnonzero(labels != LABELS.index(UNKNOWN))]
    for word in np.unique(words[labels == LABELS.index(UNKNOWN)]):
        chosen.append(rng.permutation(np.flatnonzero(words == word))[:UNKNOWN_A_WORD])
    chosen = np.concatenate(chosen)
    parts = list(recordings.background(data / "background", recordings.VALIDATION_PART).values())
    silence = []
    for i in range(SILENCE_CLIPS):
        part = parts[i % len(parts)]
        start = rng.integers(len(part) - CLIP)
        silence.append(part[start : start + CLIP])
    clips = np.concatenate([clips[chosen], silence])
    labels = np.concatenate([labels[chosen], np.full(SILENCE_CLIPS, LABELS.index(SILENCE))])
    return evaluate.features_of(clips), labels


def trained(args, corpus, background, rooms, validation):
    """The float network, in evaluation mode, its scores calibrated on validation."""
    net = KeywordNet(args.channels)
    if args.checkpoint:
        net.load_state_dict(torch.load(args.checkpoint))
        net.eval()
    else:
        checkpoint = args.work / f"{args.out.stem}.pt"
        net = train(net, corpus, Augmenter(background, rooms, args.seed), validation, args.epochs, args.seed, checkpoint)
    temperature = confidence.best_temperature(evaluate.torch_logits(net, validation[0]), validation[1])
    confidence.divide_logits(net, temperature)
    return net


def int8(args, net, corpus, background, rooms):
    """The network in int8, with ranges from augmented training clips."""
    # Its own augmenter: with --checkpoint the ranges come out as they did after training.
    augmenter = Augmenter(background, rooms, args.seed + 1)
    batches = corpus.batches(np.random.default_rng(args.seed + 1), CALIBRATION_BATCH)
    features = [augmenter(clips, silent) for _, (clips, _, silent) in zip(range(CALIBRATION_BATCHES), batches)]
    return quantise.quantise(net, features)


def measured(data, net, session):
    """Figures of the float and the int8 network on recordings that neither training nor selection has seen."""

    def labelled(folder):
        words, clips = recordings.labelled_folders(data / folder)
        return evaluate.features_of(clips), np.array([recordings.label_index(word) for word in words])

    features, truth = labelled("test")
    figures = {
        name: {"all": evaluate.report(logits, truth), "masked": evaluate.report(logits, truth, mask=RARE_WORDS)}
        for name, logits in (
            ("float", evaluate.torch_logits(net, features)),
            ("int8", evaluate.onnx_logits(session, features)),
        )
    }
    features, truth = labelled("unknown-words")
    figures["other words"] = evaluate.report(evaluate.onnx_logits(session, features), truth)
    return figures


def main():
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)

    corpus = Corpus(
        cached(args.work / "train.npz", lambda: recordings.labelled_folders(args.data / "train")),
        recordings.speech_windows(args.data / "speech-negatives"),
        cached(args.work / "synthetic.npz", lambda: synthesis.synthesise(SYNTHESIS_SEED, threads=args.threads)),
    )
    background = recordings.background(args.data / "background", recordings.TRAINING_PART)
    rooms = recordings.impulse_responses(args.data / "rir")
    validation = validation_set(args.data, args.work, args.seed)

    net = trained(args, corpus, background, rooms, validation)
    quantised = int8(args, net, corpus, background, rooms)
    metadata = {
        "name": args.out.stem,
        "problem": "single-label",
        "window_samples": CLIP,
        "frontend": frontend.SETTINGS,
        "detector": DETECTOR,
        "provenance": {"licence": LICENCE, "training_data": TRAINING_DATA, "accuracy": "not measured"},
    }
    session = onnxruntime.InferenceSession(export.to_onnx(quantised, LABELS, metadata).SerializeToString())
    figures = measured(args.data, net, session)
    metadata["provenance"]["accuracy"] = card.accuracy(figures)
    onnx.save(export.to_onnx(quantised, LABELS, metadata), args.out)
    fixtures = card.fixture_answers(session, Path(__file__).resolve().parent.parent / "fixtures")
    args.out.with_suffix(".md").write_text(card.write(args, figures, fixtures))
    print(card.accuracy(figures))


if __name__ == "__main__":
    main()
