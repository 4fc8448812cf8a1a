"""pYIN: how probable each pitch is in each frame (Mauch and Dixon, 2014)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .framed import HOP
from .yin import LagRange, normalized_differences, parabolic_shift

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BINS_PER_SEMITONE = 10
BINS_PER_OCTAVE = 12 * BINS_PER_SEMITONE

_THRESHOLDS = 100
_BOLTZMANN = 2.0
_NO_TROUGH_PROBABILITY = 0.01
# A trough this deep, at a lag below the search, is a period of its own: the fundamental lies above the range.
_DEEP = 0.15
_CLEAR = 0.5


@dataclass(frozen=True)
class PitchBins:
    """Tenths of a semitone from the lowest pitch to the highest."""

    f_min_hz: float
    f_max_hz: float

    @property
    def count(self) -> int:
        """Number of bins."""
        return int(np.floor(BINS_PER_OCTAVE * np.log2(self.f_max_hz / self.f_min_hz))) + 1

    @cached_property
    def frequencies_hz(self) -> Doubles:
        """Frequency of each bin, (count,) float64."""
        return np.asarray(self.f_min_hz * 2 ** (np.arange(self.count) / BINS_PER_OCTAVE))


@dataclass(frozen=True, eq=False)
class PitchObservations:
    """What frames say of their pitch.

    probability         (k, bins) float64: of each pitch bin
    voiced_probability  (k,) float64: of all bins together, in [0, 1]
    above_range         (k,) bool: the frame repeats itself sooner than the highest pitch does
    """

    probability: Doubles
    voiced_probability: Doubles
    above_range: NDArray[np.bool_]


class PitchObserver:
    """Observes frames with librosa's defaults: 100 thresholds, Beta(2, 18), Boltzmann 2, 0.01 without a trough."""

    def __init__(self, lags: LagRange, bins: PitchBins) -> None:
        """Prepare the priors."""
        self._lags = lags
        self._bins = bins
        thresholds = np.linspace(0, 1, _THRESHOLDS + 1)
        self._thresholds = thresholds[1:]
        self._threshold_prior = np.diff(_beta_2_18_cdf(thresholds))
        self._trough_prior = _trough_prior(most=1 + lags.longest - lags.shortest)

    def observe(self, frames: Floats) -> PitchObservations:
        """Return the observations of (k, n) float32 frames, of which each begins a hop after the one before."""
        differences = normalized_differences(frames, self._lags.longest, hop=HOP)
        probability = np.zeros((len(frames), self._bins.count))
        voiced = np.zeros(len(frames))
        priors = (self._thresholds, self._threshold_prior, self._trough_prior)
        place = (self._lags.shortest, float(self._lags.rate_hz), self._bins.f_min_hz)
        _observe(differences, *priors, *place, probability, voiced)
        above = np.zeros(len(frames), dtype=np.bool_)
        _find_shorter_periods(differences, self._lags.rate_hz / self._lags.f_max_hz, above)
        return PitchObservations(probability, voiced, above)


def _beta_2_18_cdf(x: Doubles) -> Doubles:
    return np.asarray(1 - (1 - x) ** 18 * (1 + 18 * x))


def _trough_prior(most: int) -> Doubles:
    """Return the truncated Boltzmann distribution: row n, column k is the k-th of n troughs."""
    count = np.arange(1, most + 1)[:, np.newaxis]
    prior = np.zeros((most + 1, most))
    prior[1:] = (1 - np.exp(-_BOLTZMANN)) / (1 - np.exp(-_BOLTZMANN * count)) * np.exp(-_BOLTZMANN * np.arange(most))
    return prior


@compiled("int64(float64[::1], int64, int64[::1])")
def _find_troughs(row: Doubles, shortest_lag: int, troughs: NDArray[np.int64]) -> int:
    """Write the columns of `row` at which it is lowest, from the shortest lag on; return how many there are."""
    first, last = shortest_lag - 1, len(row) - 1
    count = 0
    for column in range(first, len(row)):
        falls = column == first or row[column] < row[column - 1]
        rises = row[column] < row[column + 1] if column == first else column == last or row[column] <= row[column + 1]
        if falls and rises:
            troughs[count] = column
            count += 1
    return count


@compiled("int64(float64, float64[::1])")
def _first_above(value: float, thresholds: Doubles) -> int:
    """Return the index of the first threshold above a value: `searchsorted` from the right, of even steps."""
    if not value < thresholds[-1]:
        return len(thresholds)
    step = max(int(value * len(thresholds)), 0)
    while step > 0 and thresholds[step - 1] > value:
        step -= 1
    while step < len(thresholds) and thresholds[step] <= value:
        step += 1
    return step


