"""The mel filter bank that onset strength is measured on."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]

_HZ_PER_MEL = 200.0 / 3
_LOG_FROM_HZ = 1000.0
_LOG_FROM_MEL = _LOG_FROM_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def mel_filters(rate_hz: int, *, bins: int, bands: int, highest_hz: float | None = None) -> Floats:
    """Return triangular filters from 0 Hz to `highest_hz`, or to half the rate, each of unit area.

    returns  (bands, bins) float32

    Slaney's mel scale and normalization (Auditory Toolbox, 1998), as in `librosa.filters.mel`. At high rates the
    lowest bands are narrower than a bin and stay empty, and so do bands above half the rate.
    """
    edges_hz = _mel_to_hz(np.linspace(0.0, _hz_to_mel(highest_hz or rate_hz / 2), bands + 2))
    distance = edges_hz[:, np.newaxis] - np.linspace(0, rate_hz / 2, bins)
    widths = np.diff(edges_hz)[:, np.newaxis]
    rising = -distance[:-2] / widths[:-1]
    falling = distance[2:] / widths[1:]
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, np.newaxis]).astype(np.float32)


class MelProjection:
    """Projects power spectra on mel bands, reading for each band only the bins that it covers.

    filters  (bands, bins) float32
    """

    def __init__(self, rate_hz: int, *, bins: int, bands: int, highest_hz: float | None = None) -> None:
        """Keep of each filter what is not zero."""
        filters = mel_filters(rate_hz, bins=bins, bands=bands, highest_hz=highest_hz)
        self._first = (filters > 0).argmax(axis=1)
        self._stop = np.where(filters.any(axis=1), bins - (filters[:, ::-1] > 0).argmax(axis=1), self._first)
        self.filters = filters

    def project(self, power: Floats) -> Floats:
        """Return the power in each band: (k, bins) float32 in, (k, bands) float32 out."""
        banded = np.empty((len(power), len(self.filters)), dtype=np.float32)
        _project(np.ascontiguousarray(power), self.filters, self._first, self._stop, banded)
        return banded


@compiled("void(float32[:,::1], float32[:,::1], int64[::1], int64[::1], float32[:,::1])")
def _project(power: Floats, filters: Floats, first: NDArray[np.intp], stop: NDArray[np.intp], banded: Floats) -> None:
    for frame in range(power.shape[0]):
        for band in range(filters.shape[0]):
            total = np.float32(0)
            for column in range(first[band], stop[band]):
                total += filters[band, column] * power[frame, column]
            banded[frame, band] = total


def _hz_to_mel(frequency_hz: float) -> float:
    if frequency_hz < _LOG_FROM_HZ:
        return frequency_hz / _HZ_PER_MEL
    return float(_LOG_FROM_MEL + np.log(frequency_hz / _LOG_FROM_HZ) / _LOG_STEP)


def _mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _LOG_FROM_HZ * np.exp(_LOG_STEP * (mels - _LOG_FROM_MEL))
    return np.where(mels < _LOG_FROM_MEL, _HZ_PER_MEL * mels, logarithmic)
