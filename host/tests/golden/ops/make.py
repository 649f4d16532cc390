#!/usr/bin/env python3
"""Makes the golden vectors of the model compiler and the engine: small quantised networks and what onnxruntime answers.

    pip install -r requirements.txt
    python make.py                      # the sample that is kept here: one file a family
    python make.py --full --output DIR  # thousands of random networks, for `ci.sh --full`

Three of the families (qdq, fake_quantised, qoperator) are random float networks that onnxruntime's quantize_static has quantised; in
fake_quantised the weights are real numbers that the graph rounds, as PyTorch's FakeQuantize has it.

The Rust test `ops` reads the sample, or the files in the directory that EARMARK_GOLDEN_OPS names. Activations and
weights are int8, but for the activations of those three: onnxruntime's uint8 x int8 kernels saturate on CPUs without VNNI. Scales are random, or powers of two
where exact ties are wanted (sums, means, one family of convolutions): with other simple scales, such as 0.1 and 0.2, onnxruntime computes ties in
floats that are off by their last bit, and rounds them either way.

A file is a sequence of cases, all numbers little-endian:
    u32 length of name, name; u32 length of ONNX file, ONNX file; u32 frames, u32 features, u32 outputs, u32 windows;
    u64 seed; then windows x outputs int8: the quantised logits.
The int8 input of window w is byte(seed, w * frames * features + i) for i in time order, feature by feature: see `random_bytes`.
"""

import argparse
import struct
from pathlib import Path

import numpy as np

from cases import FAMILIES
from graph import run

HERE = Path(__file__).parent


def random_bytes(seed: int, count: int) -> np.ndarray:
    """int8 from SplitMix64 (Steele, Lea, Flood 2014), one output a value: counted, so that no state is kept."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(56)).astype(np.uint8).view(np.int8)


def case_bytes(case, seed: int, windows: int) -> bytes:
    """One case, answered by onnxruntime."""
    frames, features = case.frames, case.features
    inputs = random_bytes(seed, windows * frames * features).reshape(windows, frames, features)
    model = case.model()
    outputs = run(model, case, inputs)
    name = case.name.encode()
    head = struct.pack("<I", len(name)) + name + struct.pack("<I", len(model)) + model
    head += struct.pack("<IIIIQ", frames, features, outputs.shape[1], windows, seed)
    return head + outputs.tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("--full", action="store_true", help="thousands of random networks instead of the sample")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="only these")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for index, (family, (make, sample, full, windows)) in enumerate(FAMILIES.items()):
        if arguments.families and family not in arguments.families:
            continue
        rng = np.random.default_rng([1, index, int(arguments.full)])
        count, windows = (full, 2 * windows) if arguments.full else (sample, windows)
        with open(arguments.output / f"{family}.bin", "wb") as file:
            for number in range(count):
                case = make(rng, number)
                file.write(case_bytes(case, int(rng.integers(1 << 62)), windows))
        print(f"{family}: {count} networks")


if __name__ == "__main__":
    main()
