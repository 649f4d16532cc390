#!/usr/bin/env python3
"""Makes float ONNX models of keyword spotters' usual shapes, with random weights, as PyTorch exports them: for the tests of calibration.

    pip install -r requirements-torch.txt
    python make_torch.py [--exporter torchscript] [--output DIR] [NAME …]

The networks are not trained, but their batch norms have seen the recordings in models/fixtures, so that each layer's values have the
spread that they have in a trained network. Weights have 8 significant bits, so that the files take less room in the repository.
"""

import argparse
import json
import math
import warnings
import wave
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from torch import nn

HERE = Path(__file__).parent
LABELS = 12
LOG_MEL = {"preset": "torchaudio", "mel_bands": 40}
MFCC_10 = {**LOG_MEL, "window_length": 640, "hop_length": 320, "fft_length": 1024, "mfcc_coefficients": 10}
MFCC_64 = {**LOG_MEL, "mel_bands": 64, "mfcc_coefficients": 64}


class Standardised(nn.Module):
    """A network behind features that are brought near mean 0 and variance 1."""

    def __init__(self, network):
        super().__init__()
        self.network, self.mean, self.deviation = network, 0.0, 1.0

    def forward(self, features):
        return self.network((features - self.mean) / self.deviation)


def normed(conv, channels, *after, norm=nn.BatchNorm2d):
    return nn.Sequential(conv, norm(channels), *after)


def ds_cnn():
    """MLPerf Tiny's keyword network (Banbury et al. 2021), by 49 frames of 10 coefficients."""
    layers = [normed(nn.Conv2d(1, 64, (10, 4), (2, 2), (5, 1)), 64, nn.ReLU()), nn.Dropout(0.2)]
    for _ in range(4):
        layers.append(normed(nn.Conv2d(64, 64, 3, padding=1, groups=64), 64, nn.ReLU()))
        layers.append(normed(nn.Conv2d(64, 64, 1), 64, nn.ReLU()))
    layers += [nn.Dropout(0.4), nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(64, LABELS), nn.Softmax(1)]
    return Standardised(nn.Sequential(*layers)), [1, 1, 49, 10], MFCC_10


class SubSpectralNorm(nn.Module):
    """A batch norm for each of five bands of frequency (Chang et al. 2021)."""

    def __init__(self, channels, bands=5):
        super().__init__()
        self.bands, self.norm = bands, nn.BatchNorm2d(channels * bands)

    def forward(self, x):
        batch, channels, frequencies, times = x.shape
        bands = x.view(batch, channels * self.bands, frequencies // self.bands, times)
        return self.norm(bands).view(batch, channels, frequencies, times)


class BroadcastedBlock(nn.Module):
    """A residual block of BC-ResNet (Kim et al. 2021): over frequency, then of its mean over time, added to every frequency."""

    def __init__(self, inputs, outputs, stride=1, dilation=1):
        super().__init__()
        self.same = inputs == outputs
        widen = [] if self.same else [normed(nn.Conv2d(inputs, outputs, 1), outputs, nn.ReLU())]
        over_frequency = nn.Conv2d(outputs, outputs, (3, 1), (stride, 1), (1, 0), groups=outputs)
        self.two = nn.Sequential(*widen, over_frequency, SubSpectralNorm(outputs))
        over_time = nn.Conv2d(outputs, outputs, (1, 3), padding=(0, dilation), dilation=(1, dilation), groups=outputs)
        self.one = nn.Sequential(normed(over_time, outputs, nn.SiLU()), nn.Conv2d(outputs, outputs, 1), nn.Dropout2d(0.1))

    def forward(self, x):
        two = self.two(x)
        out = two + self.one(two.mean(2, keepdim=True))
        return torch.relu(out + x if self.same else out)


def bc_resnet_1():
    layers = [normed(nn.Conv2d(1, 16, 5, (2, 1), 2), 16, nn.ReLU())]
    inputs = 16
    for outputs, count, stride, dilation in [(8, 2, 1, 1), (12, 2, 2, 2), (16, 4, 2, 4), (20, 4, 1, 8)]:
        for index in range(count):
            layers.append(BroadcastedBlock(inputs, outputs, stride if index == 0 else 1, dilation))
            inputs = outputs
    layers += [nn.Conv2d(20, 20, 5, padding=(0, 2), groups=20), normed(nn.Conv2d(20, 32, 1), 32, nn.ReLU())]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(32, LABELS, 1), nn.Flatten()]
    return Standardised(nn.Sequential(*layers)), [1, 1, 40, 98], LOG_MEL


