"""YIN's difference function: how badly a frame repeats itself after each lag."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .dft import autocorrelations
from .hop_correlation import hop_autocorrelations

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_TINY = float(np.finfo(np.float64).tiny)
# Their transforms stay in a core's cache.
_FRAMES_AT_ONCE = 32


@dataclass(frozen=True)
class LagRange:
    """The lags that pitches between two frequencies have at a rate; `longest` is less than a frame."""

    rate_hz: int
    f_min_hz: float
    f_max_hz: float
    frame_length: int

    @property
    def shortest(self) -> int:
        """Period of the highest pitch in samples, rounded down."""
        return int(np.floor(self.rate_hz / self.f_max_hz))

    @property
    def longest(self) -> int:
        """Period of the lowest pitch in samples, rounded up."""
        return min(int(np.ceil(self.rate_hz / self.f_min_hz)), self.frame_length - 1)


def normalized_differences(frames: Floats, longest_lag: int, *, hop: int) -> Doubles:
    """Return d'(lag) of each frame for lag 1 up to `longest_lag`: 0 where it repeats itself, about 1 elsewhere.

    frames   (k, n) float32, n > `longest_lag`: frame i + 1 begins `hop` samples after frame i, an even share of n
    returns  (k, longest_lag) float64

    Equation 8 of de Cheveigné and Kawahara (2002), as librosa's `_cumulative_mean_normalized_difference` computes it
    from float64 frames: in float32, a direct current leaves too little precision to find troughs.
    """
    differences = np.empty((len(frames), longest_lag))
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        piece = slice(start, start + _FRAMES_AT_ONCE)
        _normalize(*_correlated(frames[piece], longest_lag, hop), differences[piece])
    return differences


def _correlated(frames: Floats, longest_lag: int, hop: int) -> tuple[Doubles, Doubles]:
    """Return what each frame begins with, as long as the longest lag or longer, and its autocorrelation."""
    if longest_lag > hop:
        precise = frames.astype(np.float64)
        return precise, autocorrelations(precise, lags=longest_lag + 1)
    hops = np.concatenate([frames[:, :hop], frames[-1, hop:].reshape(-1, hop)], dtype=np.float64)
    return hops, hop_autocorrelations(hops, frame_hops=frames.shape[1] // hop, lags=longest_lag + 1)


@compiled("void(float64[:,::1], float64[:,:], float64[:,::1])")
def _normalize(beginnings: Doubles, correlation: Doubles, differences: Doubles) -> None:
    for frame in range(differences.shape[0]):
        energy = 0.0
        total = 0.0
        for lag in range(1, differences.shape[1] + 1):
            sample = beginnings[frame, lag - 1]
            energy += sample * sample
            difference = 2 * (correlation[frame, 0] - correlation[frame, lag])
            # librosa 0.11 clears the first energy before it subtracts it.
            if lag > 1:
                difference -= energy
            total += difference
            differences[frame, lag - 1] = difference / (total / lag + _TINY)


@compiled("float64(float64, float64, float64)")
def parabolic_shift(before: float, at: float, after: float) -> float:
    """Return how far the vertex of the parabola through three neighbours lies from the middle one, in (-1, 1)."""
    curvature = after + before - 2 * at
    slope = (after - before) / 2
    if abs(slope) >= abs(curvature):
        return 0.0
    return -slope / curvature
