"""Levels in one-third-octave bands (IEC 61260-1:2014, base ten), from long overlapping spectra.

Method: each window of about a second is weighted as in Vorbis, sin(π/2 · sin²), and transformed. A band's power is
that of its bins; a bin that an edge cuts counts by the share of its width inside. Windows overlap by half, and the
squares of two such weights add up to one: but for the first and the last half of a window, every sample counts once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .dft import fast_length, packed_spectra, unpacked_power
from .frames import FrameCutter

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]

WINDOW_S = 1.0
LOWEST_BAND = -16
_OCTAVE = 10**0.3
_REFERENCE_HZ = 1000.0


@dataclass(frozen=True)
class ThirdOctave:
    """One band: its index (0 is 1 kHz), exact mid-band frequency, and edges."""

    index: int

    @property
    def midband_hz(self) -> float:
        """The exact mid-band frequency, 1 kHz · G^(x/3) (equation 2)."""
        return float(_REFERENCE_HZ * _OCTAVE ** (self.index / 3))

    @property
    def edges_hz(self) -> tuple[float, float]:
        """The mid-band frequency over and times G^(1/6) (equations 4 and 5)."""
        ratio = _OCTAVE ** (1 / 6)
        return self.midband_hz / ratio, self.midband_hz * ratio

    @property
    def nominal(self) -> str:
        """The rounded frequency that people call the band by, in Hz: 25, 31.5, 1000, 20000 (annex E)."""
        decade, step = divmod(self.index + 30, 10)
        digits = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)[step]
        return f"{digits * 10**decade:g}" if digits * 10**decade < _LARGE else str(round(digits * 10**decade))


_LARGE = 100_000


def third_octaves(rate_hz: int) -> tuple[ThirdOctave, ...]:
    """Return the bands from 25 Hz up to the last that lies below half the rate with its upper edge."""
    bands = []
    index = LOWEST_BAND
    while ThirdOctave(index).edges_hz[1] <= rate_hz / 2:
        bands.append(ThirdOctave(index))
        index += 1
    return tuple(bands)


class BandSpectrum:
    """Turns a stream of samples into the power of each band in each window."""

    def __init__(self, rate_hz: int, bands: tuple[ThirdOctave, ...]) -> None:
        """Start before the first sample."""
        self.length = fast_length(round(WINDOW_S * rate_hz))
        self.hop = self.length // 2
        self._cutter = FrameCutter(length=self.length, hop=self.hop, padding=0)
        half_wave = np.sin(np.pi * (np.arange(self.length) + 0.5) / self.length)
        self._window = np.sin(np.pi / 2 * np.square(half_wave)).astype(np.float32)
        weights = _bin_weights(rate_hz, self.length, bands)
        self._first = np.array([first for first, _ in weights], dtype=np.int64)
        self._widths = np.array([len(shares) for _, shares in weights], dtype=np.int64)
        self._weights = np.concatenate([np.empty(0, dtype=np.float32), *(shares for _, shares in weights)])

    def push(self, samples: Floats) -> Doubles:
        """Return the mean-square power of the windows that `samples` complete: (n,) float32 in, (k, bands) out.

        Window `t` begins at sample t·hop. What is left at the end fills no window.
        """
        frames = self._cutter.push(samples)
        powers = np.empty((len(frames), len(self._first)))
        # One at a time: a window of a second is many times a processor's cache.
        for row, frame in enumerate(frames):
            # A recorder's offset is no sound, and would round off quiet bands.
            power = unpacked_power(packed_spectra(((frame - frame.mean()) * self._window)[np.newaxis]))[0]
            _weigh(power, self._first, self._widths, self._weights, powers[row])
        return powers


@compiled("void(float32[::1], int64[::1], int64[::1], float32[::1], float64[::1])")
def _weigh(power: Floats, first: Counts, widths: Counts, weights: Floats, bands: Doubles) -> None:
    """Write the power of each band: the bins from its first one on, times its weights, which lie one after another."""
    passed = 0
    for band in range(len(first)):
        total = 0.0
        for index in range(widths[band]):
            total += np.float64(power[first[band] + index]) * np.float64(weights[passed + index])
        bands[band] = total
        passed += widths[band]


def _bin_weights(rate_hz: int, length: int, bands: tuple[ThirdOctave, ...]) -> list[tuple[int, Floats]]:
    """Return for each band the first bin it reaches, and what share of each bin, as mean square, it has."""
    width_hz = rate_hz / length
    # Half the spectrum stands for all of it, and the mean square of the window is one half.
    scale = 2 / (length * length / 2)
    found = []
    for band in bands:
        low, high = (edge_hz / width_hz for edge_hz in band.edges_hz)
        first, last = round(low), round(high)
        index = np.arange(first, last + 1)
        shares = np.minimum(index + 0.5, high) - np.maximum(index - 0.5, low)
        found.append((first, (scale * shares).astype(np.float32)))
    return found
