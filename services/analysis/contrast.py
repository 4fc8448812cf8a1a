"""How far the peaks of a spectrum stand above its valleys, octave by octave."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .framed import FRAME_LENGTH, Floats
from .power_levels import floor_db, power_levels_db

BANDS_FROM_HZ = (0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0)
QUANTILE = 0.02
# The last band begins below half the rate, and the first has a bin.
LOWEST_RATE_HZ = 12_801
HIGHEST_RATE_HZ = 200 * FRAME_LENGTH


class OctaveBands:
    """The bins of seven bands: up to 200 Hz, five octaves from there on, and everything above 6.4 kHz."""

    def __init__(self, rate_hz: int) -> None:
        """Place the bands in spectra of a recording from 12,801 to 409,600 Hz."""
        bins_hz = np.fft.rfftfreq(FRAME_LENGTH, 1 / rate_hz)
        self._bands = [_placed(bins_hz, from_hz) for from_hz in BANDS_FROM_HZ]
        narrow = [(index, band.start, band.stop) for index, (band, count) in enumerate(self._bands) if count == 1]
        self._narrow = np.array(narrow, dtype=np.int64).reshape(-1, 3)

    def extremes(self, magnitude: Floats) -> tuple[Floats, Floats]:
        """Return the mean of the highest 2 % of each band's bins, and of the lowest.

        magnitude  (k, 1025) float32
        returns    (k, 7) float32 each
        """
        peaks = np.empty((len(magnitude), len(self._bands)), dtype=np.float32)
        valleys = np.empty_like(peaks)
        _find_extremes(np.ascontiguousarray(magnitude), self._narrow, peaks, valleys)
        for index, (band, count) in enumerate(self._bands):
            if count > 1:
                # A whole sort, which uses vectors, is four times faster than a partition or a loop of ours.
                _find_means(np.sort(magnitude[:, band], axis=1), index, count, peaks, valleys)
        return peaks, valleys


@compiled("void(float32[:,::1], int64[:,::1], float32[:,::1], float32[:,::1])")
def _find_extremes(magnitude: Floats, bands: NDArray[np.int64], peaks: Floats, valleys: Floats) -> None:
    """Write the highest and the lowest of each band's bins; `bands` has index, first bin and the one after the last."""
    for frame in range(magnitude.shape[0]):
        for index, start, stop in bands:
            highest = lowest = magnitude[frame, start]
            for column in range(start + 1, stop):
                highest = max(highest, magnitude[frame, column])
                lowest = min(lowest, magnitude[frame, column])
            peaks[frame, index], valleys[frame, index] = highest, lowest


@compiled("void(float32[:,::1], int64, int64, float32[:,::1], float32[:,::1])")
def _find_means(rising: Floats, index: int, count: int, peaks: Floats, valleys: Floats) -> None:
    """Write the mean of the last and of the first `count` of each row as those of band `index`."""
    for frame in range(rising.shape[0]):
        lowest, highest = 0.0, 0.0
        for place in range(count):
            lowest += rising[frame, place]
            highest += rising[frame, rising.shape[1] - 1 - place]
        peaks[frame, index], valleys[frame, index] = highest / count, lowest / count


def spectral_contrasts_db(peaks: Floats, valleys: Floats) -> Floats:
    """Return the level of each band's peak over that of its valley, (k, 7) float32 in and out.

    `librosa.feature.spectral_contrast` (Jiang et al., 2002), which takes 10·log10 of magnitudes. Peaks and valleys are
    cut 80 dB below the greatest of their kind in these frames, so that what a lossy codec left out is not compared
    with rounding noise.
    """
    return np.asarray(_levels_db(peaks) - _levels_db(valleys), dtype=np.float32)


def _levels_db(extremes: Floats) -> Floats:
    return np.asarray(np.maximum(power_levels_db(extremes), np.float32(floor_db(extremes))), dtype=np.float32)


def _placed(bins_hz: NDArray[np.floating], from_hz: float) -> tuple[slice, int]:
    """Return the bins of a band, and how many of them are its peak, or its valley.

    librosa's bands begin a bin early, and end a bin early but for the last; their size is counted before that.
    """
    first, last = from_hz == BANDS_FROM_HZ[0], from_hz == BANDS_FROM_HZ[-1]
    to_hz = BANDS_FROM_HZ[1] if first else 2 * from_hz
    within = np.flatnonzero((bins_hz >= from_hz) & (bins_hz <= to_hz))
    start = int(within[0]) - (not first)
    stop = len(bins_hz) if last else int(within[-1]) + 1
    return slice(start, stop - (not last)), max(1, round(QUANTILE * (stop - start)))
