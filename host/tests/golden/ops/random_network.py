"""Random float networks of everything that the compiler takes, and the same quantised by onnxruntime."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

OUTPUTS = 8


def pick(rng, *values):
    return values[int(rng.integers(len(values)))]


class Net:
    """A float graph under construction. `x` is the latest tensor, of shape `shape`: batch, channels, then one or two axes."""

    def __init__(self, rng, shape):
        self.rng, self.shape, self.features = rng, list(shape), list(shape)
        self.nodes, self.constants, self.x = [], [], "features"

    def constant(self, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def floats(self, *shape, scale=1.0):
        return self.constant(self.rng.normal(0, scale, shape).astype(np.float32))

    def op(self, kind, *inputs, outputs=1, **attributes):
        name = f"{kind}{len(self.nodes)}"
        names = [name] if outputs == 1 else [f"{name}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs) or [self.x], names, name=name, **attributes))
        self.x = names[0]
        return names[0] if outputs == 1 else names

    @property
    def channels(self):
        return self.shape[1]

    @property
    def spatial(self):
        return self.shape[2:]

    # What a network is made of. Each leaves a tensor with the same number of axes.

    def conv(self, outputs=None, most_kernel=5, same=False, group=None, kernel=None):
        rng = self.rng
        outputs = outputs or int(rng.integers(2, 13))
        group = group or 1
        kernels, strides, dilations, before, after, extents = [], [], [], [], [], []
        for extent in self.spatial:
            while True:
                size = kernel or int(rng.integers(1, most_kernel + 1))
                stride, dilation = (1, 1) if kernel or same else (pick(rng, 1, 1, 2), pick(rng, 1, 1, 2))
                field = (size - 1) * dilation + 1
                pads = pick(rng, (0, 0), (field // 2, (field - 1) // 2), tuple(int(v) for v in rng.integers(0, field, 2)))
                if kernel or same:
                    pads = (field // 2, (field - 1) // 2)
                result = (extent + sum(pads) - field) // stride + 1
                if extent + sum(pads) >= field and result >= 1:
                    break
            kernels.append(size), strides.append(stride), dilations.append(dilation)
            before.append(pads[0]), after.append(pads[1]), extents.append(result)
        depth = self.channels // group * int(np.prod(kernels))
        inputs = [self.x, self.floats(outputs, self.channels // group, *kernels, scale=np.sqrt(1.5 / depth))]
        if rng.random() < 0.7:
            inputs.append(self.floats(outputs, scale=0.2))
        attributes = {"kernel_shape": kernels, "group": group, "strides": strides, "dilations": dilations}
        if all(d == 1 for d in dilations) and rng.random() < 0.1:
            attributes["auto_pad"] = pick(rng, "SAME_UPPER", "SAME_LOWER")
            extents = [-(-extent // stride) for extent, stride in zip(self.spatial, strides)]
        else:
            attributes["pads"] = before + after
        self.op("Conv", *inputs, **attributes)
        self.shape = [1, outputs, *extents]

    def depthwise(self):
        self.conv(self.channels * pick(self.rng, 1, 1, 2), group=self.channels)

    def norm(self):
        parameters = [self.rng.uniform(0.5, 1.5, self.channels), self.rng.normal(0, 0.3, self.channels)]
        parameters += [self.rng.normal(0, 0.2, self.channels), self.rng.uniform(0.5, 2, self.channels)]
        self.op("BatchNormalization", self.x, *[self.constant(p.astype(np.float32)) for p in parameters])

    def activation(self):
        rng = self.rng
        kind = pick(rng, "Relu", "Relu", "Relu6", "HardSwish", "Sigmoid", "Tanh", "SiLU", "LeakyRelu", "PRelu", "Elu", "Clip")
        if kind == "Relu6":
            self.op("Clip", self.x, self.constant(np.float32(0)), self.constant(np.float32(6)))
        elif kind == "Clip":
            self.op("Clip", self.x, self.constant(np.float32(-1)), self.constant(np.float32(1.5)))
        elif kind == "SiLU":
            start = self.x
            self.op("Mul", start, self.op("Sigmoid"))
        elif kind == "LeakyRelu":
            self.op("LeakyRelu", alpha=0.1)
        elif kind == "PRelu":
            self.op("PRelu", self.x, self.constant(np.full((1,) * (len(self.shape) - 1), 0.2, np.float32)))
        else:
            self.op(kind)

    def residual(self):
        start, shape = self.x, list(self.shape)
        self.conv(self.channels, same=True)
        if self.rng.random() < 0.5:
            self.norm()
        if self.rng.random() < 0.7:
            self.activation()
        self.shape = shape
        self.op(pick(self.rng, "Add", "Add", "Add", "Sub", "Mul"), *self.either(start, self.x))

    def either(self, a, b):
        return (a, b) if self.rng.random() < 0.5 else (b, a)

    def squeeze_excite(self):
        start, shape = self.x, list(self.shape)
        self.op("GlobalAveragePool") if self.rng.random() < 0.5 else self.mean(list(range(2, len(shape))), 1)
        self.shape = [1, self.channels] + [1] * len(self.spatial)
        self.conv(4, kernel=1)
        self.op("Relu")
        self.conv(shape[1], kernel=1)
        gate = self.op(pick(self.rng, "Sigmoid", "HardSigmoid"))
        self.op("Mul", *self.either(start, gate))
        self.shape = shape

    def broadcast_add(self):
        if len(self.spatial) < 2:
            return self.residual()
        start, shape = self.x, list(self.shape)
        axis = pick(self.rng, 2, 3)
        self.mean([axis], 1)
        self.op("Add", *self.either(start, self.x))
        self.shape = shape

    def mean(self, axes, keep):
        self.op("ReduceMean", axes=axes, keepdims=keep)

    def pool(self):
        kind = pick(self.rng, "MaxPool", "AveragePool")
        sizes = [1, 2, 3] if kind == "MaxPool" else [1, 3]
        kernels = [pick(self.rng, *[size for size in sizes if size <= extent]) for extent in self.spatial]
        strides = [pick(self.rng, 1, 2) for _ in kernels]
        pads = [int(self.rng.integers(0, k)) if self.rng.random() < 0.3 else 0 for k in kernels + kernels]
        attributes = {}
        if kind == "AveragePool":
            # onnxruntime gives a mean the scale of what it is taken of. Means of an even number of values then lie half-way between
            # two steps, and its floats round them either way: an odd number is divided by everywhere.
            if self.rng.random() < 0.5:
                attributes["count_include_pad"] = 1
            else:
                pads = [0] * len(pads)
        half = len(kernels)
        extents = [(e + pads[i] + pads[i + half] - kernels[i]) // strides[i] + 1 for i, e in enumerate(self.spatial)]
        self.op(kind, kernel_shape=kernels, strides=strides, pads=pads, **attributes)
        self.shape = [1, self.channels, *extents]

    def pad(self):
        counts = [0] * (2 * len(self.shape))
        for index in range(len(self.spatial)):
            counts[2 + index], counts[2 + index + len(self.shape)] = (int(v) for v in self.rng.integers(0, 3, 2))
            self.shape[2 + index] += counts[2 + index] + counts[2 + index + len(self.shape)]
        self.op("Pad", self.x, self.constant(np.array(counts, np.int64)))

    def cut(self):
        axis = int(self.rng.integers(1, len(self.shape)))
        extent = self.shape[axis]
        if extent < 3:
            return
        first, last = 1, extent - int(self.rng.integers(0, 2))
        self.op("Slice", self.x, *[self.constant(np.array([v], np.int64)) for v in (first, last, axis)])
        self.shape[axis] = last - first

    def split(self):
        if self.channels % 2:
            return
        halves = self.op("Split", self.x, self.constant(np.array([self.channels // 2] * 2, np.int64)), outputs=2, axis=1)
        changed = self.op(pick(self.rng, "Relu", "Tanh", "Sigmoid"), halves[0])
        self.op("Concat", *self.either(changed, halves[1]), axis=1)

    def dense(self):
        start, shape = self.x, list(self.shape)
        self.conv(4, same=True)
        self.activation()
        self.op("Concat", start, self.x, axis=1)
        self.shape = [1, shape[1] + 4, *shape[2:]]

    def constants_by_channel(self):
        kind = pick(self.rng, "Add", "Mul")
        self.op(kind, self.x, self.floats(1, self.channels, *[1] * len(self.spatial)))

    def turned(self):
        """To channels last and back, with something between."""
        order = [0, *range(2, len(self.shape)), 1]
        self.op("Transpose", perm=order)
        self.op(pick(self.rng, "Relu", "Tanh"))
        self.op("Transpose", perm=[0, len(self.shape) - 1, *range(1, len(self.shape) - 1)])

    def end(self):
        """Pooled or flattened, then an answer."""
        kind = pick(self.rng, "mean", "global", "flatten", "maximum")
        axes = list(range(2, len(self.shape)))
        if kind == "flatten" and int(np.prod(self.shape)) <= 400:
            self.op("Flatten")
            depth = int(np.prod(self.shape))
        else:
            depth = self.channels
            if kind == "mean":
                self.mean(axes, 0)
            else:
                self.op("GlobalMaxPool" if kind == "maximum" else "GlobalAveragePool")
                self.op("Flatten")
        if self.rng.random() < 0.5:
            transposed = self.rng.random() < 0.5
            weights = self.floats(*((OUTPUTS, depth) if transposed else (depth, OUTPUTS)), scale=1 / np.sqrt(depth))
            self.op("Gemm", self.x, weights, self.floats(OUTPUTS, scale=0.2), transB=int(transposed))
        else:
            self.op("MatMul", self.x, self.floats(depth, OUTPUTS, scale=1 / np.sqrt(depth)))
            if self.rng.random() < 0.7:
                self.op("Add", self.x, self.floats(OUTPUTS, scale=0.2))

    def model(self):
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, self.features)],
            [helper.make_tensor_value_info(self.x, TensorProto.FLOAT, [1, OUTPUTS])],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8, producer_name="")
        onnx.checker.check_model(model, full_check=True)
        return model


PARTS = [
    Net.conv, Net.conv, Net.depthwise, Net.norm, Net.activation, Net.residual, Net.squeeze_excite, Net.broadcast_add, Net.pool,
    Net.pad, Net.cut, Net.split, Net.dense, Net.constants_by_channel, Net.turned,
]  # fmt: skip


def draw(rng):
    """A random float network: its frames, features and graph."""
    frames, features = int(rng.integers(8, 30)), int(rng.integers(4, 13))
    while frames == features:
        frames += 1
    shape = pick(rng, [1, features, frames], [1, 1, frames, features], [1, 1, features, frames])
    net = Net(rng, shape)
    net.conv()
    for _ in range(int(rng.integers(1, 5))):
        PARTS[int(rng.integers(len(PARTS)))](net)
    net.end()
    return frames, features, net


class Reader(CalibrationDataReader):
    def __init__(self, shape, rng):
        self.left = iter([{"features": rng.normal(0, 1, shape).astype(np.float32)} for _ in range(16)])

    def get_next(self):
        return next(self.left, None)


class Quantised:
    """A random network that onnxruntime has quantised; has what `run` of graph.py needs of a case."""

    def __init__(self, rng, number, form):
        ort.set_default_logger_severity(3)
        logging.disable(logging.WARNING)
        self.frames, self.features, net = draw(rng)
        self.name, self.shape = f"{form} {number}", net.features
        activations = pick(rng, QuantType.QInt8, QuantType.QUInt8)
        options = {"ActivationSymmetric": bool(rng.random() < 0.2), "WeightSymmetric": True}
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "float.onnx", Path(folder) / "quantised.onnx"
            onnx.save(net.model(), source)
            quantize_static(
                source,
                target,
                Reader(net.features, rng),
                quant_format=QuantFormat.QOperator if form == "qoperator" else QuantFormat.QDQ,
                per_channel=bool(rng.random() < 0.5),
                activation_type=activations,
                weight_type=QuantType.QInt8,
                extra_options=options,
            )
            self.graph = onnx.load(target)
        if form == "fake_quantised":
            fake_quantised(self.graph)
        del self.graph.metadata_props[:], self.graph.graph.value_info[:]
        values = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.graph.initializer}
        first = next(node for node in self.graph.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "features")
        self.scale, zero_point = np.float32(values[first.input[1]]), values[first.input[2]]
        offset = 128 if zero_point.dtype == np.uint8 else 0
        self.zero_point = np.int8(int(zero_point) - offset)
        last = next(node for node in self.graph.graph.node if node.output[0] == self.graph.graph.output[0].name)
        if last.op_type != "DequantizeLinear":
            raise ValueError("its output is not quantised")
        zero_point = values[last.input[2]]
        self.output = (np.float32(values[last.input[1]]), int(zero_point) - (128 if zero_point.dtype == np.uint8 else 0), OUTPUTS)
        self.result = last.output[0]

    def arranged(self, window):
        long = [extent for extent in self.shape if extent > 1]
        features_first = long == [self.features, self.frames]
        return (window.T if features_first else window).reshape(self.shape)

    def model(self):
        return self.graph.SerializeToString()


def fake_quantised(model):
    """Weights as PyTorch's FakeQuantize leaves them: real numbers, which QuantizeLinear rounds in the graph; biases real."""
    graph = model.graph
    values = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        constant = values.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if constant is None:
            nodes.append(node)
            continue
        array, scale = numpy_helper.to_array(constant), numpy_helper.to_array(values[node.input[1]])
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
        spread = scale.reshape([-1 if index == axis else 1 for index in range(array.ndim)]) if scale.ndim else scale
        zero = numpy_helper.to_array(values[node.input[2]]).astype(np.int32)
        real = ((array.astype(np.int32) - zero.reshape(spread.shape)) * spread).astype(np.float32)
        if array.dtype == np.int32:
            graph.initializer.append(numpy_helper.from_array(real, node.output[0]))
            continue
        graph.initializer.append(numpy_helper.from_array(real, f"{node.output[0]}.real"))
        rounded = f"{node.output[0]}.rounded"
        rounding = helper.make_node("QuantizeLinear", [f"{node.output[0]}.real", *node.input[1:]], [rounded], name=rounded)
        rounding.attribute.extend(node.attribute)
        node.input[0] = rounded
        nodes += [rounding, node]
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def quantised(form):
    def make(rng, number):
        while True:
            try:
                return Quantised(rng, number, form)
            except (ValueError, StopIteration):
                # onnxruntime leaves some graphs' first or last operator in real numbers.
                continue

    return make
