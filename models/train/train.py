#!/usr/bin/env python3
"""From recordings to quantised ONNX files and their model cards.

usage: python models/train/train.py --data DIR                              commands-s and commands-m
       python models/train/train.py --data DIR --words "lumos,nox"          lumos-nox: words that nobody recorded

They go to target/train/models/. DIR holds the data set as 16 kHz mono 16-bit WAV: train/ and val/ with a folder a word,
background/, rir/, speech-negatives/ and esc10/. Needs espeak-ng, flite and festival. See README.md beside this file.
"""
import argparse
import dataclasses
import itertools
import math
import re
from pathlib import Path

import numpy as np
import onnx
import torch

from kws import card, confidence, corpus, evaluate, export, fit, frontend, measure, mining, quantise, recordings, sets, synthesis
from kws.augment import Augmenter
from kws.network import SHAPES, KeywordNet
from kws.teacher import Teacher, folded
from kws.vocabulary import CLIP, COMMANDS, Vocabulary

CALIBRATION_BATCH = 128  # clips
CALIBRATION_BATCHES = 40
TEACHERS = 3
# From one cycle to the next the networks' own mistakes are added to what they hear (`mining.py`).
TEACHING = (fit.Cycle(90, 2e-3), fit.Cycle(35, 7e-4, warm_up=0.1))
LEARNING = (fit.Cycle(420, 4e-3), fit.Cycle(110, 1.5e-3, warm_up=0.1), fit.Cycle(50, 7e-4, warm_up=0.1))
ROUNDING = fit.Cycle(4, 1e-4, warm_up=0.1)  # with weights and activations rounded
WORDS_TEACHER = "commands-m"  # for one's own words: trains on a CPU in minutes
WORDS_TEACHING = (fit.Cycle(20, 3e-3),)
WORDS_LEARNING = (fit.Cycle(40, 5e-3), fit.Cycle(8, 1e-3))
WORDS_ROUNDING = fit.Cycle(2, 1e-4)
WORDS_SHAPE = "commands-s"  # of a model for one's own words
WORDS_SYNTHESIS = 0.5  # of the amount of synthetic speech; there are no recordings to balance

DETECTOR = {
    "smoothing_ms": 360,
    "threshold": 0.9,
    "isolation": 0.5,
    "release": 0.8,
    "minimum_ms": 0,
    "refractory_ms": 1000,
    "mute_ms": 0,
}
DATA = ["train/*/*.wav", "val/*/*.wav", "speech-negatives/**/*.wav", "esc10/**/[1-3]-*.wav", "rir/*.wav", *sets.noise_files(sets.TUNING)]
LICENCE = (
    "CC BY 4.0 (training data): Pete Warden, 'Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition', "
    "arXiv:1804.03209"
)
TRAINING_DATA = (
    "Speech Commands v0.01/v0.02 (part of the official training speakers); synthetic speech by espeak-ng, flite and festival, most "
    "of all for words with few recordings ('on' has 15, 'off' 14), some of those spliced from other words' recordings; "
    "public-domain wake-word recordings as unknown; noise from ESC-10, folds 1 to 3; noise and silence from the first half of each "
    "of the data set's background recordings, which test silence is cut from as well"
)


