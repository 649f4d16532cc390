"""Scores that mean what they say: the temperature of the softmax, fitted on validation and built into the weights."""
import math

import torch
from torch.nn import functional

TEMPERATURES = torch.logspace(-1, 1, 201)
FAVOUR = 0.5  # before the temperature


def best_temperature(logits, truth):
    """The temperature under which validation is likeliest (Guo et al., arXiv:1706.04599)."""
    logits, truth = torch.from_numpy(logits), torch.from_numpy(truth)
    losses = [functional.cross_entropy(logits / temperature, truth).item() for temperature in TEMPERATURES]
    return TEMPERATURES[losses.index(min(losses))].item()


def divide_logits(quantised, temperature):
    """Divides what the classifier of a network from `quantise.quantise` puts out; its answers and all integers stay the same, only
    the scores change."""
    quantised.classifier.weight.data /= temperature
    quantised.classifier.bias.data /= temperature
    scale, zero = quantised.tap.parameters["logits"]
    quantised.tap.parameters["logits"] = (scale / temperature, zero)


def balance(net, labels, shares):
    """Corrects the logits for how often training heard each label (`shares`), as if all had been equally frequent (Menon et al., "Long-tail
    learning via logit adjustment", arXiv:2007.07314); and raises those of some `labels`: a network is too modest about words that
    it knows from synthetic speech alone."""
    net.classifier.bias.data -= torch.log(torch.tensor(shares)) - math.log(max(shares))
    net.classifier.bias.data[labels] += FAVOUR
