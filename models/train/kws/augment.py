"""From banked spectra to what a microphone hears: moved, stretched, noisy, coloured, louder or softer, partly hidden.

Mixing is done on mel power. What is lost against mixing samples, the interference of speech and noise, is put back as a random
term of the right size, so that features spread as they would.
"""
import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from .bank import QUIET
from .frontend import FILTERBANK, FLOOR, FRAMES, MEL_BANDS

# Where a word lies in the window. Frames are 10 ms.
NATURAL_SHIFT = 12  # either way, from where the recording has it
ENDING_SHARE = 0.4  # of the clips: the word's end is put anywhere between the window's end and where the recording has it
OVERHANG = 2  # frames of the word's fading end that may lie beyond the window's end
REMAINDER = (0.12, 0.4)  # of a word that is cut, what is left of it

SNR_DB = (-4.0, 22.0)  # over the whole clip
GAIN_DB = (-34.0, 6.0)
SILENCE_GAIN_DB = (-30.0, 10.0)  # on noise as it is
ZERO_SHARE = 0.1  # of the silence is digital zero
SUDDEN_SHARE = 0.4  # of the silence begins or ends within the window, next to digital zero
SUDDEN_PART = (0.02, 0.7)  # of the window that is digital zero then
PAUSE_SHARE = 0.6  # of the clips: what lies beyond the recording's ends is its own quiet background, else digital zero

LEAST_OF_25 = 3.2  # ln units by which the least of 25 exponentially spread powers lies under their mean
TABLE_CLIPS = 1024

TIME_STRETCH = (0.85, 1.18)
FORMANT_SHIFT = (0.91, 1.10)  # on the mel axis
COLOUR = 0.6  # standard deviation, ln units, of each of COLOUR_WAVES cosines over the mel axis
COLOUR_WAVES = 3
MASKED_BANDS = 6
MASKED_FRAMES = 12
MIXED_SHARE = (0.5, 1.0)  # of the louder one of two that are mixed, in log-mel features


@dataclass(frozen=True)
class Strength:
    """How many of the clips, as a share, are changed in which way."""

    noise: float
    warp: float
    colour: float
    mask: float
    neighbour_of_cut: float  # cut words that have the rest of another word at the window's other end
    neighbour_of_whole: float  # other clips that have the end of another word at the window's beginning
    mixed: float  # have another one mixed in


STRONG = Strength(0.6, 0.7, 0.7, 0.5, 0.5, 0.15, 0.5)
GENTLE = Strength(0.55, 0.45, 0.6, 0.15, 0.5, 0.1, 0.2)  # towards the end: what is really heard
GENTLE_FROM = 0.7  # of the training


