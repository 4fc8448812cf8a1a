"""Viterbi's algorithm over pitch bins, voiced or unvoiced, of which few can follow each other.

A state is a voiced bin, 0 to bins - 1, or an unvoiced one, bins to 2 · bins - 1. A value is the log-probability of the
best path to a state. Everything is compared in the operations of `librosa.sequence.viterbi`, so that of paths that are
equally probable the same one wins.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Doubles = NDArray[np.float64]
States = NDArray[np.int64]

_SWITCH_PROBABILITY = 0.01
_TINY = float(np.finfo(np.float64).tiny)
_LOG_TINY = float(np.log(_TINY))
_NEVER = -np.inf
# Far more than sums of a day's logarithms are rounded by, far less than what is compared.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Transitions:
    """Log-probabilities of going from one bin to another within reach, with and without a change of voicing.

    stay_at      (2 · reach + 1, bins) float64: row d, column j, from bin j + d - reach to bin j
    stay_to      (bins, 2 · reach + 1) float64: its transpose
    switch_to    (bins, 2 · reach + 1) float64: the same with a change of voicing
    switch_from  (bins, 2 · reach + 1) float64: row i, column d, from bin i to bin i + d - reach

    Everything out of reach has the logarithm of the smallest normal float64.
    """

    stay_at: Doubles
    stay_to: Doubles
    switch_to: Doubles
    switch_from: Doubles

    @classmethod
    @lru_cache(maxsize=4)
    def local(cls, bins: int, reach: int) -> "Transitions":
        """Return a triangle around each bin: `librosa.sequence.transition_local`, times the loop of voicing."""
        distance = np.abs(np.arange(bins)[:, np.newaxis] - np.arange(bins))
        transition = np.maximum(0, (reach + 1 - distance) / (reach + 1))
        transition /= transition.sum(axis=1, keepdims=True)
        stay = np.log((1 - _SWITCH_PROBABILITY) * transition + _TINY)
        switch = np.log((1 - (1 - _SWITCH_PROBABILITY)) * transition + _TINY)
        stay_to = _band(stay.T, reach)
        return cls(np.ascontiguousarray(stay_to.T), stay_to, _band(switch.T, reach), _band(switch, reach))


def _band(matrix: Doubles, reach: int) -> Doubles:
    padded = np.pad(matrix, ((0, 0), (reach, reach)), constant_values=_LOG_TINY)
    return np.array([row[index : index + 2 * reach + 1] for index, row in enumerate(padded)])


def advance(probability: Doubles, voiced_probability: Doubles, transitions: Transitions, values: Doubles) -> None:
    """Write the values of the next frames after those that `values` holds already.

    probability         (k, bins) float64
    voiced_probability  (k,) float64
    values              (frames, 2, bins) float64; the last k frames are written

    Voiced bins that nothing was observed in, and that no path can come through, have a value of minus infinity.
    """
    first = len(values) - len(probability)
    tables = (transitions.stay_at, transitions.stay_to, transitions.switch_to, transitions.switch_from)
    _advance(np.ascontiguousarray(probability), voiced_probability, *tables, values, first)


def trace(values: Doubles, transitions: Transitions, end: int, other: States | None = None) -> States:
    """Return the best path to state `end` of the last frame of `values`: (frames,) int64.

    Where it meets the best path to an `other` end, the two go on as one.
    """
    path = np.full(len(values), -1) if other is None else other.copy()
    _trace(values, transitions.stay_to, transitions.switch_to, end, path)
    return path


def survivors(values: Doubles, transitions: Transitions, *, most: int, oldest: int) -> tuple[int, States]:
    """Return the last frame in which at most `most` states have a best path that goes on, and these states.

    That is looked for down to the frame `oldest`, which is returned where none has so few.
    """
    alive = np.ones(2 * values.shape[2], dtype=np.bool_)
    frame = _survivors(values, transitions.stay_to, transitions.switch_to, most, oldest, alive)
    return frame, np.flatnonzero(alive)


@compiled("void(float64[::1], float64[:,::1], int64, float64[::1])")
def _arrive(padded: Doubles, stay_at: Doubles, row: int, best: Doubles) -> None:
    """Compare the best arrivals so far with those from three more bins: one by one, memory would be the bound."""
    nearer, middle, farther = padded[row:], padded[row + 1 :], padded[row + 2 :]
    near_stay, middle_stay, far_stay = stay_at[row], stay_at[row + 1], stay_at[row + 2]
    for target in range(len(best)):
        value = best[target]
        near, mid = nearer[target] + near_stay[target], middle[target] + middle_stay[target]
        far = farther[target] + far_stay[target]
        value = max(value, near)
        value = max(value, mid)
        best[target] = max(value, far)


@compiled("float64(float64[:,::1], float64[:,::1], int64[::1], float64, int64)")
def _best_from_voiced(before: Doubles, stay_to: Doubles, sources: States, anywhere: float, target: int) -> float:
    """Return the best value of coming to a voiced bin from voiced `sources`, or from far away."""
    reach = stay_to.shape[1] // 2
    best = anywhere
    for source in sources:
        if abs(source - target) <= reach:
            best = max(best, before[0, source] + stay_to[target, source - target + reach])
    return best


@compiled("float64(float64[:,::1], float64[:,::1], float64, int64)")
def _best_from_unvoiced(before: Doubles, switch_to: Doubles, best: float, target: int) -> float:
    """Return the best value of coming to a voiced bin from an unvoiced one, or `best` if that is better."""
    bins = before.shape[1]
    reach = switch_to.shape[1] // 2
    for source in range(max(0, target - reach), min(bins, target + reach + 1)):
        best = max(best, before[1, source] + switch_to[target, source - target + reach])
    return best


@compiled("void(float64[:,::1], float64[:,::1], float64[:,::1], int64[::1], float64, float64[::1])")
def _best_unvoiced(
    before: Doubles, stay_at: Doubles, switch_from: Doubles, sources: States, anywhere: float, best: Doubles
) -> None:
    """Write the best values of coming to each unvoiced bin: from voiced `sources`, or from any unvoiced bin."""
    bins = len(best)
    reach = len(stay_at) // 2
    padded = np.full(bins + 2 * reach, _NEVER)
    padded[reach : reach + bins] = before[1]
    best[:] = anywhere
    for row in range(0, len(stay_at) - 2, 3):
        _arrive(padded, stay_at, row, best)
    # Comparing once more with what was compared already changes nothing.
    _arrive(padded, stay_at, len(stay_at) - 3, best)
    for source in sources:
        for target in range(max(0, source - reach), min(bins, source + reach + 1)):
            best[target] = max(best[target], before[0, source] + switch_from[source, target - source + reach])


@compiled("void(float64[::1], float64, float64[:,::1])")
def _start(probability: Doubles, unvoiced: float, values: Doubles) -> None:
    start = np.log(1 / (2 * len(probability)) + _TINY)
    values[0] = np.log(probability + _TINY) + start
    values[1] = unvoiced + start


@compiled(
    "void(float64[:,::1], float64[::1], float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1],"
    " float64[:,:,::1], int64)"
)
def _advance(
    probability: Doubles,
    voiced_probability: Doubles,
    stay_at: Doubles,
    stay_to: Doubles,
    switch_to: Doubles,
    switch_from: Doubles,
    values: Doubles,
    first: int,
) -> None:
    bins = probability.shape[1]
    reach = len(stay_at) // 2
    # What coming to an unvoiced bin from the same unvoiced bin costs at most.
    staying = stay_at[reach].min()
    arriving = min(staying, switch_to[:, reach].min())
    # What a change of voicing costs at least, with room for rounding.
    switching = (switch_to - stay_to).max() + _ROUNDING
    for index in range(len(probability)):
        now = values[first + index]
        unvoiced = np.log((1 - voiced_probability[index]) / bins + _TINY)
        if first + index == 0:
            _start(probability[0], unvoiced, now)
            continue
        before = values[first + index - 1]
        highest = before.max()
        anywhere = highest + _LOG_TINY
        # A source below this loses against the unvoiced bin beside every target.
        sources = np.flatnonzero(before[0] >= before[1].min() + arriving)
        _best_unvoiced(before, stay_at, switch_from, sources, anywhere, now[1])
        # A voiced bin below this is no source of the next frame.
        least = now[1].min() + unvoiced + arriving
        hopeless = highest + _LOG_TINY < least
        for target in range(bins):
            observed = probability[index, target]
            now[0, target] = _NEVER
            if hopeless and observed == 0:
                continue
            log_observed = np.log(observed + _TINY)
            best = _best_from_voiced(before, stay_to, sources, anywhere, target)
            # An unvoiced bin is reached from the same ones, for less.
            if max(best, now[1, target] + switching) + log_observed >= least:
                now[0, target] = _best_from_unvoiced(before, switch_to, best, target) + log_observed
        now[1] += unvoiced


@compiled("int64(float64[:,::1], float64[:,::1], float64[:,::1], float64, int64)")
def _predecessor(before: Doubles, stay_to: Doubles, switch_to: Doubles, anywhere: float, state: int) -> int:
    """Return the state that the best path to `state` came from; of equals, the first."""
    bins = before.shape[1]
    reach = stay_to.shape[1] // 2
    target = state % bins
    best, chosen = _NEVER, 0
    for came in range(2):
        table = stay_to if came == state // bins else switch_to
        for source in range(max(0, target - reach), min(bins, target + reach + 1)):
            value = before[came, source] + table[target, source - target + reach]
            if value > best:
                best, chosen = value, came * bins + source
    if best > anywhere:
        return chosen
    for source in range(2 * bins):
        value = before[source // bins, source % bins] + _LOG_TINY
        far = abs(source % bins - target) > reach
        if far and (value > best or (value == best and source < chosen)):
            best, chosen = value, source
    return chosen


@compiled("void(float64[:,:,::1], float64[:,::1], float64[:,::1], int64, int64[::1])")
def _trace(values: Doubles, stay_to: Doubles, switch_to: Doubles, end: int, path: States) -> None:
    state = end
    for frame in range(len(values) - 1, 0, -1):
        if path[frame] == state:
            return
        path[frame] = state
        before = values[frame - 1]
        state = _predecessor(before, stay_to, switch_to, before.max() + _LOG_TINY, state)
    path[0] = state


@compiled("int64(float64[:,:,::1], float64[:,::1], float64[:,::1], int64, int64, boolean[::1])")
def _survivors(
    values: Doubles, stay_to: Doubles, switch_to: Doubles, most: int, oldest: int, alive: NDArray[np.bool_]
) -> int:
    frame = len(values) - 1
    while frame > oldest and np.count_nonzero(alive) > most:
        before = values[frame - 1]
        anywhere = before.max() + _LOG_TINY
        ends = np.flatnonzero(alive)
        alive[:] = False
        for index in range(len(ends)):
            alive[_predecessor(before, stay_to, switch_to, anywhere, ends[index])] = True
        frame -= 1
    return frame
