"""Training of the float networks: teachers from the labels, then small networks from the labels and what the teachers answer.

On a GPU a whole step is recorded once and replayed (a CUDA graph), since launching its many small kernels one by one would take longer
than running them.
"""
import copy
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

BATCH = {"cpu": 128, "cuda": 512}
AUGMENTED_AT_ONCE = {"cpu": 128, "cuda": 4096}  # clips
WEIGHT_DECAY = 2e-2
LABEL_SMOOTHING = 0.01
AVERAGE_DECAY = 0.9995  # of the averaged weights, a step
FROM_TEACHERS = 0.9  # share of the teachers in a student's loss
TEMPERATURE = 2.0  # of what the teachers answer
REPORTS = 20  # of a whole training


@dataclass(frozen=True)
class Cycle:
    """A learning rate that rises, and falls along a cosine."""

    epochs: int
    rate: float  # at the peak
    warm_up: float = 0.05  # of the epochs

    def rate_at(self, progress):
        """The learning rate after a share `progress` of all steps."""
        if progress < self.warm_up:
            return self.rate * (0.02 + 0.98 * progress / self.warm_up)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (progress - self.warm_up) / (1 - self.warm_up)))


class Learner:
    """A network, its optimiser, and the average of its weights."""

    def __init__(self, net, cycle):
        self.net, self.cycle = net.train().to(memory_format=torch.channels_last), cycle
        device = next(net.parameters()).device
        self.average = copy.deepcopy(net).eval()
        on_gpu = device.type == "cuda"
        self.stream = torch.cuda.Stream() if on_gpu else None
        rate = torch.tensor(0.0, device=device) if on_gpu else 0.0
        self.optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=WEIGHT_DECAY, fused=True, capturable=on_gpu)
        self.share = torch.tensor(1.0, device=device)  # of the weights in their average
        self.loss = torch.zeros((), device=device)
        self.steps = self.reported = 0
        self.replay = None

    def compute(self, features, targets, answers=None):
        """One step."""
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.net(features)
        loss = functional.cross_entropy(logits, targets, label_smoothing=LABEL_SMOOTHING)
        if answers is not None:
            wanted = functional.softmax(answers / TEMPERATURE, 1)
            given = functional.log_softmax(logits / TEMPERATURE, 1)
            distance = functional.kl_div(given, wanted, reduction="batchmean") * TEMPERATURE**2
            loss = (1 - FROM_TEACHERS) * loss + FROM_TEACHERS * distance
        loss.backward()
        self.optimizer.step()
        self.loss.add_(loss.detach())
        with torch.no_grad():
            averages, weights = self.floats(self.average), self.floats(self.net)
            away = torch._foreach_sub(weights, averages)
            torch._foreach_mul_(away, self.share)
            torch._foreach_add_(averages, away)

    @staticmethod
    def floats(net):
        return [*net.parameters(), *(buffer for buffer in net.buffers() if buffer.is_floating_point() and buffer.dim())]

    def step(self, progress, *batch):
        """One step after a share `progress` of all steps, on (features, targets) or (features, targets, teachers' answers).

        On a GPU it runs beside what others do there; `batch` must stay as it is until all has been waited for."""
        with torch.cuda.stream(self.stream):
            self.prepare(progress)
            if self.stream is None:
                self.compute(*batch)
                return
            if self.replay is None:
                torch.cuda.synchronize()
                self.replay = recorded(self.compute, batch)
            self.replay(*batch)

    def prepare(self, progress):
        """Sets the learning rate and the average's share for the next step."""
        rate = self.cycle.rate_at(progress)
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        # Far at first, so that the average soon forgets how it began.
        self.share.fill_(1 - min(AVERAGE_DECAY, (1 + self.steps) / (10 + self.steps)))
        self.steps += 1

    def recent_loss(self):
        """The mean since it was last asked for."""
        mean = self.loss.item() / max(1, self.steps - self.reported)
        self.loss.zero_()
        self.reported = self.steps
        return mean


def recorded(work, example):
    """`work` as a function that replays its kernels on copies of its arguments, which are shaped as in `example`."""
    inputs = [x.clone() for x in example]
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            work(*inputs)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work(*inputs)

    def replay(*batch):
        for kept, new in zip(inputs, batch):
            kept.copy_(new)
        graph.replay()

    return replay


class Masters:
    """Networks that no longer change."""

    def __init__(self, nets):
        self.nets = [net.eval() for net in nets]

    @torch.no_grad()
    def __call__(self, features, targets):
        """The mean of what they answer, as logits; where they are wrong, what is right."""
        answers = torch.stack([functional.log_softmax(net(features), 1) for net in self.nets]).mean(0)
        told = torch.log((1 - LABEL_SMOOTHING) * targets + LABEL_SMOOTHING / targets.shape[1])
        wrong = answers.argmax(1) != targets.argmax(1)
        return torch.where(wrong[:, None], told, answers)


def train(nets, cycle, corpus, augmenter, seed, progress, masters=None):
    """Trains {name: network} by one cycle, each on the same batches; returns {name: its averaged weights as a network}.

    `masters`: a `Masters` to learn from as well. `progress(networks)` is called now and then with the averages so far.
    """
    learners = {name: Learner(net, cycle) for name, net in nets.items()}
    rng = np.random.default_rng(seed)
    on_gpu = augmenter.device.type == "cuda"
    batch, at_once = (sizes[augmenter.device.type] for sizes in (BATCH, AUGMENTED_AT_ONCE))
    start, done, clips = time.monotonic(), 0, cycle.epochs * corpus.epoch

    def prepared(drawn):
        features, targets = augmenter(*drawn, done / clips)
        return (features, targets, masters(features, targets)) if masters else (features, targets)

    def epoch_of():
        """Prepares what comes next while the learners are at work."""
        nonlocal done
        drawn = iter(corpus.batches(rng, at_once))
        ready = prepared(next(drawn))
        while ready:
            for part in zip(*(x.split(batch) for x in ready)):
                if len(part[0]) == batch or not on_gpu:
                    for learner in learners.values():
                        learner.step(done / clips, *part)
                done += len(part[0])
            following = next(drawn, None)
            following = following and prepared(following)
            if on_gpu:
                torch.cuda.synchronize()
            ready = following

    for epoch in range(1, cycle.epochs + 1):
        epoch_of()
        if epoch % max(1, cycle.epochs // REPORTS) == 0 or epoch == cycle.epochs:
            losses = "  ".join(f"{name} {learner.recent_loss():.4f}" for name, learner in learners.items())
            seconds = (time.monotonic() - start) / epoch
            print(f"epoch {epoch}/{cycle.epochs}  {seconds:.2f} s an epoch  loss: {losses}", flush=True)
            progress({name: learner.average for name, learner in learners.items()})
    return {name: learner.average for name, learner in learners.items()}
