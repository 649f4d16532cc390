#!/usr/bin/env python3
"""Measures a model on a folder of recordings; one JSON object on stdout.

usage: python models/train/evaluate.py models/commands-m.onnx DIR [--mask on,off]
       python models/train/evaluate.py models/commands-m.ear DIR [--mask on,off] [--earmark target/release/earmark]

An ONNX file is run by onnxruntime, a compiled artifact by earmark's own engine.

DIR holds a folder a label with 16 kHz mono 16-bit WAV files; a folder that is no label counts as `_unknown_`. `--mask` leaves
out the clips of some labels, and removes the labels from the possible answers.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

from kws import evaluate, recordings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mask", default="", help="labels, with commas between them")
    parser.add_argument("--earmark", default="target/release/earmark", help="the binary that runs an artifact")
    args = parser.parse_args()
    if args.model.suffix == ".ear":
        files = sorted(args.folder.glob("*/*.wav"))
        words = [file.parent.name for file in files]
        logits = evaluate.artifact_logits(args.earmark, args.model, files)
    else:
        words, clips = recordings.labelled_folders(args.folder)
        session = onnxruntime.InferenceSession(str(args.model))
        logits = evaluate.onnx_logits(session, evaluate.features_of(clips))
    truth = np.array([recordings.label_index(word) for word in words])
    print(json.dumps(evaluate.report(logits, truth, [label for label in args.mask.split(",") if label])))


if __name__ == "__main__":
    main()
