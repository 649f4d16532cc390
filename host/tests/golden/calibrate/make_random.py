#!/usr/bin/env python3
"""Makes random float networks and what onnxruntime answers, for the test of `earmark compile --calibrate` on graphs of any shape.

    pip install -r ../ops/requirements.txt
    python make_random.py                              # the sample that is kept here
    python make_random.py --networks 1500 --output DIR # many, for `ci.sh --full`

The Rust test `float_graphs` reads the sample and what make_torch.py makes, or random.bin of the directory that EARMARK_FLOAT_GRAPHS names.
"""

import argparse
from pathlib import Path

import numpy as np

from case import case_bytes
from networks import draw

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("--networks", type=int, default=40)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    with open(arguments.output / "random.bin", "wb") as file:
        for number in range(arguments.networks):
            frames, features, model, shape = draw(rng)
            seed = int(rng.integers(1 << 62))
            file.write(case_bytes(f"random {number}", model.SerializeToString(), shape, frames, features, seed))
    print(f"{arguments.networks} networks")


if __name__ == "__main__":
    main()