class TemporalBlock(nn.Module):
    """A residual block of TC-ResNet (Choi et al. 2019)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        first = normed(nn.Conv1d(inputs, outputs, 9, stride, 4, bias=False), outputs, nn.ReLU(), norm=nn.BatchNorm1d)
        second = normed(nn.Conv1d(outputs, outputs, 9, 1, 4, bias=False), outputs, norm=nn.BatchNorm1d)
        self.path = nn.Sequential(first, second)
        shortcut = nn.Conv1d(inputs, outputs, 1, stride, bias=False)
        self.shortcut = normed(shortcut, outputs, nn.ReLU(), norm=nn.BatchNorm1d) if stride != 1 else nn.Identity()

    def forward(self, x):
        return torch.relu(self.path(x) + self.shortcut(x))


def tc_resnet8():
    blocks = [TemporalBlock(inputs, outputs, 2) for inputs, outputs in [(16, 24), (24, 32), (32, 48)]]
    ends = [nn.AdaptiveAvgPool1d(1), nn.Dropout(0.5), nn.Conv1d(48, LABELS, 1), nn.Flatten()]
    return Standardised(nn.Sequential(nn.Conv1d(40, 16, 3, bias=False), *blocks, *ends)), [1, 40, 98], LOG_MEL


class Separable(nn.Sequential):
    """A time-channel separable convolution: over time, each channel for itself, then over channels."""

    def __init__(self, inputs, outputs, kernel, stride=1, dilation=1, after=()):
        padding = dilation * (kernel - 1) // 2
        over_time = nn.Conv1d(inputs, inputs, kernel, stride, padding, dilation, groups=inputs, bias=False)
        super().__init__(over_time, normed(nn.Conv1d(inputs, outputs, 1, bias=False), outputs, *after, norm=nn.BatchNorm1d))


class MatchboxBlock(nn.Module):
    """A block of MatchboxNet (Majumdar and Ginsburg 2020) with one sub-block."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.path = Separable(inputs, outputs, kernel)
        self.shortcut = normed(nn.Conv1d(inputs, outputs, 1, bias=False), outputs, norm=nn.BatchNorm1d)
        self.end = nn.Sequential(nn.ReLU(), nn.Dropout(0.1))

    def forward(self, x):
        return self.end(self.path(x) + self.shortcut(x))


def matchboxnet_3x1x64():
    layers = [Separable(64, 128, 11, 2, after=[nn.ReLU()])]
    layers += [MatchboxBlock(inputs, 64, kernel) for inputs, kernel in [(128, 13), (64, 15), (64, 17)]]
    layers.append(Separable(64, 128, 29, 1, 2, after=[nn.ReLU()]))
    layers.append(normed(nn.Conv1d(128, 128, 1, bias=False), 128, nn.ReLU(), norm=nn.BatchNorm1d))
    layers += [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(128, LABELS)]
    return Standardised(nn.Sequential(*layers)), [1, 64, 98], MFCC_64


class Svdf(nn.Module):
    """A layer of filters of low rank (Nakkiran et al. 2015): over the features of a frame, then over the latest frames."""

    def __init__(self, inputs, units, rank, memory):
        super().__init__()
        self.rank = rank
        self.features = nn.Conv1d(inputs, units * rank, 1, bias=False)
        self.time = nn.Conv1d(units * rank, units * rank, memory, groups=units * rank, bias=False)
        self.bias = nn.Parameter(torch.randn(units, 1) * 0.1)

    def forward(self, x):
        filtered = self.time(self.features(x))
        return torch.relu(filtered.view(x.shape[0], -1, self.rank, filtered.shape[2]).sum(2) + self.bias)


def svdf():
    layers = [Svdf(40, 48, 4, 10), nn.Conv1d(48, 32, 1), Svdf(32, 48, 2, 10), nn.Conv1d(48, 32, 1), Svdf(32, 48, 1, 10)]
    layers += [nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(48, LABELS)]
    return Standardised(nn.Sequential(*layers)), [1, 40, 98], LOG_MEL


class Crnn(nn.Module):
    """A convolution, a recurrent layer over time, and an answer from its last state."""

    def __init__(self):
        super().__init__()
        self.conv = normed(nn.Conv1d(40, 32, 5, 2), 32, nn.ReLU(), norm=nn.BatchNorm1d)
        self.recurrent = nn.GRU(32, 32, batch_first=True)
        self.end = nn.Linear(32, LABELS)

    def forward(self, x):
        states, _ = self.recurrent(self.conv(x).transpose(1, 2))
        return self.end(states[:, -1])


def crnn():
    return Standardised(Crnn()), [1, 40, 98], LOG_MEL


