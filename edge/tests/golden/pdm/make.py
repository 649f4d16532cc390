"""Designs the decimation filter for PDM microphones, and writes what edge/tests/pdm.rs compares the crate with.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make.py

Writes beside itself:
  taps.csv      the first half and the middle of the symmetric FIR filter, times 2^15
  response.csv  the whole chain's gain in dB at frequencies in Hz, for bit clocks of 1.024 and 2.048 MHz
  KHZ.pdm       bits of a sigma-delta modulator, most significant first, at a bit clock of KHZ kHz
  KHZ.csv       the samples at 16 kHz that scipy's filters make of them, in units of a 16-bit sample
and prints the figures that edge/README.md gives.
"""

from pathlib import Path

import numpy as np
from scipy import signal

FOLDER = Path(__file__).parent
RATE = 16_000
MIDDLE = 4 * RATE  # between the CIC filter and the FIR filter
ORDER = 5
TAPS = 129
PASS, STOP = 7_000, 9_000
CLOCKS = (1_024_000, 2_048_000)


def cic_gain(frequencies, clock):
    """The gain of a CIC filter from `clock` to MIDDLE, 1 at 0 Hz."""
    factor = clock // MIDDLE
    x = np.pi * np.asarray(frequencies, float) / clock
    return np.abs(np.where(x == 0, 1.0, np.sin(factor * x) / (factor * np.sin(np.where(x == 0, 1.0, x))))) ** ORDER


def design():
    """FIR taps that undo the CIC filter's droop up to PASS and reject from STOP on."""
    edges = np.linspace(0, PASS, 40)
    bands = np.repeat(edges, 2)[1:-1]
    gains = 1 / cic_gain(bands, CLOCKS[0])
    weights = np.append(np.ones(len(edges) - 1), 30)
    taps = signal.firls(TAPS, np.append(bands, [STOP, MIDDLE / 2]), np.append(gains, [0, 0]), weight=weights, fs=MIDDLE)
    return np.round(taps * 2**15).astype(int)


def chain_gain(frequencies, clock, taps):
    """The gain of both filters; frequencies up to half the clock."""
    _, fir = signal.freqz(taps / 2**15, worN=frequencies, fs=MIDDLE)
    return np.abs(fir) * cic_gain(frequencies, clock)


def modulate(samples):
    """A sigma-delta modulator of second order."""
    bits = np.empty(len(samples), np.uint8)
    first = second = 0.0
    for index, sample in enumerate(samples):
        bit = 1 if second >= 0 else -1
        bits[index] = bit > 0
        first += sample - bit
        second += first - bit
    return bits


def decimate(bits, clock, taps):
    """What the filters make of bits, by scipy in floating point."""
    boxcar = np.ones(clock // MIDDLE) / (clock // MIDDLE)
    values = 2.0 * bits - 1
    for _ in range(ORDER):
        values = signal.lfilter(boxcar, 1, values)
    factor = clock // MIDDLE
    middle = values[factor - 1 :: factor]
    return signal.lfilter(taps / 2**15, 1, middle)[3::4] * 2**15


def decibels(gain):
    return 20 * np.log10(np.maximum(gain, 1e-10))


def main():
    taps = design()
    assert (taps == taps[::-1]).all()
    np.savetxt(FOLDER / "taps.csv", taps[: TAPS // 2 + 1], fmt="%d")

    frequencies = np.array([50, *range(500, 8_000, 500), 8_500, 9_000, 10_000, 12_000, 15_000, 20_000, 31_000])
    gains = [decibels(chain_gain(frequencies, clock, taps)) for clock in CLOCKS]
    np.savetxt(
        FOLDER / "response.csv", np.column_stack([frequencies, *gains]), fmt=["%d", "%.4f", "%.4f"], delimiter=","
    )

    for clock in CLOCKS:
        passed = decibels(chain_gain(np.arange(20, PASS + 1, 10), clock, taps))
        # What comes out below PASS comes from within PASS of multiples of the rate.
        folded = np.arange(STOP, clock // 2, 10)
        folded = folded[np.abs((folded + RATE / 2) % RATE - RATE / 2) <= PASS]
        rejected = decibels(chain_gain(folded, clock, taps)).max()
        print(f"{clock} Hz: ripple {np.ptp(passed):.3f} dB from 20 to {PASS} Hz, aliases below {rejected:.1f} dB")

        time = np.arange(clock // 50) / clock
        tones = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.25 * np.sin(2 * np.pi * 6_500 * time)
        bits = modulate(tones)
        (FOLDER / f"{clock // 1_000}.pdm").write_bytes(np.packbits(bits).tobytes())
        np.savetxt(FOLDER / f"{clock // 1_000}.csv", decimate(bits, clock, taps), fmt="%.3f")


main()
