"""What is steady in a recording's spectrum: mains hum, and where the spectrum ends."""

import numpy as np
from numpy.typing import NDArray

from .dft import fast_length, packed_spectra, unpacked_power
from .frames import FrameCutter

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

WINDOW_S = 1.0
HARMONICS = 8
CUT_OFF_BANDS = 64

_STRONGEST = 3
_AROUND_HZ = 1.2
_EVEN_DB = 10.0
_NEIGHBOURS_HZ = (4.0, 12.0)
# |X|² of a window of 2^20 samples of float32 rounding noise; below it there is nothing to see.
_NOTHING = 1e-12


class SteadySpectrum:
    """The mean of the logarithm of power, in windows of a second: what comes and goes hardly counts."""

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        """Start before the first sample."""
        length = fast_length(round(WINDOW_S * rate_hz))
        self._width_hz = rate_hz / length
        self._cutters = [FrameCutter(length=length, hop=length, padding=0) for _ in range(channels)]
        turns = np.arange(length) / length
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)
        self._sums = np.zeros(1 + length // 2)
        self.windows = 0

    def add(self, samples: Floats) -> None:
        """Take the next samples, (n, channels) float32."""
        for channel, cutter in enumerate(self._cutters):
            for frame in cutter.push(samples[:, channel]):
                self._take(frame - frame.mean())

    def levels_db(self) -> Doubles:
        """Return the steady level of each bin, dB re nothing in particular; there is at least one window."""
        return np.asarray(10 / np.log(10) * self._sums / self.windows)

    def hum_db(self, mains_hz: float) -> float:
        """Return how far the mains frequency or its harmonics stand out of their neighbourhood.

        The larger of two: the fundamental's prominence, and the mean of the three most prominent of the first eight.
        """
        prominences = [self._prominence_db(mains_hz * order) for order in range(1, HARMONICS + 1)]
        return max(prominences[0], float(np.mean(sorted(prominences)[-_STRONGEST:])))

    def _take(self, frame: Floats) -> None:
        power = unpacked_power(packed_spectra((frame * self._window)[np.newaxis]))[0]
        # A silent window says nothing of what is steady in the others.
        if power.max() <= _NOTHING:
            return
        self._sums += np.log(np.maximum(power, _NOTHING))
        self.windows += 1

    def _prominence_db(self, frequency_hz: float) -> float:
        levels_db = self.levels_db()
        frequencies_hz = np.arange(len(levels_db)) * self._width_hz
        distance_hz = np.abs(frequencies_hz - frequency_hz)
        near, far = _NEIGHBOURS_HZ
        neighbours = levels_db[(distance_hz >= near) & (distance_hz <= far)]
        return float(levels_db[distance_hz <= _AROUND_HZ].max() - np.median(neighbours))


def cut_off(levels_db: Doubles, *, drop_db: float) -> float:
    """Return where the spectrum is cut off, as a share of its bins; 1 where it is not.

    levels_db  (bins,) float64

    The spectrum is cut into 64 bands. It is cut off at the highest edge over which it falls by `drop_db` or more to
    an even floor, with nothing above it: the quieter of the two bands before the one in which it falls is compared
    with the loudest after that one, and this one with the median of what is left.
    """
    bands = np.array([band.mean() for band in np.array_split(levels_db, CUT_OFF_BANDS)])
    for edge in range(CUT_OFF_BANDS - 1, 2, -1):
        loudest_after = bands[edge:].max()
        fall_db = bands[edge - 3 : edge - 1].min() - loudest_after
        if fall_db >= drop_db and loudest_after - np.median(bands[edge:]) <= _EVEN_DB:
            return edge / CUT_OFF_BANDS
    return 1.0
