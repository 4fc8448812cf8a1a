"""Integrated loudness after ITU-R BS.1770-4."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .dft import filtered
from .steps import STEPS_PER_S, StepGrid

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
LOWEST_RATE_HZ = 4000
STEPS_PER_GATING_BLOCK = 4

# Left, right, centre; then the surrounds of 5.0, and of 5.1 with its low-frequency channel left out.
_SURROUND_WEIGHTS = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}


class KWeighting:
    """The two filters of BS.1770, at any rate, by overlap and save.

    Their impulse response is cut after a quarter of the transform (at least 85 ms, where it has fallen below
    -150 dB); what reaches further is the whole error of this over the recursive filters.
    """

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        """Sample the filters' response once."""
        self._length = 1 << int(np.ceil(np.log2(0.34 * rate_hz)))
        self._overlap = self._length // 4
        self._response = np.repeat(_packed_response(rate_hz, self._length)[np.newaxis], channels, axis=0)
        self._pending: Floats | None = None

    def push(self, samples: Floats) -> Iterator[Floats]:
        """Yield weighted samples as they become complete: (n, channels) float32 in and out."""
        before = self._before(samples) if self._pending is None else self._pending
        self._pending = np.concatenate([before, samples.T], axis=1)
        while self._pending.shape[1] >= self._length:
            yield self._weighted(self._pending[:, : self._length])
            self._pending = self._pending[:, self._length - self._overlap :]

    def finish(self) -> Floats:
        """Return what is left, (n, channels) float32."""
        if self._pending is None:
            return np.empty((0, len(self._response)), dtype=np.float32)
        left = self._pending.shape[1] - self._overlap
        padded = np.pad(self._pending, ((0, 0), (0, self._length - self._pending.shape[1])))
        return self._weighted(padded)[:left]

    def _before(self, samples: Floats) -> Floats:
        # As if the first sample had always been there: a recording with an offset must not begin with a click.
        return np.repeat(samples[:1].T, self._overlap, axis=1)

    def _weighted(self, rows: Floats) -> Floats:
        return filtered(np.ascontiguousarray(rows), self._response)[:, self._overlap :].T


class LoudnessMeter:
    """Integrated loudness of a stream of samples; keeps one number per 100 ms."""

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        """Start at sample zero."""
        self._rate_hz = rate_hz
        self._weights = np.array(_SURROUND_WEIGHTS.get(channels, (1.0,) * channels))
        self._filter = KWeighting(rate_hz=rate_hz, channels=channels)
        self._grid = StepGrid(rate_hz)
        self._open_energy = 0.0
        self._step_energies: list[float] = []

    def add(self, samples: Floats) -> None:
        """Take the next samples, (n, channels) float32 in [-1, 1]."""
        for weighted in self._filter.push(samples):
            self._measure(weighted)

    def integrated_lufs(self) -> float | None:
        """Return the loudness, or None when no gating block (400 ms) is louder than -70 LUFS. Ends the stream."""
        self._measure(self._filter.finish())
        energies = np.array(self._step_energies)
        if len(energies) < STEPS_PER_GATING_BLOCK:
            return None
        block_s = STEPS_PER_GATING_BLOCK / STEPS_PER_S
        blocks = np.convolve(energies, np.ones(STEPS_PER_GATING_BLOCK), mode="valid") / (block_s * self._rate_hz)
        return _gated_loudness(blocks)

    def _measure(self, weighted: Floats) -> None:
        for piece, ends in self._grid.cut(len(weighted)):
            part = weighted[piece]
            self._open_energy += float(np.einsum("ij,ij->j", part, part) @ self._weights)
            if ends:
                self._step_energies.append(self._open_energy)
                self._open_energy = 0.0


def _gated_loudness(mean_squares: Doubles) -> float | None:
    audible = mean_squares[mean_squares > _mean_square(ABSOLUTE_GATE_LUFS)]
    if not len(audible):
        return None
    foreground = audible[audible > audible.mean() * 10 ** (RELATIVE_GATE_LU / 10)]
    return float(-0.691 + 10 * np.log10(foreground.mean()))


def _mean_square(loudness_lufs: float) -> float:
    return float(10 ** ((loudness_lufs + 0.691) / 10))


def _packed_response(rate_hz: int, length: int) -> Floats:
    """Return the K-weighting's frequency response, packed like `dft.packed_spectra`."""
    delay = np.exp(-2j * np.pi * np.arange(1 + length // 2) / length)
    response = np.ones_like(delay)
    for numerator, denominator in _k_weighting(rate_hz):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    packed = np.empty(length, dtype=np.float32)
    packed[0] = response[0].real
    packed[1::2] = response[1:].real
    packed[2::2] = response[1:-1].imag
    return packed


def _k_weighting(rate_hz: int) -> tuple[tuple[Doubles, Doubles], tuple[Doubles, Doubles]]:
    """Return numerator and denominator of the shelf (stage 1) and the high-pass (stage 2).

    BS.1770 gives coefficients for 48 kHz only. These are the analogue filters behind them, brought to `rate_hz` by
    the bilinear transform (Brecht De Man, Evaluation of Implementations of the EBU R128 Loudness Measurement, 2018;
    the constants as in libebur128).
    """
    k = np.tan(np.pi * 1681.974450955533 / rate_hz)
    q, gain = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = gain**0.4996667741545416
    shelf = np.array([gain + band * k / q + k * k, 2 * (k * k - gain), gain - band * k / q + k * k])
    shelf_poles = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    k, q = np.tan(np.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    pass_poles = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]) / (1 + k / q + k * k)
    return (shelf, shelf_poles), (np.array([1.0, -2.0, 1.0]), pass_poles)
