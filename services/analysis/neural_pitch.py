"""Pitch by SwiftF0, a small network trained on voices and instruments."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .shared import SPEECH_RATE_HZ, Floats

if TYPE_CHECKING:
    from swift_f0 import PitchResult, SwiftF0

HOP_SAMPLES = 256
# The range of the network.
F_MIN_HZ = 46.875
F_MAX_HZ = 2093.75

# 4.1 s: what a call hears again of its neighbours, 21 frames, is 8 % of it, and the network's own memory stays small.
_SAMPLES_AT_ONCE = 256 * HOP_SAMPLES

Doubles = NDArray[np.float64]


@cache
def _network() -> "SwiftF0":
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


class NeuralPitch:
    """SwiftF0 over a stream at 16 kHz, frame by frame what its `detect` says of the whole."""

    def __init__(self, *, f_min_hz: float, f_max_hz: float) -> None:
        """Start before the first sample; the first of a process loads the network."""
        self._stream = _network().stream(f_min_hz, f_max_hz)
        self._waiting: list[Floats] = []
        self._waiting_samples = 0

    def push(self, samples: Floats) -> "PitchResult | None":
        """Return the next frames when there are many, and None otherwise; takes (n,) float32."""
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        return self._released() if self._waiting_samples >= _SAMPLES_AT_ONCE else None

    def finish(self) -> "list[PitchResult]":
        """Return the frames that are left."""
        return [self._released(), self._stream.flush()]

    def _released(self) -> "PitchResult":
        samples = np.concatenate(self._waiting)
        self._waiting = []
        self._waiting_samples = 0
        return self._stream.push(samples, SPEECH_RATE_HZ)