class Augmenter:
    """Makes training features from a bank's clips, on the device where the noise is. All randomness comes from one seed."""

    def __init__(self, noise, seed, labels):
        """`noise`: a `NoiseBank`; `labels`: how many there are."""
        self.strength = STRONG
        self.labels = labels
        self.device = noise.frames.device
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.noise = noise
        # Large tables of random numbers, of which a batch takes a random stretch: drawing them anew is half of the time.
        shape = (TABLE_CLIPS, FRAMES, MEL_BANDS)
        self.flutter = torch.empty(shape, device=self.device).exponential_(generator=self.generator)
        bins = (FILTERBANK.sum(0).square() / FILTERBANK.square().sum(0)).to(self.device)
        phase = 2 * math.pi * self.uniform(shape)
        self.interference = phase.cos() * (2 / bins.sqrt()).clamp(max=2)  # neighbouring bins go together in pairs
        self.waves = torch.arange(1, COLOUR_WAVES + 1)[:, None] * torch.linspace(0, math.pi, MEL_BANDS)
        self.waves = self.waves.to(self.device)

    def uniform(self, n, low=0.0, high=1.0):
        return low + (high - low) * torch.rand(n, generator=self.generator, device=self.device)

    def chance(self, n, share):
        return self.uniform(n) < share

    def some(self, table, n):
        start = torch.randint(TABLE_CLIPS, (), generator=self.generator, device=self.device)
        return table[(start + torch.arange(n, device=self.device)) % TABLE_CLIPS]

    def shifts(self, first, last, cut):
        """How many frames later each clip is placed."""
        n = len(first)
        shift = self.uniform(n, -NATURAL_SHIFT, NATURAL_SHIFT)
        end = last + (FRAMES + OVERHANG - last) * self.uniform(n)
        shift = torch.where(self.chance(n, ENDING_SHARE), end - last, shift)
        remainder = self.uniform(n, *REMAINDER) * (last - first)
        to_the_right = FRAMES - first - remainder
        to_the_left = remainder - last
        return torch.where(cut, torch.where(self.chance(n, 0.7), to_the_right, to_the_left), shift)

    def neighbours(self, clips, first, last, cut, silent):
        """Power of other words at the window's ends, as in running speech; mostly nothing."""
        n = len(clips)
        order = torch.randperm(n, generator=self.generator, device=self.device)
        remainder = self.uniform(n, *REMAINDER) * (last - first)[order]
        before, after = remainder - last[order], FRAMES - first[order] - remainder
        shift = torch.where(cut & self.chance(n, 0.3), after, before)
        share = torch.where(cut, self.strength.neighbour_of_cut, self.strength.neighbour_of_whole)
        there = torch.nonzero((self.uniform(n) < share) & ~silent)[:, 0]
        return there, self.placed(clips[order[there]], shift[there]) * 10 ** (self.uniform((len(there), 1, 1), -6, 6) / 10)

    def placed(self, clips, shift):
        """ln power [N, FRAMES, MEL_BANDS], moved, stretched in time around its middle and along the mel axis; then as power."""
        n = len(clips)
        warp = self.chance(n, self.strength.warp)
        stretch = torch.where(warp, self.uniform(n, *TIME_STRETCH), 1.0)
        formants = torch.where(warp, self.uniform(n, *FORMANT_SHIFT), 1.0)
        time = torch.linspace(-1, 1, FRAMES, device=self.device)
        time = (time - shift[:, None] * (2 / (FRAMES - 1))) / stretch[:, None]
        grid = torch.empty(n, FRAMES, MEL_BANDS, 2, device=self.device)
        grid[..., 0] = (torch.linspace(0, 2, MEL_BANDS, device=self.device) / formants[:, None] - 1)[:, None, :]
        grid[..., 1] = time[:, :, None]
        power = functional.grid_sample(clips[:, None], grid, padding_mode="border", align_corners=True)[:, 0].exp_()
        outside = (time.abs() > 1)[:, :, None]
        return torch.where(outside, self.pauses(clips), power)

    def pauses(self, clips):
        """Power of each clip's own background, from its quieter frames, or of nothing."""
        n = len(clips)
        quiet = (clips[:, ::4].amin(1, keepdim=True) + LEAST_OF_25).exp_()
        quiet *= self.chance(n, PAUSE_SHARE)[:, None, None]
        return quiet * self.some(self.flutter, n)

    def with_noise(self, power, silent):
        """Noise added at a random ratio; where `silent`, noise alone."""
        n = len(power)
        noise = self.noise(n, silent, self.generator)
        level = power.sum((1, 2)) / noise.sum((1, 2)).clamp(min=QUIET)
        level = level * 10 ** (-self.uniform(n, *SNR_DB) / 10) * self.chance(n, self.strength.noise)
        alone = 10 ** (self.uniform(n, *SILENCE_GAIN_DB) / 10) * ~self.chance(n, ZERO_SHARE)
        noise *= torch.where(silent, alone, level)[:, None, None]
        noise *= torch.where(silent[:, None], self.sudden(n), 1.0)[:, :, None]
        power *= ~silent[:, None, None]
        crossed = (power * noise).sqrt_().mul_(self.some(self.interference, n))
        return crossed.add_(power).add_(noise).clamp_(min=0)

    def sudden(self, n):
        """Factors [n, FRAMES]: 0 before or after a moment, else 1; mostly 1 everywhere."""
        quiet = torch.where(self.chance(n, SUDDEN_SHARE), self.uniform(n, *SUDDEN_PART) * FRAMES, 0.0)
        frame = torch.arange(FRAMES, device=self.device).expand(n, FRAMES)
        from_its_end = torch.where(self.chance(n, 0.5)[:, None], frame, FRAMES - 1 - frame)
        return (from_its_end >= quiet[:, None]).float()

    def coloured(self, power):
        """Another microphone: its gain and its frequency response."""
        n = len(power)
        amplitude = COLOUR * torch.randn(n, COLOUR_WAVES, 1, generator=self.generator, device=self.device)
        amplitude *= self.chance(n, self.strength.colour)[:, None, None]
        phase = self.uniform((n, COLOUR_WAVES, 1), 0, 2 * math.pi)
        response = (amplitude * torch.cos(self.waves + phase)).sum(1)
        gain = self.uniform((n, 1), *GAIN_DB) * (math.log(10) / 10)
        return power * (response + gain).exp()[:, None, :]

    def masked(self, features):
        """SpecAugment: bands and a stretch of time replaced by the clip's mean."""
        n = len(features)
        mean = features.mean(dim=(1, 2), keepdim=True)
        for length, widest, shape in ((MEL_BANDS, MASKED_BANDS, (1, -1)), (FRAMES, MASKED_FRAMES, (-1, 1))):
            position = torch.arange(length, device=self.device)
            width = torch.where(self.chance(n, self.strength.mask), self.uniform(n, 0, widest + 1), 0.0).long()
            start = (self.uniform(n) * (length - width + 1)).long()
            hidden = (position >= start[:, None]) & (position < (start + width)[:, None])
            features.copy_(torch.where(hidden.view(n, *shape), mean, features))
        return features

    def mixed(self, features, labels):
        """Some of the clips with another one mixed in (mixup: Zhang et al., arXiv:1710.09412), and the labels' shares."""
        n = len(features)
        share = torch.where(self.chance(n, self.strength.mixed), self.uniform(n, *MIXED_SHARE), 1.0)
        other = torch.randperm(n, generator=self.generator, device=self.device)
        targets = functional.one_hot(labels, self.labels).float()
        targets = share[:, None] * targets + (1 - share[:, None]) * targets[other]
        return features.lerp(features[other], (1 - share)[:, None, None]), targets

    def __call__(self, clips, first, last, cut, silent, labels, progress=0.0):
        """A bank's clips [N, FRAMES, MEL_BANDS], the frames where they are spoken, which of them to cut into partial words,
        which to replace by noise, and their labels → features [N, MEL_BANDS, FRAMES] and the labels' shares [N, labels].

        `progress`: of the training, 0–1."""
        self.strength = STRONG if progress < GENTLE_FROM else GENTLE
        clips = clips.float()
        power = self.placed(clips, self.shifts(first, last, cut))
        there, other = self.neighbours(clips, first, last, cut, silent)
        power[there] += other
        power = self.coloured(self.with_noise(power, silent))
        return self.mixed(self.masked(power.add_(FLOOR).log_()).transpose(1, 2), labels)


