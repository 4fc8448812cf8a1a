"""Autocorrelations of frames that overlap: each hop is transformed once, not once for every frame that holds it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .dft import INVERSE

Doubles = NDArray[np.float64]


def hop_autocorrelations(hops: Doubles, *, frame_hops: int, lags: int) -> Doubles:
    """Return sum(x[j] · x[j + lag]) of each frame, for lag 0 up to `lags` - 1.

    hops     (k + frame_hops - 1, hop) float64, hop even: frame i is the rows from i to i + frame_hops - 1
    lags     at most hop + 1: within a frame, a hop then correlates with itself and the next only
    returns  (k, lags) float64

    In a transform of two hops, the next hop stands one hop later, which changes the sign of every second bin; what
    wraps around has lags beyond a hop.
    """
    count = max(0, len(hops) - frame_hops + 1)
    if not count:
        return np.empty((0, lags))
    padded = np.zeros((len(hops), 2 * hops.shape[1]))
    padded[:, : hops.shape[1]] = hops
    power = np.empty((count, padded.shape[1]))
    _add_hops(np.asarray(cv2.dft(padded, flags=cv2.DFT_ROWS), dtype=np.float64), frame_hops, power)
    return np.asarray(cv2.dft(power, flags=INVERSE)[:, :lags], dtype=np.float64)


@compiled("void(float64[:,::1], int64, float64[:,::1])")
def _add_hops(spectra: Doubles, frame_hops: int, power: Doubles) -> None:
    """Write the transform of each frame's autocorrelation, packed as the `spectra` of its hops are."""
    last = spectra.shape[1] - 1
    own, joined = np.zeros(spectra.shape), np.empty((len(spectra) - 1, last + 1))
    signs = np.ones(last // 2)
    signs[::2] = -1
    for hop in range(len(spectra)):
        now, alone = spectra[hop], own[hop]
        # Half of the length is an even bin: a hop is.
        alone[0], alone[last] = now[0] * now[0], now[last] * now[last]
        for index in range(last // 2):
            real, imaginary = now[2 * index + 1], now[2 * index + 2]
            alone[2 * index + 1] = real * real + imaginary * imaginary
    for hop in range(len(joined)):
        now, after, alone, both = spectra[hop], spectra[hop + 1], own[hop], joined[hop]
        both[0], both[last] = alone[0] + now[0] * after[0], alone[last] + now[last] * after[last]
        for index in range(last // 2):
            real, imaginary = 2 * index + 1, 2 * index + 2
            both[real] = alone[real] + signs[index] * (now[real] * after[real] + now[imaginary] * after[imaginary])
            both[imaginary] = signs[index] * (now[real] * after[imaginary] - now[imaginary] * after[real])
    for frame in range(len(power)):
        row = power[frame]
        row[:] = own[frame + frame_hops - 1]
        for hop in range(frame, frame + frame_hops - 1):
            row += joined[hop]
