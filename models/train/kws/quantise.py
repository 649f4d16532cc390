"""int8: batch norm folded, ranges calibrated, rounding simulated.

The scheme is the one the device runs: activations int8 with one scale and zero point a tensor, weights int8 with one scale an
output channel and zero point 0, biases int32.
"""
import copy

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .network import ConvNorm

# Share of the values of a tensor that may saturate at either end of its calibrated range.
CLIPPED = 2e-5


class FoldedConv(nn.Conv2d):
    """A convolution that can compute with its weights as they will be rounded."""

    rounds = False

    def __init__(self, conv):
        super().__init__(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, groups=conv.groups)
        self.weight.data, self.bias.data = conv.weight.detach().clone(), conv.bias.detach().clone()

    def forward(self, x):
        weight = rounded_weight(self.weight) if self.rounds else self.weight
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding, groups=self.groups)


def fold(net):
    """A copy of `net`, in evaluation mode, with batch norm and input normalisation merged into the convolutions."""
    net = copy.deepcopy(net).eval()
    for module in [m for m in net.modules() if isinstance(m, ConvNorm)]:
        module[0], module[1] = FoldedConv(fuse_conv_bn_eval(*module)), nn.Identity()
    net.classifier = FoldedConv(net.classifier)
    first = net.front[0][0]
    if any(first.padding):
        raise ValueError("the first convolution pads with zeros, which are not the features' mean")
    first.weight.data /= net.input_scale
    first.bias.data -= first.weight.data.sum(dim=(1, 2, 3)) * net.input_mean
    net.input_mean.zero_()
    net.input_scale.fill_(1.0)
    return net


def pointwise_name(i, block):
    """The activation that block i's 1×1 convolution writes: what is added to the residual, or the block's result."""
    return f"block{i}.pointwise" if block.residual else f"block{i}"


def convolutions(net):
    """Every convolution of a folded network, by the name of the activation it writes."""
    found = {f"front{i}": layer[0] for i, layer in enumerate(net.front)}
    for i, block in enumerate(net.blocks):
        found[f"block{i}.depthwise"] = block.depthwise[0]
        found[pointwise_name(i, block)] = block.pointwise[0]
    return found | {"logits": net.classifier}


def weight_scales(weight):
    """One scale an output channel, so that the largest weight becomes ±127."""
    return weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-8) / 127.0


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


def passing_gradients(rounded, x):
    """`rounded` going forward, x going backward."""
    return x + (rounded - x).detach() if x.requires_grad else rounded


class RoundActivations:
    """A tap that rounds (ties to even) and saturates every activation as int8 does."""

    def __init__(self, parameters):
        self.parameters = parameters

    def __call__(self, name, x):
        scale, zero = self.parameters[name]
        saturated = x.clamp((-128 - zero) * scale, (127 - zero) * scale)
        return passing_gradients(torch.round(x / scale).clamp(-128 - zero, 127 - zero) * scale, saturated)


def weight_steps(weight):
    """(int8 values as floats, scales) of a convolution's weights."""
    scales = weight_scales(weight)
    return torch.round(weight.detach() / scales[:, None, None, None]), scales


def rounded_weight(weight):
    """Weights as they are stored."""
    steps, scales = weight_steps(weight)
    return passing_gradients(steps * scales[:, None, None, None], weight)


def aware(net, batches):
    """A folded copy of `net` to be trained further: it computes with weights and activations as the device rounds them.

    The ranges of its activations (`.tap.parameters`) are taken from batches of features and stay as they are.
    """
    folded = fold(net)
    folded.tap = calibration = Calibration()
    with torch.no_grad():
        for features in batches:
            folded(features)
    return rounding(folded, calibration.parameters())


def rounding(folded, parameters):
    """The folded network as it computes with activations rounded by {name: (scale, zero point)} and with rounded weights."""
    folded.tap = RoundActivations(parameters)
    for conv in convolutions(folded).values():
        conv.rounds = True
    return folded


def quantise(net, batches):
    """The network of `aware`, trained or not, with its weights rounded for good and the logits' range as it is by now."""
    net = copy.deepcopy(net).eval()
    for conv in convolutions(net).values():
        conv.weight.data = rounded_weight(conv.weight.data)
        conv.rounds = False
    rounded, calibration = net.tap, Calibration()
    net.tap = lambda name, x: calibration(name, x) if name == "logits" else rounded(name, x)
    with torch.no_grad():
        for features in batches:
            net(features)
    net.tap = RoundActivations(rounded.parameters | calibration.parameters())
    return net
