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
    _add_hops(cv2.dft(padded, flags=cv2.DFT_ROWS), frame_hops, power)
    return np.asarray(cv2.dft(power, flags=INVERSE)[:, :lags], dtype=np.float64)


@compiled("void(float64[:,::1], int64, float64[:,::1])")
def _add_hops(spectra: Doubles, frame_hops: int, power: Doubles) -> None:
    """Write the transform of each frame's autocorrelation, packed as the `spectra` of its hops are."""
    last = spectra.shape[1] - 1
    joined = np.empty((len(spectra) - 1, last + 1))
    for hop in range(len(joined)):
        now, after, both = spectra[hop], spectra[hop + 1], joined[hop]
        both[0] = now[0] * (now[0] + after[0])
        # Half of the length is an even bin: a hop is.
        both[last] = now[last] * (now[last] + after[last])
        sign = -1.0
        for real in range(1, last, 2):
            imaginary = real + 1
            own = now[real] * now[real] + now[imaginary] * now[imaginary]
            both[real] = own + sign * (now[real] * after[real] + now[imaginary] * after[imaginary])
            both[imaginary] = sign * (now[real] * after[imaginary] - now[imaginary] * after[real])
            sign = -sign
    for frame in range(len(power)):
        row, end = power[frame], spectra[frame + frame_hops - 1]
        row[:] = joined[frame]
        for hop in range(frame + 1, frame + frame_hops - 1):
            row += joined[hop]
        row[0] += end[0] * end[0]
        row[last] += end[last] * end[last]
        for real in range(1, last, 2):
            row[real] += end[real] * end[real] + end[real + 1] * end[real + 1]
