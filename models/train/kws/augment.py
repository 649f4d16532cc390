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
NATURAL_SHIFT = 11  # either way, from where the recording has it
ENDING_SHARE = 0.4  # of the clips: the word's end is put anywhere between the window's end and where the recording has it
OVERHANG = 2  # frames of the word's fading end that may lie beyond the window's end
REMAINDER = (0.15, 0.45)  # of a word that is cut, what is left of it

SNR_DB = (-4.0, 22.0)  # over the whole clip
GAIN_DB = (-34.0, 6.0)
SILENCE_GAIN_DB = (-30.0, 10.0)  # on noise as it is
ZERO_SHARE = 0.1  # of the silence is digital zero
PAUSE_SHARE = 0.6  # of the clips: what lies beyond the recording's ends is its own quiet background, else digital zero

LEAST_OF_25 = 3.2  # ln units by which the least of 25 exponentially spread powers lies under their mean
TABLE_CLIPS = 1024

TIME_STRETCH = (0.85, 1.18)
FORMANT_SHIFT = (0.91, 1.10)  # on the mel axis
COLOUR = 0.6  # standard deviation, ln units, of each of COLOUR_WAVES cosines over the mel axis
COLOUR_WAVES = 3
MASKED_BANDS = 6
MASKED_FRAMES = 12


@dataclass(frozen=True)
class Strength:
    """How many of the clips, as a share, are changed in which way."""

    noise: float
    warp: float
    colour: float
    mask: float
    neighbour_of_cut: float  # cut words that have the rest of another word at the window's other end
    neighbour_of_whole: float  # other clips that have the end of another word at the window's beginning


STRONG = Strength(0.6, 0.7, 0.7, 0.6, 0.5, 0.12)
GENTLE = Strength(0.55, 0.45, 0.6, 0.15, 0.5, 0.06)  # for the last cycle, towards what is really heard


class Augmenter:
    """Makes training features from a bank's clips. All randomness comes from one seed."""

    def __init__(self, noise, seed, strength=STRONG):
        """`noise`: a `NoiseBank`."""
        self.strength = strength
        self.generator = torch.Generator().manual_seed(seed)
        self.noise = noise
        # Large tables of random numbers, of which a batch takes a random stretch: drawing them anew is half of the time.
        shape = (TABLE_CLIPS, FRAMES, MEL_BANDS)
        self.flutter = torch.empty(shape).exponential_(generator=self.generator)
        bins = FILTERBANK.sum(0).square() / FILTERBANK.square().sum(0)
        phase = 2 * math.pi * torch.rand(shape, generator=self.generator)
        self.interference = phase.cos() * (2 / bins.sqrt()).clamp(max=2)  # neighbouring bins go together in pairs
        self.waves = torch.arange(1, COLOUR_WAVES + 1)[:, None] * torch.linspace(0, math.pi, MEL_BANDS)

    def uniform(self, n, low=0.0, high=1.0):
        return low + (high - low) * torch.rand(n, generator=self.generator)

    def chance(self, n, share):
        return self.uniform(n) < share

    def some(self, table, n):
        start = int(torch.randint(TABLE_CLIPS - n + 1, (), generator=self.generator))
        return table[start : start + n]

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
        order = torch.randperm(n, generator=self.generator)
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
        time = (torch.linspace(-1, 1, FRAMES) - shift[:, None] * (2 / (FRAMES - 1))) / stretch[:, None]
        grid = torch.empty(n, FRAMES, MEL_BANDS, 2)
        grid[..., 0] = (torch.linspace(0, 2, MEL_BANDS) / formants[:, None] - 1)[:, None, :]
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
        power *= ~silent[:, None, None]
        crossed = (power * noise).sqrt_().mul_(self.some(self.interference, n))
        return crossed.add_(power).add_(noise).clamp_(min=0)

    def coloured(self, power):
        """Another microphone: its gain and its frequency response."""
        n = len(power)
        amplitude = COLOUR * torch.randn(n, COLOUR_WAVES, 1, generator=self.generator)
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
            position = torch.arange(length)
            width = torch.where(self.chance(n, self.strength.mask), self.uniform(n, 0, widest + 1), 0.0).long()
            start = (self.uniform(n) * (length - width + 1)).long()
            hidden = (position >= start[:, None]) & (position < (start + width)[:, None])
            features.copy_(torch.where(hidden.view(n, *shape), mean, features))
        return features

    def __call__(self, clips, first, last, cut, silent):
        """A bank's clips [N, FRAMES, MEL_BANDS], the frames where they are spoken, which of them to cut into partial words and
        which to replace by noise → features [N, MEL_BANDS, FRAMES]."""
        clips = clips.float()
        power = self.placed(clips, self.shifts(first, last, cut))
        there, other = self.neighbours(clips, first, last, cut, silent)
        power[there] += other
        power = self.coloured(self.with_noise(power, silent))
        return self.masked(power.add_(FLOOR).log_()).transpose(1, 2)


class NoiseBank:
    """Frames of noise, in kinds that are drawn with given shares."""

    def __init__(self, kinds):
        """`kinds`: (share, may it stand for silence, frames, spans) each, the latter two from `bank.noise_frames`."""
        self.shares = torch.tensor([share for share, _, _, _ in kinds])
        self.silent_shares = self.shares * torch.tensor([float(silent) for _, silent, _, _ in kinds])
        self.frames = torch.cat([torch.from_numpy(frames) for _, _, frames, _ in kinds])
        self.spans, offset = [], 0
        for _, _, frames, spans in kinds:
            self.spans.append(torch.tensor([(offset + start, length) for start, length in spans]))
            offset += len(frames)

    def __call__(self, n, silent, generator):
        """Power [n, FRAMES, MEL_BANDS], each from a random place of a random recording."""
        shares = torch.where(silent[:, None], self.silent_shares, self.shares)
        kind = torch.multinomial(shares, 1, generator=generator)[:, 0]
        starts = torch.empty(n, dtype=torch.long)
        for i, spans in enumerate(self.spans):
            chosen = torch.nonzero(kind == i)[:, 0]
            which = spans[torch.randint(len(spans), (len(chosen),), generator=generator)]
            starts[chosen] = which[:, 0] + (torch.rand(len(chosen), generator=generator) * (which[:, 1] - FRAMES)).long()
        return self.frames[starts[:, None] + torch.arange(FRAMES)].float().exp_()