class NoiseBank:
    """Frames of noise, in kinds that are drawn with given shares."""

    def __init__(self, kinds, device="cpu"):
        """`kinds`: (share, may it stand for silence, frames, spans) each, the latter two from `bank.noise_frames`."""
        self.shares = torch.tensor([share for share, _, _, _ in kinds], device=device)
        self.silent_shares = self.shares * torch.tensor([float(silent) for _, silent, _, _ in kinds], device=device)
        self.frames = torch.cat([torch.from_numpy(frames) for _, _, frames, _ in kinds]).to(device)
        starts, lengths, counts, offset = [], [], [], 0
        for _, _, frames, spans in kinds:
            starts += [offset + start for start, _ in spans]
            lengths += [length for _, length in spans]
            counts.append(len(spans))
            offset += len(frames)
        self.starts, self.lengths, self.counts = (torch.tensor(x, device=device) for x in (starts, lengths, counts))

    def spectra(self):
        """[frames, MEL_BANDS] of every recording that may stand for silence."""
        may_be_silence = (self.silent_shares > 0).repeat_interleave(self.counts)
        spans = zip(self.starts[may_be_silence].tolist(), self.lengths[may_be_silence].tolist())
        return [self.frames[start : start + length].cpu().numpy() for start, length in spans]

    def __call__(self, n, silent, generator):
        """Power [n, FRAMES, MEL_BANDS], each from a random place of a random recording."""
        shares = torch.where(silent[:, None], self.silent_shares, self.shares)
        kind = torch.multinomial(shares, 1, generator=generator)[:, 0]

        def random():
            return torch.rand(n, generator=generator, device=kind.device)

        before = self.counts.cumsum(0) - self.counts
        which = before[kind] + (random() * self.counts[kind]).long()
        starts = self.starts[which] + (random() * (self.lengths[which] - FRAMES)).long()
        return self.frames[starts[:, None] + torch.arange(FRAMES, device=kind.device)].float().exp_()
