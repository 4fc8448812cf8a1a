"""Fundamental frequency of frames, by YIN, and how periodic each frame really is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .dft import autocorrelations

Floats = NDArray[np.float32]

_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class YinSearch:
    """Where YIN looks: lags in samples, the frame's length, and how deep a trough must be."""

    rate_hz: int
    f_min_hz: float
    f_max_hz: float
    frame_length: int
    trough_threshold: float

    @property
    def shortest_lag(self) -> int:
        """Period of `f_max_hz` in samples, rounded down."""
        return int(np.floor(self.rate_hz / self.f_max_hz))

    @property
    def longest_lag(self) -> int:
        """Period of `f_min_hz` in samples, rounded up."""
        return min(int(np.ceil(self.rate_hz / self.f_min_hz)), self.frame_length - 1)


@dataclass(frozen=True, eq=False)
class YinFrames:
    """What YIN found in k frames.

    f0_hz         (k,) float32: the best candidate, whether or not the frame is periodic
    aperiodicity  (k,) float32: 0 where the frame repeats itself exactly after that period, about 1 where it does not
    in_range      (k,) bool: the period lies inside the search, and none shorter than the search fits as well
    """

    f0_hz: Floats
    aperiodicity: Floats
    in_range: NDArray[np.bool_]


def yin(frames: Floats, search: YinSearch, *, voiced_below: float) -> YinFrames:
    """Search each frame for its fundamental frequency.

    frames  (k, search.frame_length) float32, best without direct current

    De Cheveigné and Kawahara (2002), steps 1 to 5, with librosa's choices: `f0_hz` equals `librosa.yin`. There d'
    grows with the lag, because the last samples of a frame have no partner and are counted as wholly different; low
    voices would look less voiced. The aperiodicity is therefore d' over the samples that do have a partner.
    """
    lags = search.longest_lag
    correlation = autocorrelations(frames, lags=lags + 1)
    squares = np.square(frames)
    head = np.cumsum(squares[:, :lags], axis=1)
    tail = np.cumsum(squares[:, : -lags - 1 : -1], axis=1)
    shared = correlation[:, :1] - correlation[:, 1:]
    difference = _normalized(2 * shared - head)
    chosen, f0_hz = _search(difference, search)
    partners = frames.shape[1] - np.arange(1, lags + 1, dtype=np.float32)
    paired = _normalized((2 * shared - head - tail) / partners)
    return YinFrames(
        f0_hz=f0_hz,
        aperiodicity=np.maximum(paired[np.arange(len(frames)), chosen], 0),
        in_range=_inside(f0_hz, search) & ~_repeats_before(paired, search.shortest_lag, voiced_below),
    )


def _search(difference: Floats, search: YinSearch) -> tuple[NDArray[np.intp], Floats]:
    """Return the index of the chosen lag in `difference`, whose first column is lag 1, and its frequency."""
    first = search.shortest_lag - 1
    searched = difference[:, first:]
    deep = _troughs(searched) & (searched < search.trough_threshold)
    chosen = np.where(deep.any(axis=1), deep.argmax(axis=1), searched.argmin(axis=1))
    period = search.shortest_lag + chosen + _parabolic_shift(searched, chosen)
    return first + chosen, (search.rate_hz / period).astype(np.float32)


def _normalized(difference: Floats) -> Floats:
    """Return d' of d: divided by the mean of d up to each lag, equation 8 of the paper."""
    lags = np.arange(1, difference.shape[1] + 1, dtype=np.float32)
    cumulative_mean = np.cumsum(difference, axis=1, dtype=np.float32) / lags
    return np.asarray(difference / (cumulative_mean + _TINY), dtype=np.float32)


def _inside(f0_hz: Floats, search: YinSearch) -> NDArray[np.bool_]:
    # Open at both ends: at the first or last lag d' may go on falling outside, and no minimum has been seen.
    return (f0_hz > search.f_min_hz) & (f0_hz < search.f_max_hz)


def _repeats_before(paired: Floats, shortest_lag: int, voiced_below: float) -> NDArray[np.bool_]:
    """Tell whether a period shorter than the search's fits, as that of a bird that sings above the range."""
    earlier = paired[:, :shortest_lag]
    if earlier.shape[1] < 3:
        return np.zeros(len(paired), dtype=np.bool_)
    deep = _troughs(earlier) & (earlier < voiced_below)
    return np.asarray(deep[:, 1:-1].any(axis=1))


def _troughs(rows: Floats) -> NDArray[np.bool_]:
    lowest = np.empty(rows.shape, dtype=np.bool_)
    lowest[:, 0] = rows[:, 0] < rows[:, 1]
    lowest[:, -1] = rows[:, -1] < rows[:, -2]
    lowest[:, 1:-1] = (rows[:, 1:-1] < rows[:, :-2]) & (rows[:, 1:-1] <= rows[:, 2:])
    return lowest


def _parabolic_shift(rows: Floats, chosen: NDArray[np.intp]) -> Floats:
    """Return how far the vertex of the parabola through a trough and its neighbours lies from it, in (-1, 1)."""
    row = np.arange(len(rows))
    inside = np.clip(chosen, 1, rows.shape[1] - 2)
    before, at, after = (rows[row, inside + step] for step in (-1, 0, 1))
    curvature = before + after - 2 * at
    slope = (after - before) / 2
    usable = (np.abs(slope) < np.abs(curvature)) & (inside == chosen)
    return np.where(usable, -slope / np.where(usable, curvature, 1), 0).astype(np.float32)
