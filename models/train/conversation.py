#!/usr/bin/env python3
"""Synthetic conversation, to count false alarms on.

usage: python models/train/conversation.py --set tune --hours 10 --seed 1 --out DIR [--background DIR]
       python models/train/conversation.py --set report --hours 6 --seed 2 --out DIR [--background DIR]

Writes FLAC files of half an hour, 16 kHz mono, and for each of them

* a label track of the same name, .txt: where any of the ten words is said. It is empty: the texts hold none of them, so that
  every detection is a false alarm;
* a transcript, .turns.tsv: start and end in seconds, voice, text of every turn.

The two sets share no voice and no noun, verb or adjective. `--background` adds the data set's background recordings to the
noises: their first 60 % to "tune", the rest to "report". Needs espeak-ng, flite and festival; see README.md beside this file.
"""
import argparse
from pathlib import Path

import numpy as np
import soundfile

from kws import recordings
from kws.conversation import Talk
from kws.vocabulary import RATE

FILE_SECONDS = 1800
BACKGROUND_PART = {"tune": (0.0, 0.6), "report": (0.6, 1.0)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=sorted(BACKGROUND_PART), required=True, help="which voices and words")
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--background", type=Path, help="a folder with the data set's background recordings")
    args = parser.parse_args()
    if args.background:
        recordings.require(args.background, ["*.wav"])
    args.out.mkdir(parents=True, exist_ok=True)
    noise = []
    if args.background:
        found = recordings.background(args.background, BACKGROUND_PART[args.set])
        noise = [part.astype(np.float32) / 32_768 for part in found.values()]
    left, number = args.hours * 3600, 0
    while left >= 1:
        # A generator of its own for each file: a longer run begins with the files of a shorter one.
        talk = Talk(args.set, [args.seed, number], noise)
        samples, turns = talk.recording(min(left, FILE_SECONDS))
        file = args.out / f"{args.set}-{number:02}.flac"
        soundfile.write(file, samples, RATE, subtype="PCM_16")
        file.with_suffix(".txt").write_text("")
        lines = (f"{t.start:.2f}\t{t.end:.2f}\t{t.speaker}\t{t.text}\n" for t in turns)
        file.with_suffix(".turns.tsv").write_text("".join(lines))
        print(f"{file}  {len(samples) / RATE:.0f} s, {len(turns)} turns", flush=True)
        left -= FILE_SECONDS
        number += 1


if __name__ == "__main__":
    main()
