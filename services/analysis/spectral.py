"""Shape of a spectrum, frame by frame."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .framed import BINS, FRAME_LENGTH, HOP, Floats
from .frames import FrameCutter

_FLATNESS_FLOOR = 1e-10
_ZERO_BELOW = 1e-10


def centres_and_widths_hz(magnitude: Floats, frequencies_hz: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each frame's frequency, weighted by magnitude; 0 where there is none.

    magnitude       (k, bins) float32
    frequencies_hz  (bins,) float32
    returns         (k,) float32 each
    """
    centres, widths = np.empty(len(magnitude), dtype=np.float32), np.empty(len(magnitude), dtype=np.float32)
    _find_centres(np.ascontiguousarray(magnitude), frequencies_hz.astype(np.float64), centres, widths)
    return centres, widths


@compiled("void(float32[:,::1], float64[::1], float32[::1], float32[::1])")
def _find_centres(magnitude: Floats, frequencies_hz: NDArray[np.float64], centres: Floats, widths: Floats) -> None:
    # Relative to the middle: float64 then has nine digits left of the narrowest line's variance.
    middle_hz = frequencies_hz[len(frequencies_hz) // 2]
    for frame in range(magnitude.shape[0]):
        total, first, second = 0.0, 0.0, 0.0
        for column in range(magnitude.shape[1]):
            weight, distance_hz = np.float64(magnitude[frame, column]), frequencies_hz[column] - middle_hz
            total += weight
            first += weight * distance_hz
            second += weight * (distance_hz * distance_hz)
        if total <= 0:
            centres[frame] = widths[frame] = 0
            continue
        mean_hz = first / total
        centres[frame] = mean_hz + middle_hz
        widths[frame] = np.sqrt(max(second / total - mean_hz * mean_hz, 0.0))


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
    found = np.empty(len(power), dtype=np.float32)
    _find_flatnesses(np.ascontiguousarray(power), _FLATNESS_FLOOR, found)
    return found


@compiled("void(float32[:,::1], float64, float32[::1])")
def _find_flatnesses(power: Floats, floor: float, found: Floats) -> None:
    bins = power.shape[1]
    for frame in range(power.shape[0]):
        row = power[frame]
        total, logarithms, product = 0.0, 0.0, 1.0
        for column in range(bins):
            floored = max(np.float64(row[column]), floor)
            total += floored
            product *= floored
            # The product of eight float32 always fits into a float64, and one logarithm does for them.
            if column % 8 == 7:
                logarithms += np.log(product)
                product = 1.0
        logarithms += np.log(product)
        found[frame] = np.exp(logarithms / bins) / (total / bins)


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
        if len(self._last):
            flux[0] = _gained(self._last[0], magnitude[0])
        _find_gains(np.ascontiguousarray(magnitude), flux)
        self._last = magnitude[-1:].copy()
        return flux


class ZeroCrossings:
    """Share of samples at which the sign changes, for each of the shared frames."""

    def __init__(self) -> None:
        """Start before the first sample."""
        self._last: np.float32 | None = None
        self._count = 0
        self._cutter = FrameCutter(length=FRAME_LENGTH, hop=HOP, padding=FRAME_LENGTH // 2, dtype=np.int64)

    def add(self, samples: Floats) -> Floats:
        """Return the rate of the frames that `samples` complete: (n,) float32 in, (k,) float32 out."""
        if not len(samples):
            return np.empty(0, dtype=np.float32)
        counted = np.empty(len(samples), dtype=np.int64)
        before = samples[0] if self._last is None else self._last
        self._count = _count_crossings(np.ascontiguousarray(samples), before, self._count, counted)
        self._last = samples[-1]
        return _rates(self._cutter.push(counted))

    def finish(self) -> Floats:
        """Return the rate of the frames that reach over the end."""
        return _rates(self._cutter.finish(fill=self._count))


@compiled("float32(float32[::1], float32[::1])")
def _gained(before: Floats, after: Floats) -> np.float32:
    gain = 0.0
    for column in range(len(after)):
        gain += max(after[column] - before[column], np.float32(0))
    return np.float32(gain / len(after))


@compiled("void(float32[:,::1], float32[::1])")
def _find_gains(magnitude: Floats, flux: Floats) -> None:
    for frame in range(1, len(magnitude)):
        flux[frame] = _gained(magnitude[frame - 1], magnitude[frame])


@compiled("int64(float32[::1], float32, int64, int64[::1])")
def _count_crossings(samples: Floats, before: np.float32, count: int, counted: NDArray[np.int64]) -> int:
    """Write how many crossings there were up to each sample, after `count`; return how many in all."""
    negative_before = before < -_ZERO_BELOW
    for index in range(len(samples)):
        negative = samples[index] < -_ZERO_BELOW
        count += negative != negative_before
        counted[index] = count
        negative_before = negative
    return count


def _rates(counted: NDArray[np.int64]) -> Floats:
    return ((counted[:, -1] - counted[:, 0]) / FRAME_LENGTH).astype(np.float32)
