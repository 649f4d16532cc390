"""The networks: depthwise-separable convolutions over time with cropped residuals.

No layer pads the time axis, so a device that has seen the frames before computes only what a new frame adds, and gets the
same numbers as over the whole window.
"""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .frontend import FRAMES, MEL_BANDS

# Brings log-mel features near zero mean and unit variance; folded into the stem before quantisation.
INPUT_MEAN = -4.0
INPUT_SCALE = 4.0


@dataclass(frozen=True)
class Shape:
    """What a network is built from."""

    channels: int
    stem: int  # the first convolution's kernel, in frames; its stride is 2
    kernels: tuple  # of the depthwise convolutions, in steps of their input
    strides: tuple  # of the same; a block with a stride has no residual

    def steps(self):
        """The length of the time axis after the stem, and after each block, for one window."""
        found = [(FRAMES - self.stem) // 2 + 1]
        for kernel, stride in zip(self.kernels, self.strides):
            found.append((found[-1] - kernel) // stride + 1)
        return found

    def cost(self, labels):
        """(parameters, MACs of one window, MACs of one second of streaming)."""
        layers = [(MEL_BANDS * self.stem, self.channels)]
        steps, rate, rates = self.steps(), 50.0, [50.0]
        counts = [steps[0]]
        for kernel, stride, count in zip(self.kernels, self.strides, steps[1:]):
            rate /= stride
            layers += [(kernel, self.channels), (self.channels, self.channels)]
            counts += [count, count]
            rates += [rate, rate]
        layers.append((self.channels, labels))
        counts.append(1)
        rates.append(rate)
        parameters = sum((inputs + 1) * outputs for inputs, outputs in layers)
        window = sum(inputs * outputs * count for (inputs, outputs), count in zip(layers, counts))
        return parameters, window, round(sum(inputs * outputs * rate for (inputs, outputs), rate in zip(layers, rates)))

    def milliseconds(self):
        """From one decision to the next."""
        return 20 * math.prod(self.strides)

    def text(self):
        """For the card."""
        strided = [i for i, stride in enumerate(self.strides) if stride > 1]
        kernels = ", ".join(f"{k}{' (stride 2)' if i in strided else ''}" for i, k in enumerate(self.kernels))
        return (
            f"log-mel 40 × 10 ms → Conv1d {self.stem}, stride 2 → {len(self.kernels)} blocks of depthwise {kernels} + 1×1 over "
            f"{self.channels} channels, cropped residuals → mean → linear; no padding on the time axis"
        )


SHAPES = {
    "commands-s": Shape(64, 3, (5, 5, 5, 5, 5), (1, 2, 1, 1, 1)),
    "commands-m": Shape(108, 5, (5, 5, 5, 5, 3, 3), (1, 2, 1, 1, 1, 1)),
}
TEACHER = Shape(176, 5, (5, 5, 5, 5, 3, 3), (1, 2, 1, 1, 1, 1))


def no_tap(_name, x):
    """Leaves an activation as it is; quantisation puts its own function in its place."""
    return x


class TimeConv(nn.Conv1d):
    """A convolution over the last axis of [N, channels, 1, time], computed as one over images with the channels last in memory:
    several times as fast on a CPU."""

    def forward(self, x):
        return functional.conv2d(x, self.weight[:, :, None], self.bias, (1, self.stride[0]), groups=self.groups)


class ConvNorm(nn.Sequential):
    """A convolution without bias, then batch norm (which `quantise.fold` merges into the convolution)."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__(
            TimeConv(inputs, outputs, kernel, stride, groups=groups, bias=False), nn.BatchNorm2d(outputs)
        )


class Block(nn.Module):
    """Depthwise over time, 1×1 across channels, plus the input cropped to what is left of the time axis."""

    def __init__(self, channels, kernel, stride):
        super().__init__()
        self.crop = kernel // 2
        self.residual = stride == 1
        self.depthwise = ConvNorm(channels, channels, kernel, stride, groups=channels)
        self.pointwise = ConvNorm(channels, channels, 1)

    def forward(self, x, name, tap):
        y = tap(f"{name}.depthwise", functional.relu(self.depthwise(x)))
        y = self.pointwise(y)
        if not self.residual:
            return tap(name, functional.relu(y))
        return tap(name, functional.relu(tap(f"{name}.pointwise", y) + x[..., self.crop : -self.crop]))


class KeywordNet(nn.Module):
    """Features [N, MEL_BANDS, FRAMES] → logits [N, labels].

    `tap(name, activation)` sees every activation that is stored as int8 on the device.
    """

    def __init__(self, shape, labels):
        super().__init__()
        self.shape = shape
        self.stem = ConvNorm(MEL_BANDS, shape.channels, shape.stem, 2)
        self.blocks = nn.ModuleList(Block(shape.channels, k, stride) for k, stride in zip(shape.kernels, shape.strides))
        self.classifier = TimeConv(shape.channels, labels, 1)
        self.register_buffer("input_mean", torch.tensor(INPUT_MEAN))
        self.register_buffer("input_scale", torch.tensor(INPUT_SCALE))
        self.tap = no_tap

    def forward(self, features):
        tap = self.tap
        x = (tap("features", features[:, :, None]) - self.input_mean) / self.input_scale
        x = tap("stem", functional.relu(self.stem(x.contiguous(memory_format=torch.channels_last))))
        for i, block in enumerate(self.blocks):
            x = block(x, f"block{i}", tap)
        x = tap("pool", x.mean(dim=3, keepdim=True))
        return tap("logits", self.classifier(x)[:, :, 0, 0])
