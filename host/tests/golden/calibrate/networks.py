"""Random float networks of everything that `earmark compile --calibrate` takes, and of some things that it refuses."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "ops"))
from random_network import OUTPUTS, Net, pick  # noqa: E402


class FloatNet(Net):
    """A float graph under construction, of more than what onnxruntime quantises."""

    def number(self, value):
        return self.constant(np.float32(value))

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    # What a network is made of. Each leaves a tensor with the same number of axes.

    def activation(self):
        kind = pick(self.rng, "old", "old", "PReluChannels", "Gelu", "GeluTanh", "HardSigmoid", "Softplus", "Selu", "Mish", "Abs", "SquaredRelu")
        x = self.x
        if kind == "old":
            super().activation()
        elif kind == "PReluChannels":
            slopes = self.rng.uniform(-0.2, 0.9, (self.channels, *[1] * len(self.spatial)))
            self.op("PRelu", x, self.constant(slopes.astype(np.float32)))
        elif kind == "Gelu":
            self.op("Erf", self.op("Div", x, self.number(np.sqrt(2))))
            self.op("Mul", self.op("Mul", x, self.op("Add", self.x, self.number(1))), self.number(0.5))
        elif kind == "GeluTanh":
            cubed = self.op("Mul", self.op("Pow", x, self.number(3)), self.number(0.044715))
            self.op("Tanh", self.op("Mul", self.op("Add", x, cubed), self.number(np.sqrt(2 / np.pi))))
            self.op("Mul", x, self.op("Mul", self.op("Add", self.x, self.number(1)), self.number(0.5)))
        elif kind == "Mish":
            self.op("Mul", x, self.op("Tanh", self.op("Softplus", x)))
        elif kind == "SquaredRelu":
            self.op("Pow", self.op("Relu", x), self.number(2))
        else:
            self.op(kind)

    def pool(self):
        """Windows of any size, and rounding up."""
        kind = pick(self.rng, "MaxPool", "AveragePool")
        kernels = [int(self.rng.integers(1, min(extent, 4) + 1)) for extent in self.spatial]
        strides = [pick(self.rng, 1, 2) for _ in kernels]
        pads = [int(self.rng.integers(0, k)) if self.rng.random() < 0.3 else 0 for k in kernels + kernels]
        attributes = {}
        if kind == "AveragePool" and self.rng.random() < 0.5:
            attributes["count_include_pad"] = 1
        half, up = len(kernels), self.rng.random() < 0.15
        if up:
            pads, attributes = [0] * len(pads), {"ceil_mode": 1}
        extents = []
        for i, extent in enumerate(self.spatial):
            rest = extent + pads[i] + pads[i + half] - kernels[i]
            extents.append((-(-rest // strides[i]) if up else rest // strides[i]) + 1)
            if up and (extents[-1] - 1) * strides[i] >= extent:
                extents[-1] -= 1
        self.op(kind, kernel_shape=kernels, strides=strides, pads=pads, **attributes)
        self.shape = [1, self.channels, *extents]

    def mean(self, axes, keep):
        """In the forms of different exporters."""
        kind = pick(self.rng, "ReduceMean", "ReduceMean", "ReduceMax", "ReduceSum")
        axes = [axis if self.rng.random() < 0.5 else axis - len(self.shape) for axis in axes]
        if kind == "ReduceSum":
            extent = int(np.prod([self.shape[axis] for axis in axes]))
            self.op("ReduceSum", self.x, self.integers(*axes), keepdims=keep)
            self.op("Div", self.x, self.number(extent))
        else:
            self.op(kind, axes=axes, keepdims=keep)

    def average_over_axis(self):
        """One axis away, and back as an extent of 1."""
        axis = int(self.rng.integers(2, len(self.shape)))
        self.mean([axis], 1)
        self.shape[axis] = 1

    def channels_average(self):
        """The mean over channels as a gate (spatial attention)."""
        start = self.x
        self.op("ReduceMean", axes=[1], keepdims=1)
        gate = self.op("Sigmoid")
        self.op("Mul", *self.either(start, gate))

    def nary(self):
        """Sum or Mean of two or three branches."""
        branches, shape = [self.x], list(self.shape)
        start = self.x
        for _ in range(int(self.rng.integers(1, 3))):
            self.x, self.shape = start, list(shape)
            self.conv(self.channels, same=True)
            branches.append(self.x)
        self.op(pick(self.rng, "Sum", "Mean"), *branches)
        self.shape = shape

    def cut(self):
        rng = self.rng
        axis = int(rng.integers(1, len(self.shape)))
        extent = self.shape[axis]
        if extent < 3:
            return
        first, last = int(rng.integers(0, 2)), extent - int(rng.integers(0, 2))
        kind = pick(rng, "plain", "negative", "two")
        if kind == "two" and self.shape[-1] > 3 and axis != len(self.shape) - 1:
            constants = [self.integers(first, 1), self.integers(last, 2**31 - 1), self.integers(axis, -1)]
            self.shape[-1] -= 1
        elif kind == "negative" and last < extent:
            constants = [self.integers(first), self.integers(last - extent), self.integers(axis - len(self.shape))]
        else:
            constants = [self.integers(first), self.integers(last), self.integers(axis)]
        self.op("Slice", self.x, *constants)
        self.shape[axis] = last - first

    def split(self):
        """Parts of any size along any axis, changed and joined again, in any order."""
        rng = self.rng
        axis = int(rng.integers(1, len(self.shape)))
        if self.shape[axis] < 2:
            return
        first = int(rng.integers(1, self.shape[axis]))
        parts = self.op("Split", self.x, self.integers(first, self.shape[axis] - first), outputs=2, axis=axis)
        changed = self.op(pick(rng, "Relu", "Tanh", "Sigmoid", "Identity"), parts[0])
        self.op("Concat", *self.either(changed, parts[1]), axis=axis)

    def gather(self):
        """One place along an axis, which goes away and comes back."""
        axis = int(self.rng.integers(1, len(self.shape)))
        place = int(self.rng.integers(-self.shape[axis], self.shape[axis]))
        self.op("Gather", self.x, self.constant(np.int64(place)), axis=axis)
        self.op("Unsqueeze", self.x, self.integers(axis))
        self.shape[axis] = 1

    def gated(self):
        """A gated linear unit: one half of the channels opens the other."""
        self.conv(2 * int(self.rng.integers(2, 6)), same=True)
        value, gate = self.op("Split", self.x, self.integers(self.channels // 2, self.channels // 2), outputs=2, axis=1)
        self.op("Mul", value, self.op(pick(self.rng, "Sigmoid", "Tanh"), gate))
        self.shape[1] //= 2

    def whole_constant(self):
        """A number of its own for each value, or for each place along an axis: embeddings of positions, norms by band."""
        shape = [1, *[extent if self.rng.random() < 0.6 else 1 for extent in self.shape[1:]]]
        kind = pick(self.rng, "Add", "Mul", "Sub", "Div")
        values = self.rng.uniform(0.5, 2, shape) if kind == "Div" else self.rng.normal(0, 1, shape)
        self.op(kind, self.x, self.constant(values.astype(np.float32)))

    def sub_spectral(self):
        """A batch norm for each of some bands of frequency, as BC-ResNet has it."""
        if len(self.spatial) < 2 or self.shape[2] % 2:
            return
        shape, channels = list(self.shape), self.channels
        self.op("Reshape", self.x, self.integers(1, channels * 2, shape[2] // 2, shape[3]))
        self.shape = [1, channels * 2, shape[2] // 2, shape[3]]
        self.norm()
        self.op("Reshape", self.x, self.integers(*shape))
        self.shape = shape

    def last_axis_product(self):
        """Channels last, a matrix product over them, and back."""
        rng, rank = self.rng, len(self.shape)
        outputs = int(rng.integers(2, 10))
        self.op("Transpose", perm=[0, *range(2, rank), 1])
        self.op("MatMul", self.x, self.floats(self.channels, outputs, scale=1 / np.sqrt(self.channels)))
        if rng.random() < 0.7:
            self.op("Add", self.x, self.floats(outputs, scale=0.2))
        if rng.random() < 0.5:
            self.op("Relu")
        self.op("Transpose", perm=[0, rank - 1, *range(1, rank - 1)])
        self.shape[1] = outputs

    def other_axis_product(self):
        """A matrix product over the last axis, whatever it is: it mixes time or frequency."""
        extent, outputs = self.shape[-1], int(self.rng.integers(2, 10))
        self.op("MatMul", self.x, self.floats(extent, outputs, scale=1 / np.sqrt(extent)))
        self.shape[-1] = outputs

    def shuffled(self):
        """Channels shuffled in groups (ShuffleNet)."""
        if self.channels % 2 or self.channels < 4:
            return
        shape, half = list(self.shape), self.channels // 2
        self.op("Reshape", self.x, self.integers(1, 2, half, *shape[2:]))
        self.op("Transpose", perm=[0, 2, 1, *range(3, len(shape) + 1)])
        self.op("Reshape", self.x, self.integers(*shape))

    def crossed(self):
        """Two axes change places for good: what was time is frequency, or channels."""
        order = list(self.rng.permutation(np.arange(1, len(self.shape))))
        self.op("Transpose", perm=[0, *(int(axis) for axis in order)])
        self.shape = [1, *(self.shape[axis] for axis in order)]

    def folded(self):
        """Frequency becomes a part of the channels, or the other way round."""
        if len(self.spatial) == 2:
            channels = self.channels * self.shape[2]
            if channels > 60:
                return
            self.op("Reshape", self.x, self.integers(1, channels, 1, -1))
            self.shape = [1, channels, 1, self.shape[3]]
        elif self.channels % 2 == 0:
            channels, time = self.channels // 2, self.shape[2]
            self.op("Reshape", self.x, self.integers(1, channels, time * 2))
            self.shape = [1, channels, time * 2]

    def unsqueezed(self):
        """A convolution over time written as one over two axes, the other of extent 1."""
        if len(self.spatial) != 1:
            return
        axis = pick(self.rng, 2, 3)
        self.op("Unsqueeze", self.x, self.integers(axis))
        self.shape.insert(axis, 1)
        self.conv(most_kernel=4, same=True)
        if self.rng.random() < 0.5:
            self.activation()
        self.op("Squeeze", self.x, self.integers(axis))
        del self.shape[axis]

    def grouped(self):
        divisors = [group for group in (2, 3, 4) if self.channels % group == 0]
        group = pick(self.rng, *divisors) if divisors else 1
        self.conv(group * int(self.rng.integers(1, 5)), group=group)

    def dropout(self):
        self.op(pick(self.rng, "Dropout", "Identity"))

    def pad(self):
        rng = self.rng
        if rng.random() < 0.7:
            return super().pad()
        counts, axis = [0] * (2 * len(self.shape)), int(rng.integers(1, len(self.shape)))
        counts[axis], counts[axis + len(self.shape)] = 1, 2
        self.op("Pad", self.x, self.constant(np.array(counts, np.int64)), self.number(pick(rng, 0, -0.7, 1.3)))
        self.shape[axis] += 3

    def unsupported(self):
        """What there is no operator for: it must be refused by its name."""
        kind = pick(self.rng, "Softmax", "InstanceNormalization", "LpPool", "LRN", "Slice", "CumSum", "Div")
        if kind == "InstanceNormalization":
            ones = self.constant(np.ones(self.channels, np.float32))
            self.op(kind, self.x, ones, ones)
        elif kind == "LpPool":
            self.op(kind, kernel_shape=[1] * len(self.spatial), p=2)
        elif kind == "LRN" and len(self.spatial) == 2:
            self.op(kind, size=3)
        elif kind == "Slice":
            self.op(kind, self.x, self.integers(0), self.integers(self.shape[-1]), self.integers(-1), self.integers(2))
            self.shape[-1] = -(-self.shape[-1] // 2)
        elif kind == "CumSum":
            self.op(kind, self.x, self.constant(np.int64(2)))
        elif kind == "Div":
            start, shape = self.x, list(self.shape)
            self.conv(self.channels, same=True)
            self.op(kind, start, self.op("Add", self.op("Abs"), self.number(0.5)))
            self.shape = shape
        else:
            self.op("Softmax", axis=1)

    def end(self):
        if self.rng.random() < 0.8:
            super().end()
            if self.rng.random() < 0.3:
                self.op("Relu")
                self.op("Gemm", self.x, self.floats(OUTPUTS, OUTPUTS, scale=0.4), self.floats(OUTPUTS, scale=0.2))
        else:
            # A convolution over all that is left.
            self.conv(OUTPUTS, kernel=1)
            self.op("GlobalAveragePool") if self.rng.random() < 0.5 else self.mean(list(range(2, len(self.shape))), 1)
            if self.rng.random() < 0.5:
                self.op("Flatten")
            else:
                self.op("Reshape", self.x, self.integers(1, -1))
        if self.rng.random() < 0.4:
            kind = pick(self.rng, "Softmax", "Sigmoid")
            self.op(kind, **({"axis": 1} if kind == "Softmax" else {}))


COMMON = [
    "conv", "conv", "conv", "depthwise", "grouped", "norm", "activation", "activation", "residual", "squeeze_excite", "broadcast_add",
    "pool", "pad", "cut", "split", "dense", "constants_by_channel", "turned", "average_over_axis", "channels_average", "nary", "gather",
    "gated", "whole_constant", "sub_spectral", "last_axis_product", "unsqueezed", "dropout",
]  # fmt: skip
# What moves values about.
MOVING = ["other_axis_product", "shuffled", "crossed", "folded"]


def draw(rng):
    """A random float network: its frames, features, file, and the shape of its input."""
    while True:
        frames, features = int(rng.integers(8, 30)), int(rng.integers(4, 13))
        while frames == features:
            frames += 1
        net = FloatNet(rng, pick(rng, [1, features, frames], [1, 1, frames, features], [1, 1, features, frames]))
        if rng.random() < 0.3:
            pick(rng, FloatNet.norm, FloatNet.constants_by_channel, FloatNet.whole_constant)(net)
        if rng.random() < 0.9:
            net.conv()
        for _ in range(int(rng.integers(1, 7))):
            drawn = rng.random()
            name = "unsupported" if drawn < 0.02 else pick(rng, *MOVING) if drawn < 0.12 else pick(rng, *COMMON)
            getattr(net, name)()
            if min(net.shape) < 1:
                break
        if min(net.shape) < 1 or int(np.prod(net.shape)) > 20_000:
            continue
        net.end()
        return frames, features, net.model(), net.features
