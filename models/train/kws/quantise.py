"""int8: batch norm folded, ranges calibrated, rounding simulated.

The scheme is the one the device runs: activations int8 with one scale and zero point a tensor, weights int8 with one scale an
output channel and zero point 0, biases int32.
"""
import copy

import torch
from torch import nn

from .network import ConvNorm, TimeConv

# Share of the values of a tensor that may saturate at either end of its calibrated range.
CLIPPED = 2e-5


def fold(net):
    """A copy of `net`, in evaluation mode, with batch norm and input normalisation merged into the convolutions."""
    net = copy.deepcopy(net).eval()
    for module in [m for m in net.modules() if isinstance(m, ConvNorm)]:
        conv, norm = module
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        merged = TimeConv(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, groups=conv.groups, bias=True)
        merged.weight.data = (conv.weight * factor[:, None, None]).detach()
        merged.bias.data = (norm.bias - norm.running_mean * factor).detach()
        module[0], module[1] = merged, nn.Identity()
    stem = net.stem[0]
    stem.weight.data /= net.input_scale
    stem.bias.data -= stem.weight.data.sum(dim=(1, 2)) * net.input_mean
    net.input_mean.zero_()
    net.input_scale.fill_(1.0)
    return net


def pointwise_name(i, block):
    """The activation that block i's 1×1 convolution writes: what is added to the residual, or the block's result."""
    return f"block{i}.pointwise" if block.residual else f"block{i}"


def convolutions(net):
    """Every convolution of a folded network, by the name of the activation it writes."""
    found = {"stem": net.stem[0]}
    for i, block in enumerate(net.blocks):
        found[f"block{i}.depthwise"] = block.depthwise[0]
        found[pointwise_name(i, block)] = block.pointwise[0]
    return found | {"logits": net.classifier}


def weight_scales(weight):
    """One scale an output channel, so that the largest weight becomes ±127."""
    return weight.detach().abs().amax(dim=(1, 2)).clamp(min=1e-8) / 127.0


def activation_parameters(low, high):
    """(scale, zero point) of the int8 tensor that covers low…high; zero is always a value of it."""
    low, high = min(low, 0.0), max(high, 1e-6)
    scale = (high - low) / 255.0
    return scale, max(-128, min(127, round(-128 - low / scale)))


class Calibration:
    """A tap that notes the range of every activation over the batches it sees."""

    def __init__(self):
        self.ranges = {}

    def __call__(self, name, x):
        values = x.detach().flatten()
        k = max(1, int(CLIPPED * values.numel()))
        low = -torch.topk(-values, k).values[-1].item()
        high = torch.topk(values, k).values[-1].item()
        seen = self.ranges.get(name, (low, high))
        self.ranges[name] = (min(seen[0], low), max(seen[1], high))
        return x

    def parameters(self):
        """{name: (scale, zero point)}."""
        return {name: activation_parameters(*seen) for name, seen in self.ranges.items()}


class RoundActivations:
    """A tap that rounds (ties to even) and saturates every activation as int8 does."""

    def __init__(self, parameters):
        self.parameters = parameters

    def __call__(self, name, x):
        scale, zero = self.parameters[name]
        return torch.round(x / scale).clamp(-128 - zero, 127 - zero) * scale


def weight_steps(weight):
    """(int8 values as floats, scales) of a convolution's weights."""
    scales = weight_scales(weight)
    return torch.round(weight.detach() / scales[:, None, None]), scales


def quantise(net, batches):
    """A folded copy of `net` that rounds weights and activations as the device does.

    The ranges of its activations (`.tap.parameters`) are taken from batches of features.
    """
    folded = fold(net)
    calibration = Calibration()
    folded.tap = calibration
    with torch.no_grad():
        for features in batches:
            folded(features)
    folded.tap = RoundActivations(calibration.parameters())
    for conv in convolutions(folded).values():
        steps, scales = weight_steps(conv.weight)
        conv.weight.data = steps * scales[:, None, None]
    return folded
