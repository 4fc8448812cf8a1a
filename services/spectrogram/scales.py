"""Which bins of the transform are drawn, and at which height: linear, mel and logarithmic frequency."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.rendering import RenderParameters, ScaleName

from .errors import BandAboveNyquistError, BandBelowBinsError

Positions = npt.NDArray[np.float64]

_BREAK_HZ = 1000.0
_MEL_PER_HZ = 3 / 200
_MEL_STEP = np.log(6.4) / 27
# Bins that stand on a row's edge are counted into the row above it, whatever the last bit of a float says.
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class FrequencyAxis:
    """The drawn band, and the bins in it.

    bin_hz  distance between bins
    first   the first drawn bin; `bins` of them are drawn
    """

    scale: ScaleName
    f_min_hz: float
    f_max_hz: float
    bin_hz: float
    first: int
    bins: int

    def position(self, frequency_hz: npt.NDArray[np.floating]) -> Positions:
        """Return the height, 0 at `f_min_hz` and 1 at `f_max_hz`, that each frequency has in the image."""
        ends = np.array([self.f_min_hz, self.f_max_hz])
        low, high = _stretched(ends / self.bin_hz if self.scale == "linear" else ends, self.scale)
        # In units of bins a linear axis up to Nyquist divides without rounding.
        places = frequency_hz / self.bin_hz if self.scale == "linear" else frequency_hz
        return np.asarray((_stretched(places, self.scale) - low) / (high - low))

    def row_of_bin(self, height: int) -> npt.NDArray[np.int64]:
        """Return the row, counted from the bottom of `height`, in which each drawn bin stands."""
        drawn_hz = (self.first + np.arange(self.bins)).astype(np.float64) * self.bin_hz
        rows = np.floor(self.position(drawn_hz) * height + _EDGE)
        return np.asarray(np.clip(rows, 0, height - 1).astype(np.int64))


def frequency_axis(parameters: RenderParameters, rate_hz: int) -> FrequencyAxis:
    """Return the axis of a recording: the asked band as far as the recording reaches.

    A logarithmic axis starts at the first bin above 0 at the lowest. A band between two bins shows the nearer one.
    Raises `BandAboveNyquistError` and `BandBelowBinsError`.
    """
    nyquist_hz, bin_hz = rate_hz / 2, rate_hz / parameters.window_size
    low_hz = max(parameters.f_min_hz, bin_hz) if parameters.scale == "log" else parameters.f_min_hz
    high_hz = min(parameters.f_max_hz or nyquist_hz, nyquist_hz)
    if parameters.f_min_hz >= nyquist_hz:
        raise BandAboveNyquistError(parameters.f_min_hz, parameters.f_max_hz, nyquist_hz)
    if low_hz >= high_hz:
        raise BandBelowBinsError(high_hz, low_hz)
    first = int(np.ceil(low_hz / bin_hz - _EDGE))
    last = int(np.floor(high_hz / bin_hz + _EDGE))
    if last < first:
        first = last = round((low_hz + high_hz) / 2 / bin_hz)
    return FrequencyAxis(parameters.scale, low_hz, high_hz, bin_hz, first, last - first + 1)


def _stretched(places: npt.NDArray[np.floating], scale: ScaleName) -> Positions:
    if scale == "linear":
        return places.astype(np.float64)
    if scale == "log":
        return np.asarray(np.log(places))
    # Slaney's mel scale (Auditory Toolbox, 1998), which is librosa's.
    above = _BREAK_HZ * _MEL_PER_HZ + np.log(np.maximum(places, _BREAK_HZ) / _BREAK_HZ) / _MEL_STEP
    return np.where(places < _BREAK_HZ, places * _MEL_PER_HZ, above)
