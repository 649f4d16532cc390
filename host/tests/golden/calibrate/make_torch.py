#!/usr/bin/env python3
"""Makes small float networks as PyTorch exports them, by both of its exporters, and what onnxruntime answers: for the test of
`earmark compile --calibrate` on what people bring.

    pip install -r ../models/requirements-torch.txt -r ../ops/requirements.txt
    python make_torch.py [--output DIR]

The networks are not trained, but their batch norms have seen random features. The file has the format of make.py's.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional

from case import case_bytes

HERE = Path(__file__).parent

OUTPUTS = 8
FRAMES, FEATURES = 25, 10
# Shapes of the input: features before time, time before features in a channel, features before time in a channel.
SHAPES = {"1d": [1, FEATURES, FRAMES], "tf": [1, 1, FRAMES, FEATURES], "ft": [1, 1, FEATURES, FRAMES]}


class Residual(nn.Module):
    def __init__(self, inner, outer=None):
        super().__init__()
        self.inner, self.outer = inner, outer or nn.Identity()

    def forward(self, x):
        return self.outer(x + self.inner(x))


class Dense(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return torch.cat([x, self.inner(x)], 1)


class SqueezeExcite(nn.Module):
    """Channels weighed by what they are in the mean (Hu et al. 2018)."""

    def __init__(self, channels, gate, dims):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, channels), gate)
        self.dims = dims

    def forward(self, x):
        weights = self.gate(x.mean(tuple(range(2, 2 + self.dims))))
        return x * weights.reshape(*weights.shape, *[1] * self.dims)


class Chunks(nn.Module):
    """A gated linear unit."""

    def forward(self, x):
        value, gate = x.chunk(2, 1)
        return value * torch.sigmoid(gate)


class ChannelsLast(nn.Module):
    """A layer over the last axis, where the channels are brought for it (ConvNeXt)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        last = x.dim() - 1
        return self.inner(x.permute(0, *range(2, last + 1), 1)).permute(0, last, *range(1, last))


