"""Beats: the onsets that follow each other about as fast as the tempo says (Ellis, 2007)."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Frames = NDArray[np.int64]

TIGHTNESS = 100.0

_NONE = -1


def beat_frames(strength: Floats, period: int) -> Frames:
    """Return the frames of the beats in an onset strength whose tempo has a period of so many frames.

    strength  (frames,) float32, not all zero
    returns   (beats,) int64, ascending

    `librosa.beat.beat_track`, which trims weak beats at both ends.
    """
    if len(strength) < 2:
        return np.empty(0, dtype=np.int64)
    deviation = strength.std(ddof=1)
    normalized = (strength / (deviation + np.finfo(np.float32).tiny)).astype(np.float64)
    score = np.zeros(len(strength))
    _smooth(normalized, _kernel(period), score)
    total, link = np.empty(len(strength)), np.empty(len(strength), dtype=np.int64)
    _link(score, period, _costs(period), total, link)
    return _trimmed(_linked(link, _last_beat(total)), score)


def _kernel(period: int) -> Doubles:
    return np.asarray(np.exp(-0.5 * (np.arange(-period, period + 1) * 32.0 / period) ** 2))


def _costs(period: int) -> Doubles:
    """Return what following a beat after so many frames costs: nothing after the period, more the farther from it."""
    apart = np.maximum(np.arange(2 * period + 1), 1)
    return np.asarray(TIGHTNESS * (np.log(apart) - np.log(float(period))) ** 2)


@compiled("void(float64[::1], float64[::1], float64[::1])")
def _smooth(strength: Doubles, kernel: Doubles, score: Doubles) -> None:
    half = len(kernel) // 2
    for frame in range(len(strength)):
        total = 0.0
        # librosa 0.11 leaves out the very first frame.
        for index in range(max(0, frame + half - len(strength) + 1), min(frame + half, len(kernel))):
            total += kernel[index] * strength[frame + half - index]
        score[frame] = total


@compiled("void(float64[::1], int64, float64[::1], float64[::1], int64[::1])")
def _link(score: Doubles, period: int, costs: Doubles, total: Doubles, link: Frames) -> None:
    """Write the best score of a chain of beats that ends at each frame, and the beat before it."""
    worth_starting = 0.01 * score.max()
    started = False
    nearest = int(np.rint(period / 2))
    total[0] = score[0]
    for frame in range(len(score)):
        best, before = -np.inf, _NONE
        for apart in range(nearest, min(2 * period, frame) + 1):
            reached = total[frame - apart] - costs[apart]
            if reached > best:
                best, before = reached, frame - apart
        total[frame] = score[frame] + best if before >= 0 else score[frame]
        started = started or score[frame] >= worth_starting
        link[frame] = before if started else _NONE


def _last_beat(total: Doubles) -> int:
    """Return the last local maximum that is at least half the median of all of them."""
    highest = np.zeros(len(total), dtype=np.bool_)
    highest[1:-1] = (total[1:-1] > total[:-2]) & (total[1:-1] >= total[2:])
    highest[-1] = total[-1] > total[-2]
    if not highest.any():
        return len(total) - 1
    last = np.flatnonzero(highest & (total >= 0.5 * np.median(total[highest])))
    return int(last[-1]) if len(last) else len(total) - 1


def _linked(link: Frames, last: int) -> Frames:
    beats = []
    frame = last
    while frame >= 0:
        beats.append(frame)
        frame = int(link[frame])
    return np.array(beats[::-1], dtype=np.int64)


def _trimmed(beats: Frames, score: Doubles) -> Frames:
    """Leave out beats before the first frame and after the last that scores more than half the beats' RMS."""
    weights = np.hanning(5)
    half = len(weights) // 2
    smoothed = np.convolve(score[beats], weights)[half : len(score) + half]
    strong = np.flatnonzero(score > 0.5 * np.sqrt(np.mean(smoothed**2)))
    if not len(strong):
        return beats[:0]
    return np.asarray(beats[(beats >= strong[0]) & (beats <= strong[-1])])
