"""The network: depthwise-separable convolutions over time with cropped residuals.

No layer pads the time axis, so a device that has seen the frames before computes only what a new frame adds, and gets the
same numbers as over the whole window.
"""
import torch
from torch import nn
from torch.nn import functional

from .frontend import FRAMES, MEL_BANDS
from .vocabulary import LABELS

STEM_KERNEL = 5
STEM_STRIDE = 2
KERNELS = (5, 7, 7, 9, 9)  # of the depthwise convolutions, in frames of the stem's output

# Brings log-mel features near zero mean and unit variance; folded into the stem before quantisation.
INPUT_MEAN = -4.0
INPUT_SCALE = 4.0


def no_tap(_name, x):
    """Leaves an activation as it is; quantisation puts its own function in its place."""
    return x


class ConvNorm(nn.Sequential):
    """A convolution without bias, then batch norm (which `quantise.fold` merges into the convolution)."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__(
            nn.Conv1d(inputs, outputs, kernel, stride, groups=groups, bias=False), nn.BatchNorm1d(outputs)
        )


class Block(nn.Module):
    """Depthwise over time, 1×1 across channels, plus the input cropped to what is left of the time axis."""

    def __init__(self, channels, kernel):
        super().__init__()
        self.crop = kernel // 2
        self.depthwise = ConvNorm(channels, channels, kernel, groups=channels)
        self.pointwise = ConvNorm(channels, channels, 1)

    def forward(self, x, name, tap):
        y = tap(f"{name}.depthwise", functional.relu(self.depthwise(x)))
        y = tap(f"{name}.pointwise", self.pointwise(y))
        return tap(name, functional.relu(y + x[:, :, self.crop : -self.crop]))


class KeywordNet(nn.Module):
    """Features [N, MEL_BANDS, FRAMES] → logits [N, labels].

    `tap(name, activation)` sees every activation that is stored as int8 on the device.
    """

    def __init__(self, channels, labels=len(LABELS)):
        super().__init__()
        self.channels = channels
        self.stem = ConvNorm(MEL_BANDS, channels, STEM_KERNEL, STEM_STRIDE)
        self.blocks = nn.ModuleList(Block(channels, kernel) for kernel in KERNELS)
        self.classifier = nn.Conv1d(channels, labels, 1)
        self.register_buffer("input_mean", torch.tensor(INPUT_MEAN))
        self.register_buffer("input_scale", torch.tensor(INPUT_SCALE))
        self.tap = no_tap

    def forward(self, features):
        tap = self.tap
        x = (tap("features", features) - self.input_mean) / self.input_scale
        x = tap("stem", functional.relu(self.stem(x)))
        for i, block in enumerate(self.blocks):
            x = block(x, f"block{i}", tap)
        x = tap("pool", x.mean(dim=2, keepdim=True))
        return tap("logits", self.classifier(x).squeeze(2))


def cost(channels, labels=len(LABELS)):
    """(parameters, MACs of one window, MACs of one second of streaming)."""
    steps = (FRAMES - STEM_KERNEL) // STEM_STRIDE + 1
    layers = [(MEL_BANDS * STEM_KERNEL, channels, steps)]
    for kernel in KERNELS:
        steps -= kernel - 1
        layers += [(kernel, channels, steps), (channels, channels, steps)]
    layers.append((channels, labels, 1))
    parameters = sum((inputs + 1) * outputs for inputs, outputs, _ in layers)
    window = sum(inputs * outputs * steps for inputs, outputs, steps in layers)
    steps_a_second = 100 // STEM_STRIDE
    return parameters, window, steps_a_second * sum(inputs * outputs for inputs, outputs, _ in layers)
