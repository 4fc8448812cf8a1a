"""Shape of a spectrum, frame by frame."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .framed import BINS, FRAME_LENGTH, HOP, Floats
from .frames import FrameCutter

_FLATNESS_FLOOR = 1e-10
_ZERO_BELOW = 1e-10


def centroids_hz(magnitude: Floats, frequencies_hz: Floats) -> Floats:
    """Return the mean frequency of each frame, weighted by magnitude; 0 where there is none.

    magnitude       (k, bins) float32
    frequencies_hz  (bins,) float32
    returns         (k,) float32
    """
    total = magnitude.sum(axis=1)
    return np.asarray(np.divide(magnitude @ frequencies_hz, total, out=np.zeros_like(total), where=total > 0))


def bandwidths_hz(magnitude: Floats, frequencies_hz: Floats, centroid_hz: Floats) -> Floats:
    """Return the standard deviation of frequency around the centroid, weighted by magnitude, (k,) float32."""
    total = magnitude.sum(axis=1)
    squared_distance = np.square(frequencies_hz - centroid_hz[:, np.newaxis])
    variance = np.einsum("ij,ij->i", magnitude, squared_distance)
    return np.asarray(np.sqrt(np.divide(variance, total, out=np.zeros_like(total), where=total > 0)))


def rolloffs_hz(magnitude: Floats, frequencies_hz: Floats, share: float) -> Floats:
    """Return the lowest frequency below which lies `share` of each frame's magnitude, (k,) float32."""
    bins = np.empty(len(magnitude), dtype=np.int64)
    _find_rolloffs(np.ascontiguousarray(magnitude), np.float32(share), bins)
    return np.asarray(frequencies_hz[bins])


@compiled("void(float32[:, ::1], float32, int64[::1])")
def _find_rolloffs(magnitude: Floats, share: np.float32, bins: NDArray[np.int64]) -> None:
    cumulative = np.empty(magnitude.shape[1], dtype=np.float32)
    for frame in range(magnitude.shape[0]):
        total = np.float32(0)
        for column in range(magnitude.shape[1]):
            total += magnitude[frame, column]
            cumulative[column] = total
        bins[frame] = np.searchsorted(cumulative, share * total)


def flatnesses(power: Floats) -> Floats:
    """Return the geometric over the arithmetic mean of each frame's power, (k,) float32 in [0, 1]: 1 is white."""
    floored = np.maximum(power, np.float32(_FLATNESS_FLOOR))
    return np.asarray(np.exp(np.log(floored).mean(axis=1)) / floored.mean(axis=1))


class SpectralFlux:
    """How much louder the bins get from one frame to the next: the mean over bins of what each gains in magnitude.

    Half-wave rectified and linear (Dixon: Onset detection revisited, 2006):
    `librosa.onset.onset_strength(S=|STFT|, center=False)`.
    """

    def __init__(self) -> None:
        """Start before the first frame, which follows none and has no flux."""
        self._last = np.empty((0, BINS), dtype=np.float32)

    def add(self, magnitude: Floats) -> Floats:
        """Return the flux of the next frames: (k, 1025) float32 in, (k,) float32 out, NaN for the very first."""
        if not len(magnitude):
            return np.empty(0, dtype=np.float32)
        flux = np.full(len(magnitude), np.nan, dtype=np.float32)
        flux[1:] = _gained(magnitude[:-1], magnitude[1:])
        flux[: len(self._last)] = _gained(self._last, magnitude[: len(self._last)])
        self._last = magnitude[-1:].copy()
        return flux


class ZeroCrossings:
    """Share of samples at which the sign changes, for each of the shared frames."""

    def __init__(self) -> None:
        """Start before the first sample."""
        self._negative_before: bool | None = None
        self._count = 0
        self._cutter = FrameCutter(length=FRAME_LENGTH, hop=HOP, padding=FRAME_LENGTH // 2, dtype=np.int64)

    def add(self, samples: Floats) -> Floats:
        """Return the rate of the frames that `samples` complete: (n,) float32 in, (k,) float32 out."""
        if not len(samples):
            return np.empty(0, dtype=np.float32)
        negative = samples < -_ZERO_BELOW
        before = negative[0] if self._negative_before is None else self._negative_before
        crossed = np.diff(negative, prepend=before)
        counted = self._count + np.cumsum(crossed, dtype=np.int64)
        self._negative_before, self._count = bool(negative[-1]), int(counted[-1])
        return _rates(self._cutter.push(counted))

    def finish(self) -> Floats:
        """Return the rate of the frames that reach over the end."""
        return _rates(self._cutter.finish(fill=self._count))


def _gained(before: Floats, after: Floats) -> Floats:
    gain = after - before
    return np.asarray(np.maximum(gain, 0, out=gain).mean(axis=1))


def _rates(counted: NDArray[np.int64]) -> Floats:
    return ((counted[:, -1] - counted[:, 0]) / FRAME_LENGTH).astype(np.float32)
