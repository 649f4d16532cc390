"""Float networks and what onnxruntime answers, as the Rust test `float_graphs` reads them.

A file is a sequence of cases, all numbers little-endian:
    u32 length of name, name; u32 length of ONNX file, ONNX file; u32 frames, u32 features, u32 outputs, u32 windows;
    u64 seed; then windows x outputs float32: the network's output before a last Softmax or Sigmoid.
The input of window w is byte(seed, w * frames * features + i) / 32 for i in time order, feature by feature: see `random_bytes` of
../ops/make.py.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).parent.parent / "ops"))
from make import random_bytes  # noqa: E402

WINDOWS = 4


def case_bytes(name, model, shape, frames, features, seed) -> bytes:
    """One case, answered by onnxruntime; `shape` is that of the network's input."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # The engine gives what comes before a last Softmax or Sigmoid, and so does the answer.
    graph = onnx.load_from_string(model)
    last = next(node for node in graph.graph.node if graph.graph.output[0].name in node.output)
    if last.op_type in ("Softmax", "Sigmoid"):
        graph.graph.output[0].name = last.input[0]
    session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = random_bytes(seed, WINDOWS * frames * features).reshape(WINDOWS, frames, features).astype(np.float32) / 32
    long = [extent for extent in shape if extent > 1]
    features_first = long == [features, frames]
    (source,) = session.get_inputs()
    answers = []
    for window in inputs:
        window = np.ascontiguousarray((window.T if features_first else window).reshape(shape))
        answers.append(session.run(None, {source.name: window})[0].reshape(-1).astype(np.float32))
    answers = np.stack(answers)
    head = struct.pack("<I", len(name)) + name.encode() + struct.pack("<I", len(model)) + model
    head += struct.pack("<IIIIQ", frames, features, answers.shape[1], WINDOWS, seed)
    return head + answers.tobytes()
