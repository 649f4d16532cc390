"""Training of the float networks: a large teacher and the small networks that learn from it, all at once on the same batches.

The teacher learns from the labels; a student from the labels and from what the teacher answers at that moment.
"""
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

BATCH = 128
TEACHER_RATE, STUDENT_RATE = 3e-3, 5e-3  # learning rates at the peak of a cycle
WEIGHT_DECAY = 2e-2
LABEL_SMOOTHING = 0.05
AVERAGE_DECAY = 0.999  # of the averaged weights, a step
FROM_TEACHER = 0.6  # share of the teacher in a student's loss
TEMPERATURE = 2.0  # of what the teacher answers
LOG_EVERY = 5  # epochs


@torch.no_grad()
def into_average(averages, weights, count):
    """Moves the averages towards the weights: far at first, so that they soon forget how they began."""
    share = 1 - min(AVERAGE_DECAY, (1 + int(count)) / (10 + int(count)))
    for average, weight in zip(averages, weights):
        average.copy_(average.lerp(weight, share) if weight.is_floating_point() else weight)


@dataclass(frozen=True)
class Cycle:
    """Learning rates that rise, and fall along a cosine."""

    epochs: int
    length: int  # epochs until the rates have fallen to nothing; a cycle may be left earlier, to go on with another
    rate: float = 1.0  # of the usual rates
    warm_up: float = 0.08  # of the length


class Learner:
    """A network, its optimiser, and the average of its weights."""

    def __init__(self, net, steps, peak, cycle):
        self.net = net.train()
        self.optimizer = torch.optim.AdamW(net.parameters(), weight_decay=WEIGHT_DECAY, fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, peak * cycle.rate, total_steps=steps, pct_start=cycle.warm_up, cycle_momentum=False
        )
        self.average = AveragedModel(net, multi_avg_fn=into_average, use_buffers=True)
        self.losses = []

    def step(self, features, labels, answers=None):
        """One step; returns the logits, which a teacher's students learn from."""
        logits = self.net(features)
        loss = functional.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING)
        if answers is not None:
            wanted = functional.softmax(answers / TEMPERATURE, 1)
            given = functional.log_softmax(logits / TEMPERATURE, 1)
            distance = functional.kl_div(given, wanted, reduction="batchmean") * TEMPERATURE**2
            loss = (1 - FROM_TEACHER) * loss + FROM_TEACHER * distance
        self.losses.append(loss.item())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.net)
        return logits.detach()

    def recent_loss(self):
        """The mean since it was last asked for."""
        mean, self.losses = float(np.mean(self.losses)), []
        return mean

    def averaged(self):
        """The averaged network, in evaluation mode."""
        return self.average.module.eval()


class Masters:
    """Networks that no longer change, as one teacher."""

    def __init__(self, nets):
        self.nets = [net.eval() for net in nets]

    @torch.no_grad()
    def step(self, features, _labels):
        """The mean of what they answer, as logits."""
        return torch.stack([functional.log_softmax(net(features), 1) for net in self.nets]).mean(0)


def train(teacher, students, corpus, augmenter, cycle, seed, progress):
    """Trains a teacher and its students by one cycle; returns (the averaged teacher, {name: averaged student}).

    `students`: {name: network}. A teacher of class Masters stays as it is.
    """
    steps = cycle.length * -(-len(corpus.draw(np.random.default_rng(0))[0]) // BATCH)
    learners = {name: Learner(net, steps, STUDENT_RATE, cycle) for name, net in students.items()}
    if isinstance(teacher, Masters):
        side_by_side(teacher, learners, learners, corpus, augmenter, cycle.epochs, seed, progress)
        return teacher, {name: learner.averaged() for name, learner in learners.items()}
    learning = Learner(teacher, steps, TEACHER_RATE, cycle)
    side_by_side(learning, learners, {"teacher": learning} | learners, corpus, augmenter, cycle.epochs, seed, progress)
    return learning.averaged(), {name: learner.averaged() for name, learner in learners.items()}


def side_by_side(teacher, students, learners, corpus, augmenter, epochs, seed, progress):
    """Augmentation, teacher and students at work at the same time, the students one batch behind.

    What comes out does not depend on their timing. `progress(epoch, networks)` is called now and then.
    """
    rng = np.random.default_rng(seed)

    def teach(batch):
        return (*batch, teacher.step(*batch))

    def prepared(batches):
        batch = next(batches, None)
        return batch and (augmenter(*batch[:-1]), batch[-1])

    torch.set_num_threads(1)
    with ThreadPoolExecutor(2 + len(students)) as pool:
        start = time.monotonic()
        for epoch in range(1, epochs + 1):
            batches = corpus.batches(rng, BATCH)
            made, taught = prepared(batches), None
            while made or taught:
                learning = [pool.submit(student.step, *taught) for student in students.values()] if taught else []
                teaching = pool.submit(teach, made) if made else None
                preparing = pool.submit(prepared, batches) if made else None
                for job in learning:
                    job.result()
                made, taught = (job and job.result() for job in (preparing, teaching))
            if epoch % LOG_EVERY == 0 or epoch == epochs:
                losses = "  ".join(f"{name} {learner.recent_loss():.4f}" for name, learner in learners.items())
                seconds = (time.monotonic() - start) / epoch
                print(f"epoch {epoch}/{epochs}  {seconds:.1f} s an epoch  loss: {losses}", flush=True)
                progress(epoch, {name: learner.averaged() for name, learner in learners.items()})
