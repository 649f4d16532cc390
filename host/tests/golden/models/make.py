#!/usr/bin/env python3
"""Makes small ONNX models for the compiler's tests: one that differs from the shipped model in everything, and some that are refused.

    python make.py

Needs what ../ops/requirements.txt lists.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ops"))

from cases import bias, output_scale, weight_scale, weights  # noqa: E402
from graph import Case  # noqa: E402
from random_network import Quantised  # noqa: E402


def doorbell():
    """Two seconds at 8 kHz, MFCC, three labels of which any number may be right, an input of four axes with time last."""
    rng = np.random.default_rng(7)
    frames, features = 99, 13
    case = Case("doorbell", frames, features, [1, 1, features, frames], 0.35, -11)
    x = (0.35, -11)
    for inputs, outputs, kernel, strides, pads in [(1, 8, (5, 5), (2, 3), (2, 2)), (8, 16, (3, 3), (2, 2), (1, 1))]:
        scales = weight_scale(rng, outputs)
        depth = inputs * kernel[0] * kernel[1]
        y = (output_scale(x[0], scales, depth), -128)
        case.conv(
            weights(rng, outputs, inputs, *kernel), x, scales, y, bias(rng, outputs, depth),
            strides=list(strides), pads=[*pads, *pads],
        )
        x = y
    y = (np.float32(x[0] / 4), -128)
    case.x = case.quantize(case.op("ReduceMean", [case.dequantize(case.x, *x)], axes=[2, 3], keepdims=0), *y)
    scales = weight_scale(rng, 3)
    last = (output_scale(y[0], scales, 16) / np.float32(4), 3)
    case.matmul(weights(rng, 16, 3), y, scales, last)
    case.finish([0, 1], 3, *last)
    model = onnx.load_from_string(case.model())
    model.graph.node.append(helper.make_node("Sigmoid", ["logits"], ["scores"], name="scores"))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [1, 3]))
    front_end = {
        "preset": "librosa", "sample_rate": 8000, "window_length": 256, "hop_length": 160, "fft_length": 256,
        "mel_bands": 24, "low_hz": 50.0, "high_hz": 4000.0, "mfcc_coefficients": features,
    }
    describe(model, name="doorbell", labels=["doorbell", "knock", "dog"], frontend=front_end, window_samples=16000)
    return model


def describe(model, **values):
    for key, value in values.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = f"earmark.{key}", json.dumps(value)


def small(body, **kind):
    """A model of 8 features and 10 frames around the operators that `body` adds to an int8 tensor [1, 8, 10]."""
    case = Case("small", 10, 8, [1, 8, 10], 0.1, 5, **kind)
    length = body(case, np.random.default_rng(3))
    case.finish([0, 1], length)
    model = onnx.load_from_string(case.model())
    labels = [f"label {index}" for index in range(length)]
    describe(model, labels=labels, frontend={"preset": "torchaudio", "mel_bands": 8})
    return model


def mean(case):
    case.x = case.op("GlobalAveragePool", [case.dequantize(case.x, 0.1, 5)])
    case.x = case.quantize(case.x, 0.1, 5)


def accepted(case, rng):
    mean(case)
    return 8


def every_kind(case, rng):
    """Convolution, maximum, a function, a sum, a concatenation, a mean."""
    case.conv(weights(rng, 8, 8, 3), (0.1, 5), weight_scale(rng, 8), (1.5, -20), pads=[1, 1])
    wide = case.op("MaxPool", [case.x], kernel_shape=[3], pads=[1, 1])
    case.x = case.quantize(case.op("Tanh", [case.dequantize(wide, 1.5, -20)]), 0.01, 7)
    total = case.op("Add", [case.dequantize(case.x, 0.01, 7), case.dequantize(wide, 1.5, -20)])
    case.x = case.op("Concat", [case.quantize(case.op("Relu", [total]), 0.1, 5), wide], axis=1)
    mean(case)
    return 16


def rearranged_input():
    """The model `signed` for an input [1, 10, 8], which it brings in order before it quantises it."""
    model = small(every_kind)
    features, quantize = model.graph.input[0], model.graph.node[0]
    rows, frames = features.type.tensor_type.shape.dim[1:]
    rows.dim_value, frames.dim_value = frames.dim_value, rows.dim_value
    ordered = helper.make_node("Transpose", [features.name], ["ordered"], name="ordered", perm=[0, 2, 1])
    quantize.input[0] = "ordered"
    model.graph.node.insert(0, ordered)
    return model


def deep(case, rng):
    """Long chains, which must not cost the compiler's stack."""
    value = case.dequantize(case.x, 0.1, 5)
    for _ in range(330):
        value = case.op("MaxPool", [value], kernel_shape=[1])
    for _ in range(330):
        value = case.op("Transpose", [value], perm=[0, 2, 1])
    for _ in range(330):
        value = case.op("Relu", [value])
    case.x = case.quantize(value, 0.1, 5)
    mean(case)
    return 8


