"""Scores that mean what they say: the temperature of the softmax, fitted on validation and built into the weights."""
import torch
from torch.nn import functional

TEMPERATURES = torch.logspace(-1, 1, 201)
FAVOUR = 0.5  # before the temperature


def best_temperature(logits, truth):
    """The temperature under which validation is likeliest (Guo et al., arXiv:1706.04599)."""
    logits, truth = torch.from_numpy(logits), torch.from_numpy(truth)
    losses = [functional.cross_entropy(logits / temperature, truth).item() for temperature in TEMPERATURES]
    return TEMPERATURES[losses.index(min(losses))].item()


def divide_logits(net, temperature):
    """Divides what the classifier puts out; the answers stay the same, only the scores change."""
    net.classifier.weight.data /= temperature
    net.classifier.bias.data /= temperature


def favour(net, labels):
    """Raises the logits of some labels: a network is too modest about words that it knows from synthetic speech alone."""
    net.classifier.bias.data[labels] += FAVOUR
