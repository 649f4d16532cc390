"""The teacher: a residual network over mel bands and time, far too large for a device. Only its answers are used."""
import copy

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .network import INPUT_MEAN, INPUT_SCALE

CHANNELS = (32, 64, 128, 256)  # of the stages; each but the first halves bands and frames
BLOCKS = 2  # of a stage
DROPOUT = 0.2


class Residual(nn.Module):
    """Two 3×3 convolutions and what they are added to (He et al., arXiv:1512.03385)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.skip = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.skip(x))


class Teacher(nn.Module):
    """Features [N, MEL_BANDS, FRAMES] → logits [N, labels]."""

    def __init__(self, labels):
        super().__init__()
        self.stem = nn.Conv2d(1, CHANNELS[0], 5, (1, 2), 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(CHANNELS[0])
        layers, inputs = [], CHANNELS[0]
        for stage, outputs in enumerate(CHANNELS):
            for block in range(BLOCKS):
                layers.append(Residual(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(inputs, labels)

    def forward(self, features):
        x = ((features[:, None] - INPUT_MEAN) / INPUT_SCALE).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
            x = self.layers(functional.relu(self.stem_norm(self.stem(x))))
            x = x.float().mean((2, 3))
        return self.classifier(self.dropout(x))


def folded(net):
    """A teacher that answers the same but for bfloat16's rounding, in two thirds of the time on a CPU: batch norm merged into the
    convolutions, the weights rounded once instead of at every call."""
    net = copy.deepcopy(net).eval()

    def fold(module, convolution, norm):
        setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
        setattr(module, norm, nn.Identity())

    fold(net, "stem", "stem_norm")
    for layer in net.layers:
        fold(layer, "first", "first_norm")
        fold(layer, "second", "second_norm")
        if isinstance(layer.skip, nn.Sequential):
            fold(layer.skip, "0", "1")
    for part in (net.stem, net.layers):
        part.to(torch.bfloat16)
    return net
