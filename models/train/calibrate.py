#!/usr/bin/env python3
"""Writes the detector's settings, as `earmark eval --continuous … --calibrate` chose them, into the ONNX file that they are for.

usage: earmark inspect calibrated.ear --json | python models/train/calibrate.py models/commands-m.onnx

Then `earmark compile` puts them into the artifact. The network stays as it is.
"""
import json
import sys
from pathlib import Path

import onnx


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    path = Path(sys.argv[1])
    artifact = json.load(sys.stdin)
    model = onnx.load(path)
    entries = {entry.key: entry for entry in model.metadata_props}
    if "earmark.detector" not in entries:
        raise SystemExit(f"{path}: no detector's settings in it; expected a file that train.py wrote")
    labels = json.loads(entries["earmark.labels"].value)
    if labels != artifact["labels"]:
        raise SystemExit(f"{path}: its labels are {labels}, those of the artifact {artifact['labels']}")
    found = artifact["detector"]
    thresholds = found.pop("thresholds")
    rounded = {name: round(found[name], 4) for name in ("isolation", "release")}
    settings = {**found, **rounded, "threshold": [round(thresholds[label], 4) for label in labels]}
    entries["earmark.detector"].value = json.dumps(settings)
    onnx.save(model, path)


if __name__ == "__main__":
    main()
