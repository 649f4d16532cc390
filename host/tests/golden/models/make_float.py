#!/usr/bin/env python3
"""Makes small float ONNX models with random weights for the tests of calibration.

    python make_float.py

Needs what ../ops/requirements.txt lists.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
LOG_MEL = {"preset": "torchaudio", "mel_bands": 40}
MFCC = {**LOG_MEL, "window_length": 640, "hop_length": 320, "fft_length": 1024, "mfcc_coefficients": 10}
LABELS = 12


class Net:
    """Nodes and weights, as they are added; `x` is the latest tensor."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.x = [], [], "features"

    def constant(self, value):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def floats(self, *shape, scale=1.0, mean=0.0):
        return self.constant(self.rng.normal(mean, scale, shape).astype(np.float32))

    def op(self, kind, *inputs, **attributes):
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs) or [self.x], [name], name=name, **attributes))
        self.x = name
        return name

    def conv(self, inputs, outputs, *kernel, group=1, bias=False, **attributes):
        depth = inputs // group * np.prod(kernel)
        weights = [self.x, self.floats(outputs, inputs // group, *kernel, scale=np.sqrt(2 / depth))]
        return self.op("Conv", *weights, *([self.floats(outputs)] if bias else []), group=group, **attributes)

    def norm(self, channels):
        gain = self.constant(self.rng.uniform(0.5, 1.5, channels).astype(np.float32))
        variance = self.constant(self.rng.uniform(0.5, 2, channels).astype(np.float32))
        mean, offset = self.floats(channels, scale=0.3), self.floats(channels, scale=0.3)
        return self.op("BatchNormalization", self.x, gain, offset, mean, variance)

    def standardise(self):
        """Log-mel features near mean 0 and variance 1, by numbers instead of constants a channel."""
        self.op("Sub", self.x, self.constant(np.float32(-4)))
        self.op("Div", self.x, self.constant(np.float32(4)))

    def save(self, name, shape, frontend, **more):
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                name,
                [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
                [helper.make_tensor_value_info(self.x, TensorProto.FLOAT, [1, LABELS])],
                self.constants,
            ),
            opset_imports=[helper.make_opsetid("", 14)],
            ir_version=8,
        )
        entries = {"labels": [f"label {index}" for index in range(LABELS)], "frontend": frontend, **more}
        entries = {key: value for key, value in entries.items() if value is not None}
        helper.set_model_props(model, {f"earmark.{key}": json.dumps(value) for key, value in entries.items()})
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, HERE / f"{name}.onnx")


def ds_cnn():
    """The shape of MLPerf Tiny's keyword network: depthwise-separable convolutions over time and frequency."""
    net = Net(1)
    net.op("Mul", net.x, net.constant(np.float32(0.1)))
    net.conv(1, 64, 10, 4, strides=[2, 2], pads=[4, 1, 5, 1])
    net.norm(64)
    net.op("Relu")
    for _ in range(4):
        net.conv(64, 64, 3, 3, group=64, pads=[1, 1, 1, 1])
        net.norm(64)
        net.op("Relu")
        net.conv(64, 64, 1, 1)
        net.norm(64)
        net.op("Relu")
    net.op("GlobalAveragePool")
    net.op("Flatten")
    net.op("Gemm", net.x, net.floats(LABELS, 64, scale=0.2), net.floats(LABELS), transB=1)
    net.op("Softmax")
    net.save("float_ds_cnn", [1, 1, 49, 10], MFCC)


def tc_resnet():
    """Residual blocks of wide convolutions over time, strided, with a 1×1 convolution as shortcut."""
    net = Net(2)
    net.standardise()
    net.conv(40, 16, 3)
    for inputs, outputs in [(16, 16), (16, 24), (24, 24)]:
        start = net.x
        net.conv(inputs, outputs, 9, strides=[2], pads=[4, 4])
        net.norm(outputs)
        net.op("Relu")
        net.conv(outputs, outputs, 9, pads=[4, 4])
        path = net.norm(outputs)
        net.x = start
        net.conv(inputs, outputs, 1, strides=[2])
        net.norm(outputs)
        shortcut = net.op("Relu")
        net.op("Add", path, shortcut)
        net.op("Relu")
    net.op("ReduceMean", axes=[2], keepdims=0)
    net.op("MatMul", net.x, net.floats(24, LABELS, scale=0.3))
    net.op("Add", net.x, net.floats(LABELS))
    net.save("float_tc_resnet", [1, 40, 98], LOG_MEL)


