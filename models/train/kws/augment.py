"""From clean clips to what a microphone hears: moved, reverberant, noisy, louder or softer; then to features, which are
stretched, coloured and partly hidden."""
import torch
from torch.nn import functional

from .frontend import FLOOR, FRAMES, MEL_BANDS, log_mel
from .vocabulary import CLIP, RATE

SHIFT = RATE // 10  # samples either way
NOISE_SHARE = 0.75  # of the clips get noise
SNR_DB = (-5.0, 20.0)  # over the whole clip
REVERB_SHARE = 0.25
GAIN_DB = (-32.0, 6.0)
SILENCE_GAIN_DB = (-30.0, 10.0)  # on background recordings as they are
ZERO_SHARE = 0.1  # of the silence is digital zero
COLOURED_SECONDS = 30  # of white, pink and brown noise each, beside the background recordings
SYNTHETIC_ROOMS = 32

WARP_SHARE = 0.6
TIME_STRETCH = (0.85, 1.18)
FORMANT_SHIFT = (0.92, 1.08)  # on the mel axis
COLOUR = 0.7  # standard deviation, ln units, of each of COLOUR_WAVES cosines over the mel axis
COLOUR_WAVES = 3
MASKS = 2  # along each axis
MASKED_BANDS = 6
MASKED_FRAMES = 14


def coloured_noise(exponent, generator):
    """COLOURED_SECONDS of noise whose power falls with frequency to the given exponent, RMS 0.1."""
    n = COLOURED_SECONDS * RATE
    spectrum = torch.fft.rfft(torch.randn(n, generator=generator))
    frequency = torch.arange(len(spectrum)).clamp(min=COLOURED_SECONDS * 20)
    noise = torch.fft.irfft(spectrum * frequency ** (-exponent / 2), n)
    return 0.1 * noise / noise.std()


def synthetic_room(generator):
    """A direct path and an exponentially fading tail, 60 dB down after 0.1–0.6 s."""
    n = RATE // 2
    fading = 0.1 + 0.5 * torch.rand((), generator=generator)
    tail = torch.randn(n, generator=generator) * 10 ** (-3 * torch.arange(n) / RATE / fading)
    tail *= 10 ** (-torch.rand((), generator=generator)) / tail.norm()
    tail[0] = 1.0
    return tail


