"""Faults that show in the samples themselves: clipping, and signals that break off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]

# Where the numbers of a channel stand in its rows of the state and of the counts.
_HIGH, _LOW, _LAST, _ACTIVITY, _ACTIVITY_AFTER = range(5)
_HIGH_RUN, _LOW_RUN, _HIGH_CLIPPED, _LOW_CLIPPED, _HIGH_RUNS, _LOW_RUNS = range(6)
_SAME, _PENDING, _AFTER, _DROPPED, _DROPOUTS = range(6, 11)


@dataclass(frozen=True)
class FaultSettings:
    """What counts as a fault.

    clipped_run     samples in a row that stay at the channel's highest or lowest value
    clipped_from    a quieter highest value is no rail: small numbers repeat themselves in quiet recordings
    dropout_run     equal samples in a row
    activity_run    samples, before and after a drop-out, over which there is sound
    activity_from   root mean square of the difference between neighbouring samples that is sound
    """

    clipped_run: int
    clipped_from: float
    dropout_run: int
    activity_run: int
    activity_from: float


class FaultScanner:
    """Scans the channels of a stream; keeps some numbers per channel."""

    def __init__(self, settings: FaultSettings, *, channels: int) -> None:
        """Start before the first sample."""
        self._settings = settings
        self._state = np.zeros((channels, 5))
        self._state[:, _HIGH], self._state[:, _LOW], self._state[:, _LAST] = -np.inf, np.inf, np.nan
        self._counts = np.zeros((channels, 11), dtype=np.int64)
        self._samples = 0

    def add(self, samples: Floats) -> None:
        """Take the next samples, (n, channels) float32."""
        settings = self._settings
        self._samples += samples.size
        for channel in range(samples.shape[1]):
            _scan(
                np.ascontiguousarray(samples[:, channel]),
                self._state[channel],
                self._counts[channel],
                settings.clipped_run,
                settings.dropout_run,
                settings.activity_run,
                settings.activity_from,
            )

    @property
    def clipped_share(self) -> float:
        """Share of all samples that lie in runs at a rail."""
        return self._at_rails(_HIGH_CLIPPED, _LOW_CLIPPED) / self._samples

    @property
    def clipped_runs(self) -> int:
        """How often a channel stayed at a rail."""
        return self._at_rails(_HIGH_RUNS, _LOW_RUNS)

    @property
    def dropouts(self) -> int:
        """How often a channel repeated one value, with sound right before and right after."""
        return int(self._counts[:, _DROPOUTS].sum())

    @property
    def dropped_share(self) -> float:
        """Share of all samples that lie in drop-outs."""
        return float(self._counts[:, _DROPPED].sum() / self._samples)

    def _at_rails(self, high: int, low: int) -> int:
        high_rail = self._state[:, _HIGH] >= self._settings.clipped_from
        low_rail = self._state[:, _LOW] <= -self._settings.clipped_from
        return int(self._counts[high_rail, high].sum() + self._counts[low_rail, low].sum())


@compiled("void(float64, int64, int64[::1], int64)")
def _follow_rail(beyond: float, clipped_run: int, counts: Counts, run: int) -> None:
    """Count a sample that lies `beyond` the farthest so far; a run's clipped samples stand 2, its number 4 after it."""
    if beyond > 0:
        counts[run], counts[run + 2], counts[run + 4] = 1, 0, 0
    elif beyond == 0:
        counts[run] += 1
        if counts[run] == clipped_run:
            counts[run + 2] += clipped_run
            counts[run + 4] += 1
        elif counts[run] > clipped_run:
            counts[run + 2] += 1
    else:
        counts[run] = 0


@compiled("void(float64, int64, float64, float64[::1], int64[::1])")
def _follow_dropout(
    change_square: float, activity_run: int, activity_square: float, state: Doubles, counts: Counts
) -> None:
    """Count a run of equal samples once there was sound after it, too."""
    # The step out of the run itself is no sound.
    if counts[_AFTER] > 0:
        state[_ACTIVITY_AFTER] += change_square
    counts[_AFTER] += 1
    if counts[_AFTER] > activity_run:
        if state[_ACTIVITY_AFTER] >= activity_run * activity_square:
            counts[_DROPPED] += counts[_PENDING]
            counts[_DROPOUTS] += 1
        counts[_PENDING] = 0


@compiled("void(float32[::1], float64[::1], int64[::1], int64, int64, int64, float64)")
def _scan(
    samples: Floats,
    state: Doubles,
    counts: Counts,
    clipped_run: int,
    dropout_run: int,
    activity_run: int,
    activity_from: float,
) -> None:
    activity_square = activity_from * activity_from
    decay = 1.0 / activity_run
    high, low, last, activity = state[_HIGH], state[_LOW], state[_LAST], state[_ACTIVITY]
    in_high, in_low = counts[_HIGH_RUN] > 0, counts[_LOW_RUN] > 0
    same = counts[_SAME]
    for index in range(len(samples)):
        value = float(samples[index])
        # Nearly every sample lies between the rails, and after one that did.
        if value >= high or in_high:
            _follow_rail(value - high, clipped_run, counts, _HIGH_RUN)
            high = max(high, value)
            in_high = value == high
        if value <= low or in_low:
            _follow_rail(low - value, clipped_run, counts, _LOW_RUN)
            low = min(low, value)
            in_low = value == low
        if value == last:
            same += 1
            continue
        change = 0.0 if np.isnan(last) else value - last
        if same + 1 >= dropout_run and activity >= activity_square:
            # What repeats itself at a rail is clipping.
            counts[_PENDING] = 0 if last in (high, low) else same + 1
            counts[_AFTER] = 0
            state[_ACTIVITY_AFTER] = 0.0
        same = 0
        last = value
        activity += decay * (change * change - activity)
        if counts[_PENDING] > 0:
            _follow_dropout(change * change, activity_run, activity_square, state, counts)
    state[_HIGH], state[_LOW], state[_LAST], state[_ACTIVITY] = high, low, last, activity
    counts[_SAME] = same
