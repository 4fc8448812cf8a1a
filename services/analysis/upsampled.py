"""The recording at a higher rate, with the edge of its band where the models trained on librosa's audio expect it."""

import math

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .framed import Floats

# The filter `kaiser_fast` of resampy, which is librosa's: a sinc with so many zero crossings on each side, cut off at
# this share of half the lower rate, in a Kaiser window of this shape.
_CROSSINGS = 24
_ROLL_OFF = 0.868212
_BETA = 9.90322
_TAPS = 2 * _CROSSINGS


class Upsampler:
    """Resamples a stream to a higher rate as `librosa.resample(…, res_type="kaiser_fast")` does with the whole."""

    def __init__(self, rate_hz: int, to_rate_hz: int) -> None:
        """Start before the first sample."""
        common = math.gcd(rate_hz, to_rate_hz)
        self._step = rate_hz // common
        self._phases = to_rate_hz // common
        self._filters = _interpolation_filters(self._phases)
        self._held = np.zeros(_CROSSINGS - 1, dtype=np.float32)
        # Of the first tap of the next sample in what is held, in parts of a sample.
        self._position = 0
        self._taken = 0
        self._made = 0

    def push(self, samples: Floats) -> Floats:
        """Return what can be said so far at the other rate, (m,) float32; takes (n,) float32."""
        self._taken += len(samples)
        return self._upsampled(samples, self._left() if len(samples) else 0)

    def finish(self) -> Floats:
        """Return what is left."""
        return self._upsampled(np.zeros(_TAPS, dtype=np.float32), self._left())

    def _left(self) -> int:
        return math.ceil(self._taken * self._phases / self._step) - self._made

    def _upsampled(self, samples: Floats, at_most: int) -> Floats:
        held = np.concatenate([self._held, samples])
        possible = 1 + ((len(held) - _TAPS + 1) * self._phases - 1 - self._position) // self._step
        made = np.empty(max(0, min(at_most, possible)), dtype=np.float32)
        _interpolate(held, self._filters, self._position, self._step, made)
        self._made += len(made)
        self._position += len(made) * self._step
        passed = min(self._position // self._phases, len(held))
        self._held = held[passed:].copy()
        self._position -= passed * self._phases
        return made


def _interpolation_filters(phases: int) -> Floats:
    """Return what each of 48 samples around weighs, (phases, 48) float32, for each distance from the one before."""
    apart = np.arange(phases)[:, np.newaxis] / phases - np.arange(1 - _CROSSINGS, 1 + _CROSSINGS)
    window = np.i0(_BETA * np.sqrt(1 - np.square(apart / _CROSSINGS))) / np.i0(_BETA)
    filters: NDArray[np.float64] = _ROLL_OFF * np.sinc(_ROLL_OFF * apart) * window
    return np.ascontiguousarray(filters, dtype=np.float32)


@compiled("void(float32[::1], float32[:, ::1], int64, int64, float32[::1])")
def _interpolate(held: Floats, filters: Floats, position: int, step: int, made: Floats) -> None:
    phases, taps = filters.shape
    for index in range(len(made)):
        first, phase = position // phases, position % phases
        # Four sums: one would wait for itself.
        a = b = c = d = np.float32(0)
        for tap in range(0, taps, 4):
            a += held[first + tap] * filters[phase, tap]
            b += held[first + tap + 1] * filters[phase, tap + 1]
            c += held[first + tap + 2] * filters[phase, tap + 2]
            d += held[first + tap + 3] * filters[phase, tap + 3]
        made[index] = (a + b) + (c + d)
        position += step