class Shuffle(nn.Module):
    """Channels shuffled in two groups (ShuffleNet, Zhang et al. 2018)."""

    def forward(self, x):
        shape = x.shape
        return x.view(shape[0], 2, shape[1] // 2, *shape[2:]).transpose(1, 2).reshape(shape)


class Unsqueezed(nn.Module):
    """Convolutions over time written as ones over two axes."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.unsqueeze(2)).squeeze(2)


class Columns(nn.Module):
    """Frequency becomes a part of the channels, as before a recurrent layer."""

    def forward(self, x):
        return x.flatten(1, 2)


class Mixed(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def body_1d():
    """Names and layers over 16 channels and time."""
    conv = lambda *a, **k: nn.Conv1d(16, 16, *a, **k)  # noqa: E731
    return {
        "relu6": nn.Sequential(conv(3, padding=1), nn.ReLU6()),
        "hardswish": nn.Sequential(conv(3, stride=2), nn.BatchNorm1d(16), nn.Hardswish()),
        "gelu": nn.Sequential(conv(5, padding="same", dilation=2), nn.GELU()),
        "gelu_tanh": nn.Sequential(conv(1), nn.GELU("tanh")),
        "silu": Residual(nn.Sequential(conv(3, padding=1), nn.BatchNorm1d(16), nn.SiLU())),
        "prelu": nn.Sequential(conv(3), nn.PReLU(16)),
        "prelu_one": nn.Sequential(conv(3), nn.PReLU()),
        "leaky": nn.Sequential(nn.BatchNorm1d(16), nn.LeakyReLU(0.1), conv(3)),
        "elu": nn.Sequential(conv(3), nn.ELU(), nn.Dropout(0.3)),
        "depthwise": nn.Sequential(conv(5, groups=16, padding=4, dilation=2), conv(1), nn.ReLU()),
        "grouped": nn.Sequential(conv(3, groups=4), Shuffle(), nn.ReLU()),
        "squeeze_excite": SqueezeExcite(16, nn.Sigmoid(), 1),
        "squeeze_hard": SqueezeExcite(16, nn.Hardsigmoid(), 1),
        "glu": nn.Sequential(nn.Conv1d(16, 24, 3), nn.GLU(1), nn.Conv1d(12, 16, 1)),
        "chunks": nn.Sequential(nn.Conv1d(16, 32, 3), Chunks()),
        "max_pool": nn.Sequential(nn.MaxPool1d(3, 2), conv(3)),
        "average_pool": nn.Sequential(nn.AvgPool1d(4, 2, padding=1), conv(3)),
        "dense": nn.Sequential(Dense(nn.Sequential(nn.Conv1d(16, 4, 3, padding=1), nn.ReLU())), nn.Conv1d(20, 16, 1)),
        "unsqueezed": Unsqueezed(nn.Sequential(nn.Conv2d(16, 16, (1, 3)), nn.BatchNorm2d(16), nn.ReLU())),
        "convnext": Residual(nn.Sequential(conv(7, padding=3, groups=16), ChannelsLast(nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))))),
        "padded": nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), conv(5), nn.Tanh()),
        "cropped": nn.Sequential(conv(3), Call(lambda x: x[:, :, 3:-2])),
        "last": nn.Sequential(conv(3), Call(lambda x: x[:, :, -1:])),
        "mish": nn.Sequential(conv(3), nn.Mish()),
        "clamped": nn.Sequential(conv(3), Call(lambda x: x.clamp(-0.8, 1.1))),
        "squared": nn.Sequential(conv(3), Call(lambda x: functional.relu(x) ** 2)),
        "time_mean": nn.Sequential(conv(3), Call(lambda x: x - x.mean(2, keepdim=True))),
        "doubled": nn.Sequential(conv(3), Call(lambda x: x * 2 + x)),
    }  # fmt: skip


def body_2d():
    """The same over 12 channels and two axes."""
    conv = lambda *a, **k: nn.Conv2d(12, 12, *a, **k)  # noqa: E731
    return {
        "inverted": Residual(nn.Sequential(nn.Conv2d(12, 24, 1), nn.BatchNorm2d(24), nn.ReLU6(), nn.Conv2d(24, 24, 3, padding=1, groups=24), nn.ReLU6(), nn.Conv2d(24, 12, 1))),
        "hardswish": nn.Sequential(conv((3, 1), stride=(2, 1)), nn.Hardswish()),
        "squeeze_excite": SqueezeExcite(12, nn.Hardsigmoid(), 2),
        "prelu": nn.Sequential(conv(3, padding=1), nn.PReLU(12)),
        "inception": nn.Sequential(Mixed(nn.Conv2d(12, 4, 1), nn.Conv2d(12, 4, 3, padding=1), nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(12, 4, 1))), nn.ReLU()),
        "dilated": nn.Sequential(conv((3, 3), dilation=(2, 1), padding=(2, 1)), nn.BatchNorm2d(12), nn.ReLU()),
        "separable": nn.Sequential(conv((1, 5), padding=(0, 2), groups=12), conv((5, 1), padding=(2, 0), groups=12), conv(1), nn.SiLU()),
        "shuffle": nn.Sequential(conv(1, groups=2), Shuffle(), conv(3, groups=12, padding=1)),
        "ceil": nn.Sequential(nn.MaxPool2d(2, 2, ceil_mode=True), conv(1)),
        "adaptive": nn.Sequential(conv(3), nn.AdaptiveAvgPool2d((None, 1))),
        "asymmetric": nn.Sequential(nn.ZeroPad2d((2, 0, 1, 0)), conv(3), nn.ReLU()),
        "first_axis_mean": nn.Sequential(conv(3), Call(lambda x: x + x.mean(2, keepdim=True))),
        "second_axis_mean": nn.Sequential(conv(3), Call(lambda x: x + x.mean(3, keepdim=True))),
        "gated_spatially": Call(lambda x: x * torch.sigmoid(x.mean(1, keepdim=True))),
    }  # fmt: skip


def heads(dims, channels):
    pool = nn.AdaptiveAvgPool1d(1) if dims == 1 else nn.AdaptiveAvgPool2d(1)
    most = nn.AdaptiveMaxPool1d(1) if dims == 1 else nn.AdaptiveMaxPool2d(1)
    return [
        nn.Sequential(pool, nn.Flatten(), nn.Linear(channels, OUTPUTS)),
        nn.Sequential(most, nn.Flatten(), nn.Linear(channels, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, OUTPUTS)),
        nn.Sequential(Call(lambda x: x.mean(tuple(range(2, 2 + dims)))), nn.Linear(channels, OUTPUTS), nn.Softmax(1)),
        nn.Sequential(nn.Flatten(), nn.LazyLinear(OUTPUTS)),
    ]


def networks():
    for number, (name, body) in enumerate(body_1d().items()):
        yield f"{name} 1d", "1d", nn.Sequential(nn.Conv1d(FEATURES, 16, 3), nn.BatchNorm1d(16), nn.ReLU(), body, heads(1, 16)[number % 4])
    for number, (name, body) in enumerate(body_2d().items()):
        shape = ("tf", "ft")[number % 2]
        yield f"{name} {shape}", shape, nn.Sequential(nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), body, heads(2, 12)[number % 4])
    yield "columns ft", "ft", nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), Columns(), nn.Conv1d(48, 16, 3), nn.ReLU(), heads(1, 16)[0])
    yield "columns tf", "tf", nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), Call(lambda x: x.permute(0, 1, 3, 2).flatten(1, 2)), nn.Conv1d(48, 16, 3), heads(1, 16)[3])
    yield "channels last 1d", "1d", nn.Sequential(nn.Conv1d(FEATURES, 16, 3), nn.ReLU(), ChannelsLast(nn.Linear(16, 16)), nn.Tanh(), heads(1, 16)[2])
    yield "perceptron 1d", "1d", nn.Sequential(nn.Flatten(), nn.Linear(FEATURES * FRAMES, 32), nn.GELU(), nn.Linear(32, OUTPUTS))
    yield "perceptron tf", "tf", nn.Sequential(nn.Flatten(), nn.Linear(FEATURES * FRAMES, 32), nn.SiLU(), nn.Linear(32, OUTPUTS), nn.Sigmoid())


def exported(network, shape, dynamo):
    example = torch.randn(SHAPES[shape])
    with warnings.catch_warnings(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        options = {"external_data": False, "verbose": False} if dynamo else {"opset_version": 17}
        names = {"input_names": ["features"], "output_names": ["logits"]}
        torch.onnx.export(network, (example,), path, dynamo=dynamo, **names, **options)
        model = onnx.load(path)
    del model.metadata_props[:], model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    model.producer_name = model.producer_version = ""
    return model.SerializeToString()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE)
    arguments = parser.parse_args()
    torch.manual_seed(5)
    seeds = np.random.default_rng(5)
    count = 0
    with open(arguments.output / "torch.bin", "wb") as file:
        for number, (name, shape, network) in enumerate(networks()):
            with torch.no_grad():
                network.train()
                for _ in range(3):
                    network(torch.randn(16, *SHAPES[shape][1:]))
                network.eval()
                for parameter in network.parameters():
                    # Eight significant bits, which take less room.
                    mantissa, exponent = torch.frexp(parameter)
                    parameter.copy_(torch.ldexp(torch.round(mantissa * 256) / 256, exponent))
            # By one exporter or the other.
            model = exported(network, shape, dynamo=number % 2 == 0)
            file.write(case_bytes(f"{name}", model, SHAPES[shape], FRAMES, FEATURES, int(seeds.integers(1 << 62))))
            count += 1
    print(f"{count} networks")


if __name__ == "__main__":
    main()
