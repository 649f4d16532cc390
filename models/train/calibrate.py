#!/usr/bin/env python3
"""Writes the detector's settings, as `earmark eval --continuous … --calibrate` chose them, into the ONNX file that they are for.

usage: earmark inspect calibrated.ear --json | python models/train/calibrate.py models/commands-m.onnx

Then `earmark compile` puts them into the artifact. The network stays as it is.
"""
import json
import sys
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError


def artifact_from(text):
    """(labels, detector's settings, thresholds in the order of the labels) of what `earmark inspect --json` prints, or None."""
    try:
        artifact = json.loads(text)
        labels, settings = artifact["labels"], dict(artifact["detector"])
        thresholds = settings.pop("thresholds")
        settings |= {name: round(settings[name], 4) for name in ("isolation", "release")}
        return labels, settings, [round(thresholds[label], 4) for label in labels]
    except (ValueError, KeyError, TypeError):
        return None


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    path = Path(sys.argv[1])
    found = artifact_from(sys.stdin.read())
    if found is None:
        raise SystemExit("standard input: expected what `earmark inspect calibrated.ear --json` prints")
    labels, settings, thresholds = found
    try:
        model = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise SystemExit(f"{path}: no ONNX file that can be read: {error}") from error
    entries = {entry.key: entry for entry in model.metadata_props}
    if not {"earmark.detector", "earmark.labels"} <= entries.keys():
        raise SystemExit(f"{path}: no detector's settings in it; expected a file that train.py wrote")
    if json.loads(entries["earmark.labels"].value) != labels:
        raise SystemExit(f"{path}: its labels are {entries['earmark.labels'].value}, those of the artifact {json.dumps(labels)}")
    entries["earmark.detector"].value = json.dumps({**settings, "threshold": thresholds})
    onnx.save(model, path)


if __name__ == "__main__":
    main()
