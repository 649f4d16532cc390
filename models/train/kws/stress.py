"""What happens to a recording on its way to the model: noise, another moment, another level. In samples, for measuring."""
import numpy as np

from .vocabulary import CLIP, RATE


def noise_clips(sounds, count, rng):
    """float32 [count, CLIP] from random places of recordings (int16 arrays), in turn; none of it digital silence."""
    found = []
    while len(found) < count:
        sound = sounds[len(found) % len(sounds)] if rng.random() < 0.5 else sounds[rng.integers(len(sounds))]
        start = rng.integers(max(1, len(sound) - CLIP))
        piece = sound[start : start + CLIP].astype(np.float32)
        if len(piece) == CLIP and np.square(piece).mean() > 1:
            found.append(piece)
    return np.stack(found)


def noisy(clips, sounds, snr_db, seed):
    """Clips int16 [N, CLIP] with noise over the whole clip, at the given ratio of the clip's power to the noise's."""
    rng = np.random.default_rng(seed)
    noise = noise_clips(sounds, len(clips), rng)
    clips = clips.astype(np.float32)
    power, noise_power = (np.square(x, dtype=np.float64).mean(1) for x in (clips, noise))
    factor = np.sqrt(power / noise_power / 10 ** (snr_db / 10))[:, None]
    return as_int16(clips + noise * factor)


def shifted(clips, milliseconds):
    """Later by so much (earlier if negative); zeros where nothing was recorded."""
    n = round(milliseconds * RATE / 1000)
    out = np.zeros_like(clips)
    if n >= 0:
        out[:, n:] = clips[:, : CLIP - n]
    else:
        out[:, :n] = clips[:, -n:]
    return out


def louder(clips, decibels):
    return as_int16(clips.astype(np.float32) * 10 ** (decibels / 20))


def as_int16(samples):
    return np.clip(np.round(samples), -32_768, 32_767).astype(np.int16)


def conditions(clips, environment_sounds, background_sounds, seed):
    """{name: clips under that stress}."""
    return {
        "clean": clips,
        "environment 10 dB": noisy(clips, environment_sounds, 10, seed),
        "environment 0 dB": noisy(clips, environment_sounds, 0, seed),
        "background 10 dB": noisy(clips, background_sounds, 10, seed),
        "background 0 dB": noisy(clips, background_sounds, 0, seed),
        "100 ms later": shifted(clips, 100),
        "100 ms earlier": shifted(clips, -100),
        "20 dB softer": louder(clips, -20),
    }