def share(text):
    """An argument that may be more than 1, but not less than 0."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: expected a share, 0 or more")
    return value


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the unpacked data set")
    parser.add_argument("--out", type=Path, default=Path("target/train/models"), help="the folder for the ONNX files and cards")
    parser.add_argument("--work", type=Path, default=Path("target/train"), help="cache and float weights; another for another --data")
    parser.add_argument("--words", help="words of your own, with commas between them, instead of the ten commands")
    parser.add_argument("--epochs", type=share, default=1.0, help="of the usual number of them, as a share")
    parser.add_argument("--synthesis", type=share, help="of the usual amount of synthetic speech, as a share; 0: the least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="that synthesise and compute spectra")
    parser.add_argument("--device", choices=sorted(fit.BATCH), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quantise-only", action="store_true", help="quantise the float weights of an earlier run again")
    return parser.parse_args()


def own_words(text):
    """The vocabulary of --words: none of its words has recordings."""
    words = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    if not words or len(set(words)) < len(words) or any(not re.fullmatch(r"[a-z][a-z' ]*", word) for word in words):
        raise SystemExit(f"--words {text!r}: expected different words of English letters, with commas between them")
    return Vocabulary(words, words)


def trained(args, vocabulary, shapes, material, selection):
    """({name: float network}, {name: the same as int8, from `quantise.aware`}, batches of features to calibrate with, label shares), the
    networks in evaluation mode, all on the CPU."""
    clips, noise, stretches = material
    kept = corpus.folder_of(args.work, vocabulary)
    labels = len(vocabulary.labels)
    torch.manual_seed(args.seed)
    nets = {name: KeywordNet(shape, labels) for name, shape in shapes.items()}
    features, truth = evaluate.features_of(selection[0]), selection[1]

    def progress(networks):
        for name, net in networks.items():
            torch.save(net.state_dict(), kept / f"{name}.pt")
            print(f"  {name:12} {evaluate.summary(evaluate.torch_logits(net, features), truth, vocabulary)}", flush=True)

    stages = itertools.count()

    def stage(networks, cycle, masters=None):
        seed = args.seed + 2 * next(stages)
        cycle = dataclasses.replace(cycle, epochs=max(1, round(cycle.epochs * args.epochs)))
        networks = {name: net.to(args.device) for name, net in networks.items()}
        return fit.train(networks, cycle, clips, Augmenter(noise, seed, labels), seed, progress, masters)

    def course(networks, cycles, masters=None):
        for number, cycle in enumerate(cycles):
            if number:
                mining.mine(list(networks.values()), clips, stretches, noise)
            networks = stage(networks, cycle, masters)
        return networks

    if vocabulary is COMMANDS:
        teachers = {f"teacher-{i + 1}": Teacher(labels) for i in range(TEACHERS)}
        teaching, learning, rounding = TEACHING, LEARNING, ROUNDING
    else:
        teachers = {"teacher": KeywordNet(SHAPES[WORDS_TEACHER], labels)}
        teaching, learning, rounding = WORDS_TEACHING, WORDS_LEARNING, WORDS_ROUNDING
    taught = course(teachers, teaching).values()
    masters = fit.Masters([folded(net) if isinstance(net, Teacher) else net for net in taught])
    nets = course(nets, learning, masters)
    batches = calibration(args, material)
    aware = {f"{name}-int8": quantise.aware(net, batches) for name, net in nets.items()}
    ranges = {name: net.tap.parameters for name, net in aware.items()}
    # The ten commands are answers of equal weight; of what a device hears for words of one's own, nearly all is none of them.
    shares = clips.label_shares() if vocabulary is COMMANDS else [1.0] * labels
    # Mining has changed the corpus by now: what is taken from it must be kept.
    batches = [features.cpu() for features in batches]
    torch.save({"ranges": ranges, "batches": batches, "shares": shares}, kept / "calibration.pt")
    aware = stage(aware, rounding, masters)
    nets, aware = ({name: found.cpu() for name, found in zip(shapes, networks.values())} for networks in (nets, aware))
    return nets, aware, batches, shares


def trained_before(args, vocabulary, shapes):
    """The same as `trained` left it in the folder for its work."""
    kept = corpus.folder_of(args.work, vocabulary)
    if not (kept / "calibration.pt").exists():
        raise SystemExit(f"{kept}: no earlier run has got as far as rounding here: leave --quantise-only out")
    calibrated = torch.load(kept / "calibration.pt")
    nets, aware = {}, {}
    for name, shape in shapes.items():
        nets[name] = KeywordNet(shape, len(vocabulary.labels)).eval()
        aware[name] = quantise.rounding(quantise.fold(nets[name]), calibrated["ranges"][f"{name}-int8"])
        nets[name].load_state_dict(torch.load(kept / f"{name}.pt", map_location="cpu"))
        aware[name].load_state_dict(torch.load(kept / f"{name}-int8.pt", map_location="cpu"))
    return nets, aware, calibrated["batches"], calibrated["shares"]


def calibration(args, material):
    """Batches of training features."""
    clips, noise, _ = material
    augmenter = Augmenter(noise, args.seed + 1, len(clips.vocabulary.labels))
    batches = clips.batches(np.random.default_rng(args.seed + 1), CALIBRATION_BATCH)
    return [augmenter(*batch, progress=1.0)[0] for _, batch in zip(range(CALIBRATION_BATCHES), batches)]


def finish(args, vocabulary, name, nets, shares, batches, selection):
    """Sets the scores' scale, measures on validation, and writes the ONNX file and the card."""
    net, aware = nets
    clips, truth = selection
    rare = [vocabulary.index(word) for word in vocabulary.rare_words]
    for each in nets:
        confidence.balance(each, rare, shares)
    quantised = quantise.quantise(aware, batches)
    logits = evaluate.torch_logits(quantised, evaluate.features_of(clips))
    confidence.divide_logits(quantised, confidence.best_temperature(logits, truth))
    metadata = {
        "name": name,
        "problem": "single-label",
        "window_samples": CLIP,
        "frontend": frontend.SETTINGS,
        "detector": DETECTOR,
        "provenance": {"licence": LICENCE, "training_data": TRAINING_DATA, "accuracy": "not measured"},
    }
    session = evaluate.session_of(export.to_onnx(quantised, vocabulary.labels, metadata).SerializeToString())
    found = {
        kind: measure.figures(logits_of, clips, truth, args.data, vocabulary, sets.TUNING)
        for kind, logits_of in (
            ("float", lambda x: evaluate.torch_logits(net, x)),
            ("int8", lambda x: evaluate.onnx_logits(session, x)),
        )
    }
    metadata["provenance"]["accuracy"] = card.accuracy(found, vocabulary)
    args.out.mkdir(parents=True, exist_ok=True)
    onnx.save(export.to_onnx(quantised, vocabulary.labels, metadata), args.out / f"{name}.onnx")
    (args.out / f"{name}.md").write_text(card.write(name, net.shape, vocabulary, found))
    for kind, figures in found.items():
        print(f"{name}, {kind}, validation\n{measure.table(figures, vocabulary.rare_words)}", flush=True)


def main():
    args = arguments()
    recordings.require(args.data, DATA)
    args.work.mkdir(parents=True, exist_ok=True)
    if args.device == "cpu":
        torch.set_num_threads(args.processes)
        torch.use_deterministic_algorithms(True)
    else:
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    vocabulary = own_words(args.words) if args.words else COMMANDS
    shapes = {"-".join(vocabulary.words).replace(" ", "-"): SHAPES[WORDS_SHAPE]} if args.words else SHAPES
    scale = (WORDS_SYNTHESIS if args.words else 1.0) if args.synthesis is None else args.synthesis

    selection = sets.validation(args.data, vocabulary)
    if args.words:
        selection = sets.with_spoken(selection, *synthesis.reserved_voices(vocabulary), vocabulary)
    if args.quantise_only:
        nets, aware, batches, shares = trained_before(args, vocabulary, shapes)
    else:
        material = corpus.load(args.data, args.work, vocabulary, args.seed, args.processes, scale, args.device)
        nets, aware, batches, shares = trained(args, vocabulary, shapes, material, selection)
    for name in shapes:
        finish(args, vocabulary, name, (nets[name], aware[name]), shares, batches, selection)


if __name__ == "__main__":
    main()