def unknown_operator(case, rng):
    value = case.op("LpNormalization", [case.dequantize(case.x, 0.1, 5)])
    case.x = case.quantize(value, 0.1, 5)
    mean(case)
    return 8


def float_convolution(case, rng):
    value = case.op("Conv", [case.dequantize(case.x, 0.1, 5), case.constant(rng.normal(size=(8, 8, 3)).astype(np.float32))])
    case.x = case.quantize(value, 0.1, 5)
    mean(case)
    return 8


def asymmetric_weights(case, rng):
    inputs = case.product_inputs(weights(rng, 8, 8, 3), (0.1, 5), np.float32(0.01), (0.1, 5), None)
    inputs[5] = case.constant(np.int8(4))
    case.x = case.op("QLinearConv", inputs)
    mean(case)
    return 8


def moved_values(case, rng):
    case.x = case.op("Transpose", [case.x], perm=[0, 2, 1])
    case.conv(weights(rng, 8, 10, 3), (0.1, 5), 0.01, (20.0, 5))
    mean(case)
    return 8


def coarse_output(case, rng):
    case.conv(weights(rng, 8, 8, 3), (0.1, 5), 0.5, (0.01, 5))
    mean(case)
    return 8


def real_sum(case, rng):
    value = case.dequantize(case.x, 0.1, 5)
    value = case.op("Add", [case.op("Tanh", [value]), case.op("GlobalMaxPool", [value])])
    case.x = case.quantize(value, 0.1, 5)
    mean(case)
    return 8


def huge_padding(case, rng):
    case.conv(weights(rng, 8, 8, 3), (0.1, 5), 0.01, (20.0, 5), pads=[100000, 100000])
    mean(case)
    return 8


def by_onnxruntime(form, number):
    """A random network as onnxruntime quantises it."""
    network = Quantised(np.random.default_rng(number), number, form)
    front_end = {"preset": "torchaudio", "mel_bands": network.features}
    describe(network.graph, labels=[f"label {index}" for index in range(network.output[2])], frontend=front_end)
    return network.graph


def main() -> None:
    for form in ("qdq", "qoperator"):
        onnx.save(by_onnxruntime(form, 3), HERE / f"{form}.onnx")
    onnx.save(doorbell(), HERE / "doorbell.onnx")
    onnx.save(small(every_kind), HERE / "signed.onnx")
    onnx.save(small(every_kind, unsigned=True), HERE / "unsigned.onnx")
    onnx.save(small(every_kind, quantized_input=True), HERE / "quantized_input.onnx")
    onnx.save(small(every_kind, unsigned=True, quantized_input=True), HERE / "unsigned_input.onnx")
    onnx.save(rearranged_input(), HERE / "rearranged_input.onnx")
    onnx.save(small(deep), HERE / "deep.onnx")
    refused = [unknown_operator, float_convolution, asymmetric_weights, coarse_output, real_sum, huge_padding]
    for body in [accepted, moved_values, *refused]:
        onnx.save(small(body), HERE / f"{body.__name__}.onnx")


if __name__ == "__main__":
    main()
