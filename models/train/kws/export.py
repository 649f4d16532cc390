"""Writes a quantised network as a quantised ONNX graph: integer operators where ONNX has them, DequantizeLinear → op →
QuantizeLinear elsewhere. The same network gives the same bytes.
"""
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .frontend import FRAMES, MEL_BANDS
from .quantise import convolutions, pointwise_name, weight_steps

OPSET = 13
IR_VERSION = 8


class Graph:
    """Nodes and constants, as they are added."""

    def __init__(self, parameters):
        self.nodes = []
        self.constants = []
        for name, (scale, zero) in parameters.items():
            self.constant(f"{name}.scale", np.float32(scale))
            self.constant(f"{name}.zero_point", np.int8(zero))

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind, inputs, output, name=None, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name or output, **attributes))
        return output

    def quantise(self, tensor, name):
        """float → int8 with the scale and zero point of activation `name`."""
        return self.node("QuantizeLinear", [tensor, f"{name}.scale", f"{name}.zero_point"], f"{name}.int8")

    def dequantise(self, tensor, name, output=None):
        """int8 with the scale and zero point of activation `name` → float."""
        output = output or f"{tensor}.float"
        return self.node("DequantizeLinear", [tensor, f"{name}.scale", f"{name}.zero_point"], output)

    def convolution(self, tensor, source, name, conv, scale_in):
        """QLinearConv from activation `source` to activation `name`; ReLU is the saturation at zero point -128."""
        steps, scales = weight_steps(conv.weight)
        steps, scales = steps.numpy().astype(np.int8), scales.numpy()
        bias = np.round(conv.bias.detach().numpy().astype(np.float64) / (scales.astype(np.float64) * scale_in))
        inputs = [
            tensor,
            f"{source}.scale",
            f"{source}.zero_point",
            self.constant(f"{name}.weight", steps),
            self.constant(f"{name}.weight_scale", scales),
            self.constant(f"{name}.weight_zero_point", np.zeros(len(scales), np.int8)),
            f"{name}.scale",
            f"{name}.zero_point",
            self.constant(f"{name}.bias", bias.astype(np.int32)),
        ]
        return self.node(
            "QLinearConv",
            inputs,
            f"{name}.int8",
            group=conv.groups,
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            dilations=[1, 1],
            pads=[conv.padding[0], 0, conv.padding[0], 0],
        )


def to_onnx(net, labels, metadata):
    """The ONNX model of a network made by `quantise.quantise`; `metadata` maps keys (without "earmark.") to JSON values."""
    parameters = net.tap.parameters
    graph = Graph(parameters)
    convs = convolutions(net)

    def convolve(tensor, source, name):
        return graph.convolution(tensor, source, name, convs[name], parameters[source][0])

    steps = net.shape.steps()
    graph.constant("channel_axis", np.array([1], np.int64))
    graph.constant("time_axis", np.array([3], np.int64))
    x, source = graph.quantise("features", "features"), "features"
    x = graph.node("Unsqueeze", [x, "channel_axis"], "features.plane.int8")
    for i in range(len(net.front)):
        x, source = convolve(x, source, f"front{i}"), f"front{i}"
    for i, block in enumerate(net.blocks):
        name = f"block{i}"
        y = convolve(x, source, f"{name}.depthwise")
        y = convolve(y, f"{name}.depthwise", pointwise_name(i, block))
        if not block.residual:
            x, source = y, name
            continue
        start = graph.constant(f"{name}.crop_start", np.array([block.crop], np.int64))
        end = graph.constant(f"{name}.crop_end", np.array([steps[i] - block.crop], np.int64))
        skip = graph.node("Slice", [x, start, end, "time_axis"], f"{name}.skip.int8")
        y = graph.dequantise(y, f"{name}.pointwise")
        skip = graph.dequantise(skip, source)
        x = graph.quantise(graph.node("Add", [y, skip], f"{name}.sum"), name)
        source = name
    x = graph.dequantise(x, source)
    x = graph.node("AveragePool", [x], "pool.mean", kernel_shape=[1, steps[-1]], strides=[1, 1], pads=[0, 0, 0, 0])
    x = convolve(graph.quantise(x, "pool"), "pool", "logits")
    shape = graph.constant("logits.shape", np.array([1, len(labels)], np.int64))
    x = graph.node("Reshape", [x, shape], "logits.flat.int8")
    graph.dequantise(x, "logits", "logits")

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            metadata["name"],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, MEL_BANDS, FRAMES])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, len(labels)])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="earmark",
    )
    entries = {"labels": labels, **metadata}
    helper.set_model_props(model, {f"earmark.{key}": json.dumps(value) for key, value in entries.items()})
    onnx.checker.check_model(model, full_check=True)
    return model