@compiled("int64(float64[::1], int64[::1], float64[::1], int64[::1], int64[::1])")
def _sort_by_threshold(
    row: Doubles,
    troughs: NDArray[np.int64],
    thresholds: Doubles,
    first: NDArray[np.int64],
    following: NDArray[np.int64],
) -> int:
    """Chain the troughs that have the same first threshold above them; return which trough is the deepest.

    first      (thresholds + 1,): the first trough of each chain, -1 for none
    following  (troughs,): the next of the same chain
    """
    first[:] = -1
    deepest = 0
    for index in range(len(troughs) - 1, -1, -1):
        depth = row[troughs[index]]
        step = _first_above(depth, thresholds)
        following[index] = first[step]
        first[step] = index
        if depth <= row[troughs[deepest]]:
            deepest = index
    return deepest


@compiled("int64(int64, int64[::1], int64[::1], int64)")
def _take_chain(trough: int, following: NDArray[np.int64], below: NDArray[np.int64], count: int) -> int:
    """Sort the troughs of a chain into those below the threshold; return how many these are then."""
    while trough >= 0:
        place = count
        while place > 0 and below[place - 1] > trough:
            below[place] = below[place - 1]
            place -= 1
        below[place] = trough
        count += 1
        trough = following[trough]
    return count


@compiled("void(float64[::1], int64[::1], float64[::1], float64[::1], float64[:,::1], float64[::1])")
def _weigh_troughs(
    row: Doubles,
    troughs: NDArray[np.int64],
    thresholds: Doubles,
    threshold_prior: Doubles,
    trough_prior: Doubles,
    weights: Doubles,
) -> None:
    weights[:] = 0
    first = np.empty(len(thresholds) + 1, dtype=np.int64)
    following, below = np.empty_like(troughs), np.empty_like(troughs)
    deepest = _sort_by_threshold(row, troughs, thresholds, first, following)
    count, mass, unmet = 0, 0.0, 0.0
    for step in range(len(thresholds)):
        count = _take_chain(first[step], following, below, count)
        if not count:
            unmet += threshold_prior[step]
            continue
        mass += threshold_prior[step]
        # Thresholds between the same two troughs do the same, and the highest have no probability left.
        if mass > 0 and (step + 1 == len(thresholds) or first[step + 1] >= 0):
            for rank in range(count):
                weights[below[rank]] += trough_prior[count, rank] * mass
            mass = 0.0
    weights[deepest] += _NO_TROUGH_PROBABILITY * unmet


@compiled("float64(float64[::1], int64, int64)")
def _shift_of(row: Doubles, column: int, shortest_lag: int) -> float:
    if column in (shortest_lag - 1, len(row) - 1):
        return 0.0
    return parabolic_shift(row[column - 1], row[column], row[column + 1])


@compiled(
    "void(float64[:,::1], float64[::1], float64[::1], float64[:,::1], int64, float64, float64, float64[:,::1],"
    " float64[::1])"
)
def _observe(
    differences: Doubles,
    thresholds: Doubles,
    threshold_prior: Doubles,
    trough_prior: Doubles,
    shortest_lag: int,
    rate_hz: float,
    f_min_hz: float,
    probability: Doubles,
    voiced: Doubles,
) -> None:
    bins = probability.shape[1]
    troughs = np.empty(differences.shape[1], dtype=np.int64)
    weights = np.empty(differences.shape[1])
    for frame in range(differences.shape[0]):
        row = differences[frame]
        count = _find_troughs(row, shortest_lag, troughs)
        if not count:
            continue
        _weigh_troughs(row, troughs[:count], thresholds, threshold_prior, trough_prior, weights[:count])
        for index in range(count):
            if weights[index] == 0:
                continue
            lag = troughs[index] + 1
            period = lag + _shift_of(row, troughs[index], shortest_lag)
            place = np.rint(BINS_PER_OCTAVE * np.log2(rate_hz / period / f_min_hz))
            if place < bins:
                probability[frame, max(int(place), 0)] = weights[index]
        voiced[frame] = min(max(probability[frame].sum(), 0.0), 1.0)


@compiled("void(float64[:,::1], float64, boolean[::1])")
def _find_shorter_periods(differences: Doubles, shortest_period: float, found: NDArray[np.bool_]) -> None:
    """Tell in which frames a cosine through a trough and its neighbours is deep, and shorter than the search.

    Few samples make a short period: a parabola through three of them would miss both its depth and its place.
    """
    for frame in range(differences.shape[0]):
        row = differences[frame]
        for column in range(1, min(int(np.ceil(shortest_period)), len(row) - 1)):
            before, at, after = 1 - row[column - 1], 1 - row[column], 1 - row[column + 1]
            if at <= before or at < after or at < _CLEAR or abs(before + after) >= 2 * at:
                continue
            step = np.arccos((before + after) / (2 * at))
            quadrature = (after - before) / (2 * np.sin(step))
            period = column + 1 + np.arctan2(quadrature, at) / step
            found[frame] |= 1 - np.hypot(at, quadrature) < _DEEP and period < shortest_period