def mixed():
    """What the others do not have: batch norm first and alone, Clip, HardSwish, Pad, pools, squeeze-and-excite, Concat, Slice, Gather."""
    net = Net(3)
    net.standardise()
    net.norm(40)
    net.op("Pad", net.x, net.constant(np.array([0, 0, 2, 0, 0, 0], np.int64)))
    net.conv(40, 16, 5, dilations=[1], bias=True)
    wide = net.op("Clip", net.x, net.constant(np.float32(0)), net.constant(np.float32(6)))
    net.conv(16, 16, 3, group=16, pads=[1, 1], bias=True)
    narrow = net.op("HardSwish")
    net.op("ReduceMean", axes=[2], keepdims=1)
    net.conv(16, 8, 1, bias=True)
    net.op("Relu")
    net.conv(8, 16, 1, bias=True)
    gate = net.op("Sigmoid")
    net.op("Mul", narrow, gate)
    net.norm(16)
    net.op("Tanh")
    net.op("Concat", net.x, wide, axis=1)
    net.op("MaxPool", kernel_shape=[3], strides=[2])
    cut = [net.constant(np.array([value], np.int64)) for value in (1, 45, 2)]
    net.op("Slice", net.x, *cut)
    net.conv(32, 16, 3, bias=True)
    net.op("LeakyRelu", alpha=0.1)
    net.op("GlobalAveragePool")
    net.op("Gather", net.x, net.constant(np.int64(0)), axis=2)
    net.op("Gemm", net.x, net.floats(16, LABELS, scale=0.3), net.floats(LABELS))
    net.op("Sigmoid")
    net.save("float_mixed", [1, 40, 98], LOG_MEL)


def unsupported():
    """A product of two tensors that both depend on the features."""
    net = Net(4)
    net.op("MatMul", net.x, net.op("Transpose", perm=[0, 2, 1]))
    net.op("ReduceMean", axes=[1], keepdims=0)
    net.op("Gemm", net.x, net.floats(40, LABELS))
    net.save("float_unsupported", [1, 40, 98], LOG_MEL)


def waveform():
    """Samples in, by operators that no compiler of earmark's has."""
    net = Net(5)
    net.conv(1, 16, 400, strides=[160], bias=True)
    net.op("Mul", net.x, net.x)
    net.op("ReduceMean", axes=[2], keepdims=1)
    net.op("LpNormalization", axis=1)
    net.op("Flatten")
    net.op("Gemm", net.x, net.floats(LABELS, 16), net.floats(LABELS), transB=1)
    net.op("Softmax")
    net.save("float_waveform", [1, 1, 16000], None, waveform={"sample_rate": 16000})


def recurrent():
    """An LSTM over log-mel features, without labels or front end in the file."""
    net = Net(6)
    hidden = 16
    net.standardise()
    net.op("Transpose", perm=[1, 0, 2])
    weights = [net.floats(1, 4 * hidden, size, scale=0.2) for size in (40, hidden)]
    net.nodes.append(
        helper.make_node("LSTM", [net.x, *weights], ["", "last"], name="lstm", hidden_size=hidden)
    )
    net.x = "last"
    net.op("Squeeze", net.x, net.constant(np.array([0], np.int64)))
    net.op("Gemm", net.x, net.floats(LABELS, hidden), net.floats(LABELS), transB=1)
    net.save("float_recurrent", [1, 98, 40], None, labels=None)


if __name__ == "__main__":
    ds_cnn()
    tc_resnet()
    mixed()
    unsupported()
    waveform()
    recurrent()