class Augmenter:
    """Makes training features from clips. All randomness comes from one seed."""

    def __init__(self, background, rooms, seed):
        self.generator = torch.Generator().manual_seed(seed)
        recorded = [torch.from_numpy(x).float() / 32_768 for x in background.values()]
        self.noises = recorded + [coloured_noise(exponent, self.generator) for exponent in (0, 1, 2)]
        rooms = [torch.from_numpy(x)[: RATE // 2] for x in rooms]
        rooms += [synthetic_room(self.generator) for _ in range(SYNTHETIC_ROOMS)]
        rooms = [torch.roll(functional.pad(x, (0, RATE // 2 - len(x))), -int(x.abs().argmax())) for x in rooms]
        self.rooms = torch.fft.rfft(torch.stack([x / x.norm() for x in rooms]), n=2 * RATE)

    def uniform(self, n, low=0.0, high=1.0):
        return low + (high - low) * torch.rand(n, generator=self.generator)

    def integers(self, n, below):
        return torch.randint(below, (n,), generator=self.generator)

    def chance(self, n, share):
        return self.uniform(n) < share

    def shifted(self, clips):
        padded = functional.pad(clips, (SHIFT, SHIFT))
        starts = self.integers(len(clips), 2 * SHIFT + 1)
        return padded.gather(1, starts[:, None] + torch.arange(CLIP))

    def in_rooms(self, clips):
        chosen = torch.nonzero(self.chance(len(clips), REVERB_SHARE))[:, 0]
        rooms = self.rooms[self.integers(len(chosen), len(self.rooms))]
        spectrum = torch.fft.rfft(clips[chosen], n=2 * RATE) * rooms
        clips[chosen] = torch.fft.irfft(spectrum, n=2 * RATE)[:, :CLIP]
        return clips

    def noise(self, n):
        """n clips of noise at its natural level, each from a random place of a random recording."""
        clips = torch.empty(n, CLIP)
        for i, which in enumerate(self.integers(n, len(self.noises)).tolist()):
            recording = self.noises[which]
            start = int(self.integers(1, len(recording) - CLIP))
            clips[i] = recording[start : start + CLIP]
        return clips

    def with_noise(self, clips):
        noise = self.noise(len(clips))
        level = clips.square().mean(1).sqrt() / noise.square().mean(1).sqrt().clamp(min=1e-6)
        level *= 10 ** (-self.uniform(len(clips), *SNR_DB) / 20) * self.chance(len(clips), NOISE_SHARE)
        return clips + noise * level[:, None]

    def silence(self, n):
        gain = 10 ** (self.uniform(n, *SILENCE_GAIN_DB) / 20) * ~self.chance(n, ZERO_SHARE)
        return self.noise(n) * gain[:, None]

    def samples(self, clips, silent):
        """int16 [N, CLIP] → float with the resolution of int16. Where `silent`, the clip is replaced by background."""
        clips = self.in_rooms(self.shifted(clips.float() / 32_768))
        clips[silent] = self.silence(int(silent.sum()))
        clips = self.with_noise(clips)
        clips *= 10 ** (self.uniform(len(clips), *GAIN_DB) / 20)[:, None]
        return (clips * 32_768).round().clamp(-32_768, 32_767) / 32_768

    def warped(self, features):
        """Stretched in time around the middle and along the mel axis around the lowest band."""
        n = len(features)
        warp = self.chance(n, WARP_SHARE)
        stretch = torch.where(warp, self.uniform(n, *TIME_STRETCH), 1.0)
        formants = torch.where(warp, self.uniform(n, *FORMANT_SHIFT), 1.0)
        time = torch.linspace(-1, 1, FRAMES) / stretch[:, None]
        mel = torch.linspace(0, 2, MEL_BANDS) / formants[:, None] - 1
        grid = torch.stack(
            [time[:, None, :].expand(n, MEL_BANDS, FRAMES), mel[:, :, None].expand(n, MEL_BANDS, FRAMES)], dim=3
        )
        return functional.grid_sample(features[:, None], grid, padding_mode="border", align_corners=True)[:, 0]

    def coloured(self, features):
        """Another microphone's frequency response."""
        n = len(features)
        amplitude = COLOUR * torch.randn(n, COLOUR_WAVES, 1, generator=self.generator)
        phase = self.uniform((n, COLOUR_WAVES, 1), 0, 2 * torch.pi)
        waves = torch.arange(1, COLOUR_WAVES + 1)[:, None] * torch.linspace(0, torch.pi, MEL_BANDS)
        response = (amplitude * torch.cos(waves + phase)).sum(1)
        return (features + response[:, :, None]).clamp(min=torch.tensor(FLOOR).log())

    def masked(self, features):
        """SpecAugment: bands and stretches of time replaced by the clip's mean."""
        n = len(features)
        mean = features.mean(dim=(1, 2), keepdim=True)
        for length, widest, shape in ((MEL_BANDS, MASKED_BANDS, (-1, 1)), (FRAMES, MASKED_FRAMES, (1, -1))):
            position = torch.arange(length)
            for _ in range(MASKS):
                width = self.integers(n, widest + 1)
                start = (self.uniform(n) * (length - width + 1)).long()
                hidden = (position >= start[:, None]) & (position < (start + width)[:, None])
                features = torch.where(hidden.view(n, *shape), mean, features)
        return features

    def __call__(self, clips, silent):
        """int16 [N, CLIP] and which of them stand for silence → features [N, MEL_BANDS, FRAMES]."""
        features = log_mel(self.samples(clips, silent))
        return self.masked(self.coloured(self.warped(features)))