class StackedLstm(nn.Module):
    """A convolution over time and frequency, two LSTMs over its frames, and an answer from the last state."""

    def __init__(self):
        super().__init__()
        self.conv = normed(nn.Conv2d(1, 7, (5, 3), (3, 2)), 7, nn.ReLU())
        self.recurrent = nn.LSTM(7 * 12, 27, num_layers=2)
        self.end = nn.Linear(27, LABELS)

    def forward(self, x):
        frames = self.conv(x).permute(3, 0, 1, 2).flatten(2)
        _, (last, _) = self.recurrent(frames)
        return self.end(last[-1])


def crnn_lstm():
    return Standardised(StackedLstm()), [1, 1, 40, 98], LOG_MEL


class MeanOfGru(nn.Module):
    """A recurrent layer over the features as they are, and an answer from the mean of its states."""

    def __init__(self):
        super().__init__()
        self.recurrent = nn.GRU(40, 19, batch_first=True)
        self.end = nn.Linear(19, LABELS)

    def forward(self, x):
        return self.end(self.recurrent(x.flatten(0, 1))[0].mean(1))


def gru_mean():
    return Standardised(MeanOfGru()), [1, 1, 98, 40], LOG_MEL


NETWORKS = [ds_cnn, bc_resnet_1, tc_resnet8, matchboxnet_3x1x64, svdf, crnn, crnn_lstm, gru_mean]


def heard(shape, frontend):
    """What a front end makes of the recordings: about what the host's does, which is enough for the norms."""
    window, hop, size = (frontend.get(key, default) for key, default in [("window_length", 400), ("hop_length", 160), ("fft_length", 512)])
    bands, frames = frontend["mel_bands"], max(shape[2:])
    mel = lambda hertz: 2595 * math.log10(1 + hertz / 700)
    edges = 700 * (10 ** (torch.linspace(0, mel(8000), bands + 2) / 2595) - 1)
    bins = torch.linspace(0, 8000, size // 2 + 1)[:, None]
    filters = torch.minimum((bins - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - bins) / (edges[2:] - edges[1:-1])).clamp(0)
    cosines = torch.cos(math.pi / bands * (torch.arange(bands)[:, None] + 0.5) * torch.arange(bands)) * math.sqrt(2 / bands)
    clips = []
    for path in sorted((HERE.parents[3] / "models" / "fixtures").glob("*.wav")):
        with wave.open(str(path)) as file:
            samples = torch.from_numpy(np.frombuffer(file.readframes(-1), np.int16).copy()) / 32768
        samples = torch.cat([samples, torch.zeros(hop * frames + size)])
        power = torch.stft(samples, size, hop, window, torch.hann_window(window), center=False, return_complex=True).abs() ** 2
        features = torch.log(power[:, :frames].T @ filters + 1e-6)
        if "mfcc_coefficients" in frontend:
            features = (features @ cosines)[:, : frontend["mfcc_coefficients"]]
        # Frames come last where features come first.
        clips.append((features if len(shape) == 4 and shape[2] == frames else features.T).reshape(shape[1:]))
    return torch.stack(clips)


def settled(network, shape, frontend):
    """The network with norms that have heard something, and weights of 8 significant bits."""
    network.train()
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = None
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.3)
        features = heard(shape, frontend)
        network.mean, network.deviation = round(features.mean().item(), 2), round(features.std().item(), 2)
        network(features)
        for parameter in network.parameters():
            mantissa, exponent = torch.frexp(parameter)
            parameter.copy_(torch.ldexp(torch.round(mantissa * 256) / 256, exponent))
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exporter", choices=["dynamo", "torchscript"], default="dynamo")
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for make in NETWORKS:
        if arguments.names and make.__name__ not in arguments.names:
            continue
        torch.manual_seed(1)
        network, shape, frontend = make()
        path = arguments.output / f"torch_{make.__name__}.onnx"
        torch.onnx.export(
            settled(network, shape, frontend),
            (torch.zeros(shape),),
            path,
            input_names=["features"],
            dynamo=arguments.exporter == "dynamo",
            external_data=False,
            verbose=False,
        )
        model = onnx.load(path)
        for node in model.graph.node:
            # What the exporter notes about the Python code: paths of this machine.
            del node.metadata_props[:]
            node.doc_string = ""
        del model.graph.value_info[:], model.graph.metadata_props[:], model.functions[:]
        model.graph.doc_string = model.doc_string = ""
        entries = {"labels": [f"label {index}" for index in range(LABELS)], "frontend": frontend}
        helper.set_model_props(model, {f"earmark.{key}": json.dumps(value) for key, value in entries.items()})
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
