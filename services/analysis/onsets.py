"""Onset strength: how much louder the recording gets from one frame to the next, and where that peaks."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .framed import FRAME_LENGTH, HOP
from .power_levels import floor_db, power_levels_db

Floats = NDArray[np.float32]

_LAG_FRAMES = 1
_FRAMES_AT_ONCE = 1024

# librosa's settings of the peak picker, found by a search over the CPJKU onset data set.
_PEAK_BEFORE_S = 0.03
_MEAN_AROUND_S = 0.10
_APART_S = 0.03
_ABOVE_MEAN = 0.07


@dataclass(frozen=True, eq=False)
class OnsetStrength:
    """How much louder the recording gets at each frame, in dB.

    mean    (frames,) float32: over all mel bands; `librosa.onset.onset_strength`, which onsets are picked from
    median  (frames,) float32: the same with `aggregate=np.median`, which beats are tracked in
    """

    mean: Floats
    median: Floats

    def part(self, start: int, stop: int) -> "OnsetStrength":
        """Return the frames from `start` to `stop`."""
        return OnsetStrength(self.mean[start:stop], self.median[start:stop])


def onset_strength(mel_power: Floats) -> OnsetStrength:
    """Return the rise over all mel bands in dB, per frame.

    mel_power  (frames, bands) float32
    returns    shifted by the frames that a 2048-sample window looks ahead

    Levels are cut 80 dB below the loudest cell of `mel_power`.
    """
    shift = _LAG_FRAMES + FRAME_LENGTH // (2 * HOP)
    mean = np.zeros(len(mel_power) + shift, dtype=np.float32)
    median = np.zeros_like(mean)
    lowest_db = floor_db(mel_power)
    for start in range(0, len(mel_power) - _LAG_FRAMES, _FRAMES_AT_ONCE):
        level_db = np.maximum(power_levels_db(mel_power[start : start + _FRAMES_AT_ONCE + _LAG_FRAMES]), lowest_db)
        rise = np.maximum(0, level_db[_LAG_FRAMES:] - level_db[:-_LAG_FRAMES])
        place = slice(shift + start, shift + start + len(rise))
        mean[place] = rise.mean(axis=1)
        # Of a rise in fewer than half of the bands it is zero: no need to sort.
        wide = 2 * np.count_nonzero(rise, axis=1) >= rise.shape[1]
        median[place][wide] = np.median(rise[wide], axis=1)
    return OnsetStrength(mean[: len(mel_power)], median[: len(mel_power)])


def onset_frames(strength: Floats, rate_hz: int) -> NDArray[np.intp]:
    """Return the frames at which onsets are, by `librosa.onset.onset_detect`'s rule of peak picking.

    A frame is an onset when it is the highest of its last 30 ms, at least 7 % of the highest peak above the mean of
    the 100 ms around it, and at least 30 ms after the onset before.
    """
    height = strength - strength.min()
    height = height / (height.max() + np.finfo(np.float32).tiny)
    per_s = rate_hz / HOP
    before, around = int(_PEAK_BEFORE_S * rate_hz // HOP), int(_MEAN_AROUND_S * rate_hz // HOP)
    highest = height == _moving_maximum(height, before)
    prominent = height >= _moving_mean(height, before=around, after=around + 1) + _ABOVE_MEAN
    candidates = np.flatnonzero(highest & prominent)
    return _apart(candidates, int(_APART_S * per_s))


def _moving_maximum(values: Floats, before: int) -> Floats:
    padded = np.concatenate([np.full(before, -np.inf, dtype=np.float32), values])
    return np.asarray(sliding_window_view(padded, before + 1).max(axis=1))


def _moving_mean(values: Floats, *, before: int, after: int) -> NDArray[np.float64]:
    """Return the mean of values[i - before : i + after], cut at both ends."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    index = np.arange(len(values))
    start, stop = np.maximum(index - before, 0), np.minimum(index + after, len(values))
    return np.asarray((total[stop] - total[start]) / (stop - start))


def _apart(candidates: NDArray[np.intp], wait: int) -> NDArray[np.intp]:
    kept: list[int] = []
    for candidate in candidates.tolist():
        if not kept or candidate > kept[-1] + wait:
            kept.append(candidate)
    return np.array(kept, dtype=np.intp)
