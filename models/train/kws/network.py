"""The networks: a few two-dimensional convolutions over mel bands and time, then depthwise-separable ones over time with cropped
residuals.

No layer pads the time axis, so a device that has seen the frames before computes only what a new frame adds, and gets the
same numbers as over the whole window.
"""
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .frontend import FRAMES, MEL_BANDS

# Brings log-mel features near zero mean and unit variance; folded into the first convolution before quantisation.
INPUT_MEAN = -4.0
INPUT_SCALE = 4.0


@dataclass(frozen=True)
class Layer:
    """One convolution of the front, [bands, frames] each where there are two numbers."""

    channels: int  # it puts out; 0: depthwise
    kernel: tuple
    stride: tuple = (1, 1)
    padding: int = 0  # of the bands, at either end


@dataclass(frozen=True)
class Shape:
    """What a network is built from."""

    front: tuple  # of Layer; the last leaves one band
    kernels: tuple  # of the blocks' depthwise convolutions, in steps of their input
    strides: tuple  # of the same; a block with a stride has no residual

    @property
    def channels(self):
        """Of the blocks."""
        return [layer.channels for layer in self.front if layer.channels][-1]

    def frame_stride(self):
        """Frames from one step of the last layer to the next."""
        return math.prod(layer.stride[1] for layer in self.front) * math.prod(self.strides)

    def layers(self, labels):
        """Every convolution as (weights and biases, MACs of one output step, output steps in a window, output steps a second)."""
        found, bands, channels, steps, rate = [], MEL_BANDS, 1, FRAMES, 100.0

        def add(groups, outputs, kernel, stride, padding=0):
            nonlocal bands, channels, steps, rate
            bands = (bands + 2 * padding - kernel[0]) // stride[0] + 1
            steps = (steps - kernel[1]) // stride[1] + 1
            rate /= stride[1]
            weights = outputs * (channels // groups) * math.prod(kernel)
            found.append((weights + outputs, weights * bands, steps, rate))
            channels = outputs

        for layer in self.front:
            groups = 1 if layer.channels else channels
            add(groups, layer.channels or channels, layer.kernel, layer.stride, layer.padding)
        for kernel, stride in zip(self.kernels, self.strides):
            add(channels, channels, (1, kernel), (1, stride))
            add(1, channels, (1, 1), (1, 1))
        found.append(((channels + 1) * labels, channels * labels, 1, rate))
        return found

    def steps(self):
        """The length of the time axis where the blocks begin, and after each of them, for one window."""
        return [layer[2] for layer in self.layers(1)][len(self.front) - 1 : -1 : 2]

    def cost(self, labels):
        """(parameters, MACs of one window, MACs of one second of streaming)."""
        layers = self.layers(labels)
        return (
            sum(parameters for parameters, _, _, _ in layers),
            sum(macs * steps for _, macs, steps, _ in layers),
            round(sum(macs * rate for _, macs, _, rate in layers)),
        )

    def milliseconds(self):
        """From one decision to the next."""
        return 10 * self.frame_stride()

    def text(self):
        """For the card."""

        def stride(numbers):
            return f" stride {'×'.join(map(str, numbers))}" if max(numbers) > 1 else ""

        front = ", ".join(
            f"{layer.kernel[0]}×{layer.kernel[1]}{stride(layer.stride)} {f'to {layer.channels}' if layer.channels else 'depthwise'}"
            for layer in self.front
        )
        kernels = ", ".join(f"{k}{stride((s,))}" for k, s in zip(self.kernels, self.strides))
        return (
            f"log-mel 40 × 10 ms → convolutions (bands × frames) {front} → {len(self.kernels)} blocks of depthwise {kernels} + 1×1 over "
            f"{self.channels} channels, cropped residuals → mean → linear; no padding on the time axis"
        )


def over_bands(first, second, channels, more=0):
    """Two-dimensional at first: the same filters at every pitch and vocal tract; then all bands at once.

    `more`: further depthwise-separable layers of two dimensions.
    """
    deeper = (Layer(0, (3, 3), (1, 1), 1), Layer(second, (1, 1))) * more
    return (
        Layer(first, (5, 5), (2, 2)),
        Layer(0, (3, 3), (2, 1), 1),
        Layer(second, (1, 1)),
        *deeper,
        Layer(channels, (9, 1)),
    )


SHAPES = {
    "commands-s": Shape(over_bands(8, 24, 56), (5, 3, 3, 3, 5), (2, 1, 1, 1, 1)),
    "commands-m": Shape(over_bands(16, 40, 104, more=1), (3, 3, 3, 3, 7), (2, 1, 1, 1, 1)),
}


def no_tap(_name, x):
    """Leaves an activation as it is; quantisation puts its own function in its place."""
    return x


class ConvNorm(nn.Sequential):
    """A convolution without bias, then batch norm (which `quantise.fold` merges into the convolution)."""

    def __init__(self, inputs, outputs, kernel, stride=(1, 1), padding=0, groups=1):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, (padding, 0), groups=groups, bias=False), nn.BatchNorm2d(outputs)
        )


class Block(nn.Module):
    """Depthwise over time, 1×1 across channels, plus the input cropped to what is left of the time axis."""

    def __init__(self, channels, kernel, stride):
        super().__init__()
        self.crop = kernel // 2
        self.residual = stride == 1
        self.depthwise = ConvNorm(channels, channels, (1, kernel), (1, stride), groups=channels)
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
        self.front = nn.ModuleList()
        channels = 1
        for layer in shape.front:
            outputs = layer.channels or channels
            groups = 1 if layer.channels else channels
            self.front.append(ConvNorm(channels, outputs, layer.kernel, layer.stride, layer.padding, groups))
            channels = outputs
        self.blocks = nn.ModuleList(Block(channels, k, stride) for k, stride in zip(shape.kernels, shape.strides))
        self.classifier = nn.Conv2d(channels, labels, 1)
        self.register_buffer("input_mean", torch.tensor(INPUT_MEAN))
        self.register_buffer("input_scale", torch.tensor(INPUT_SCALE))
        self.tap = no_tap

    def forward(self, features):
        tap = self.tap
        x = (tap("features", features[:, None]) - self.input_mean) / self.input_scale
        for i, layer in enumerate(self.front):
            x = tap(f"front{i}", functional.relu(layer(x)))
        for i, block in enumerate(self.blocks):
            x = block(x, f"block{i}", tap)
        x = tap("pool", x.mean(dim=3, keepdim=True))
        return tap("logits", self.classifier(x)[:, :, 0, 0])
