#!/usr/bin/env python3
"""Measures a model on recordings, as they are and under stress.

usage: python models/train/evaluate.py models/commands-m.onnx --data DIR [--set val|test] [--json]

DIR holds the data set as train.py reads it. The noise of "val" is ESC-10's fold 4 and the background recordings' validation
part; that of "test" is fold 5 and the last 40 % of each background recording. Training hears none of it.
"""
import argparse
import json
from pathlib import Path

from kws import evaluate, measure, sets
from kws.vocabulary import COMMANDS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an ONNX file")
    parser.add_argument("--data", type=Path, required=True, help="the unpacked data set")
    parser.add_argument("--set", choices=("val", "test"), default="val")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    args = parser.parse_args()
    session = evaluate.session_of(args.model)
    if args.set == "val":
        clips, truth = sets.validation(args.data, COMMANDS)
    else:
        clips, truth = sets.labelled(args.data / "test", COMMANDS)
    noise = sets.TUNING if args.set == "val" else sets.TESTING
    found = measure.figures(lambda x: evaluate.onnx_logits(session, x), clips, truth, args.data, COMMANDS, noise)
    print(json.dumps(found) if args.json else measure.table(found, COMMANDS.rare_words))


if __name__ == "__main__":
    main()
