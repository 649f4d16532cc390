#!/usr/bin/env python3
"""From recordings to quantised ONNX files and their model cards.

usage: python models/train/train.py --data DIR                              commands-s and commands-m, to models/
       python models/train/train.py --data DIR --words "lumos,nox"          lumos-nox: words that nobody recorded

DIR holds the data set, unpacked to 16 kHz mono 16-bit WAV: train/ and val/ with a folder a word, background/, rir/,
speech-negatives/ and esc10/. Needs espeak-ng, flite and festival. See README.md beside this file.
"""
import argparse
import copy
import re
from pathlib import Path

import numpy as np
import onnx
import torch

from kws import card, confidence, corpus, evaluate, export, fit, frontend, measure, quantise, sets, synthesis
from kws.augment import GENTLE, STRONG, Augmenter
from kws.network import SHAPES, TEACHER, KeywordNet
from kws.vocabulary import CLIP, COMMANDS, Vocabulary

CALIBRATION_BATCH = 128  # clips
CALIBRATION_BATCHES = 40
TOGETHER = fit.Cycle(51, 130)  # the teacher and its students; left early
APART = fit.Cycle(52, 52, rate=0.8, warm_up=0.03)  # commands-m, with commands-s as its student
TEACHER_APART = fit.Cycle(28, 34, rate=0.8, warm_up=0.03)
REFINED = fit.Cycle(44, 44, rate=0.4, warm_up=0.03)  # both, taught by the teacher and commands-m as they are then
WORDS_EPOCHS = 30  # of a model for one's own words, with its teacher
WORDS_SHAPE = "commands-s"  # of a model for one's own words
WORDS_SYNTHESIS = 0.5  # of the amount of synthetic speech; there are no recordings to balance

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
    "Speech Commands v0.01/v0.02 (part of the official training speakers); synthetic speech by espeak-ng, flite and festival, most "
    "of all for words with few recordings ('on' and 'off' have 15 each), some of those spliced from other words' recordings; "
    "public-domain wake-word recordings as unknown; noise from ESC-10, folds 1 to 3; noise and silence from the first half of each "
    "of the data set's background recordings, which test silence is cut from as well"
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the unpacked data set")
    parser.add_argument("--out", type=Path, default=Path("models"), help="the folder for the ONNX files and cards")
    parser.add_argument("--work", type=Path, default=Path("target/train"), help="cache and float weights")
    parser.add_argument("--words", help="words of your own, with commas between them, instead of the ten commands")
    parser.add_argument("--epochs", type=int, help="instead of the usual training")
    parser.add_argument("--synthesis", type=float, help="of the usual amount of synthetic speech")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="that synthesise and compute spectra")
    parser.add_argument("--quantise-only", action="store_true", help="quantise the float weights of an earlier run again")
    return parser.parse_args()


def own_words(text):
    """The vocabulary of --words: none of its words has recordings."""
    words = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    if not words or len(set(words)) < len(words) or any(not re.fullmatch(r"[a-z][a-z' ]*", word) for word in words):
        raise SystemExit(f"--words {text!r}: expected different words of English letters, with commas between them")
    return Vocabulary(words, words)


def float_weights(work, name):
    return work / f"{name}.pt"


def trained(args, vocabulary, shapes, material, selection):
    """{name: float network}, in evaluation mode."""
    clips, noise = material
    labels = len(vocabulary.labels)
    torch.manual_seed(args.seed)
    teacher = KeywordNet(TEACHER, labels)
    nets = {name: KeywordNet(shape, labels) for name, shape in shapes.items()}
    if args.quantise_only:
        for name, net in nets.items():
            net.load_state_dict(torch.load(float_weights(args.work, name)))
        return {name: net.eval() for name, net in nets.items()}
    features, truth = evaluate.features_of(selection[0]), selection[1]
    nets["teacher"] = teacher

    def stage(number, leader, students, cycle, strength=STRONG):
        """Trains the network named `leader`, and the students that learn from it."""
        seed = args.seed + 2 * number

        def progress(_epoch, networks):
            for name, net in networks.items():
                name = leader if name == "teacher" else name
                torch.save(net.state_dict(), float_weights(args.work, name))
                print(f"  {name:12} {evaluate.summary(evaluate.torch_logits(net, features), truth, vocabulary)}", flush=True)

        first = leader if isinstance(leader, fit.Masters) else nets[leader]
        chosen = {name: nets[name] for name in students}
        led, taught = fit.train(first, chosen, clips, Augmenter(noise, seed, strength), cycle, seed, progress)
        nets.update(taught if led is leader else taught | {leader: led})

    if args.epochs or vocabulary is not COMMANDS:
        epochs = args.epochs or WORDS_EPOCHS
        stage(0, "teacher", shapes, fit.Cycle(epochs, epochs))
    else:
        stage(0, "teacher", shapes, TOGETHER)
        stage(1, "commands-m", ["commands-s"], APART)
        stage(2, "teacher", [], TEACHER_APART)
        stage(3, fit.Masters([copy.deepcopy(nets[name]) for name in ("teacher", "commands-m")]), shapes, REFINED, GENTLE)
    return {name: nets[name] for name in shapes}


def calibration(args, material):
    """Batches of training features, from an augmenter of their own: with --quantise-only the ranges come out the same."""
    clips, noise = material
    augmenter = Augmenter(noise, args.seed + 1)
    batches = clips.batches(np.random.default_rng(args.seed + 1), CALIBRATION_BATCH)
    return [augmenter(*batch[:-1]) for _, batch in zip(range(CALIBRATION_BATCHES), batches)]


def finish(args, vocabulary, name, net, batches, selection):
    """Quantises, measures on validation, and writes the ONNX file and the card."""
    clips, truth = selection
    confidence.favour(net, [vocabulary.index(word) for word in vocabulary.rare_words])
    logits = evaluate.torch_logits(net, evaluate.features_of(clips))
    confidence.divide_logits(net, confidence.best_temperature(logits, truth))
    quantised = quantise.quantise(net, batches)
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
    args.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    vocabulary = own_words(args.words) if args.words else COMMANDS
    shapes = {"-".join(vocabulary.words).replace(" ", "-"): SHAPES[WORDS_SHAPE]} if args.words else SHAPES
    scale = args.synthesis or (WORDS_SYNTHESIS if args.words else 1.0)

    material = corpus.load(args.data, args.work, vocabulary, args.seed, args.processes, scale)
    selection = sets.validation(args.data, vocabulary)
    if args.words:
        selection = sets.with_spoken(selection, *synthesis.reserved_voices(vocabulary), vocabulary)
    nets = trained(args, vocabulary, shapes, material, selection)
    batches = calibration(args, material)
    for name, net in nets.items():
        finish(args, vocabulary, name, net, batches, selection)


if __name__ == "__main__":
    main()
