#!/usr/bin/env python3
"""Measures a model on recordings, as they are and under stress.

usage: python models/train/evaluate.py models/commands-m.onnx --data DIR [--set val|test] [--json]

DIR holds the data set as train.py reads it. The noise of "val" is ESC-10's fold 4 and the background recordings' validation
part; that of "test" is fold 5 and the last 40 % of each background recording. Training hears none of it.
"""
import argparse
import json
from pathlib import Path

from kws import evaluate, measure, recordings, sets, synthesis
from kws.vocabulary import COMMANDS, Vocabulary


def vocabulary_of(session):
    """The words of an ONNX file; those that are not the commands were learned from synthetic speech."""
    words = tuple(json.loads(session.get_modelmeta().custom_metadata_map["earmark.labels"])[:-2])
    return COMMANDS if words == COMMANDS.words else Vocabulary(words, words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an ONNX file")
    parser.add_argument("--data", type=Path, required=True, help="the unpacked data set")
    parser.add_argument("--set", choices=("val", "test"), default="val")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    args = parser.parse_args()
    noise = sets.TUNING if args.set == "val" else sets.TESTING
    recordings.require(args.data, [f"{args.set}/*/*.wav", *sets.noise_files(noise)])
    session = evaluate.session_of(args.model)
    vocabulary = vocabulary_of(session)
    if args.set == "val":
        clips, truth = sets.validation(args.data, vocabulary)
        if vocabulary is not COMMANDS:
            clips, truth = sets.with_spoken((clips, truth), *synthesis.reserved_voices(vocabulary), vocabulary)
    else:
        clips, truth = sets.labelled(args.data / "test", vocabulary)
    found = measure.figures(lambda x: evaluate.onnx_logits(session, x), clips, truth, args.data, vocabulary, noise)
    print(json.dumps(found) if args.json else measure.table(found, vocabulary.rare_words))


if __name__ == "__main__":
    main()
