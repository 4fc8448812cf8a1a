"""The most probable way of the pitch through a recording, decided as soon as no later frame can change it."""

import numpy as np
from numpy.typing import NDArray

from .viterbi import Transitions, advance, survivors, trace

Doubles = NDArray[np.float64]
Bins = NDArray[np.int16]

UNVOICED = -1

_FRAMES_AT_ONCE = 64
# Following all paths back until few are left costs as much as fifty frames: it is done now and then.
_FORGET_FROM = 448
_VALUES_MAX = 512
_FEW = 8
# 25 minutes at 22,050 Hz.
UNDECIDED_MAX = 1 << 16


class PitchTracker:
    """Viterbi's algorithm over a stream: the path that it would find with the whole recording in memory.

    Of the frames that passed, only the best paths to the states that are still possible matter. They are few, because
    paths meet when they are followed back; what all of them agree on is decided. Where they differ for 2¹⁶ frames,
    which takes a weak sound and then half an hour without any, the first half of these follows the best so far;
    `forced_frames` counts them.
    """

    def __init__(self, *, bins: int, reach: int) -> None:
        """Start before the first frame; a pitch moves by at most `reach` bins from frame to frame."""
        self._bins = bins
        self._transitions = Transitions.local(bins, reach)
        # The first of these frames is the one that the paths lead to.
        self._values = np.empty((_VALUES_MAX + _FRAMES_AT_ONCE, 2, bins))
        self._filled = 0
        self._ends = np.arange(2 * bins)
        self._paths: Bins = self._heard(self._ends)[:, np.newaxis]
        self.forced_frames = 0

    def push(self, probability: Doubles, voiced_probability: Doubles) -> Bins:
        """Take the next frames, (k, bins) and (k,) float64; return the bins of those decided, or `UNVOICED`."""
        decided = [np.empty(0, dtype=np.int16)]
        for start in range(0, len(probability), _FRAMES_AT_ONCE):
            piece = slice(start, start + _FRAMES_AT_ONCE)
            values = self._values[: self._filled + len(probability[piece])]
            advance(probability[piece], voiced_probability[piece], self._transitions, values)
            self._filled = len(values)
            self._forget()
            decided.append(self._agreed())
        return np.concatenate(decided)

    def finish(self) -> Bins:
        """Return the frames that are left, on the path that is best at the end."""
        if not self._filled:
            return np.empty(0, dtype=np.int16)
        return self._heard_along(self._best_path())

    def _forget(self) -> None:
        """Replace the values of frames by the paths through them."""
        if self._filled < _FORGET_FROM:
            return
        values = self._values[: self._filled]
        oldest = self._filled // 2 if self._filled > _VALUES_MAX else 0
        frame, ends = survivors(values, self._transitions, most=_FEW, oldest=oldest)
        if frame == 0:
            return
        path = None
        heard = []
        for end in ends.tolist():
            path = trace(values[: frame + 1], self._transitions, end, path)
            heard.append(self._heard_along(path))
        self._paths = np.array(heard)
        self._ends = ends
        self._values[: self._filled - frame] = values[frame:].copy()
        self._filled -= frame

    def _agreed(self) -> Bins:
        same = (self._paths == self._paths[0]).all(axis=0)
        count = len(same) if same.all() else int(same.argmin())
        paths = self._paths
        if len(same) - count > UNDECIDED_MAX:
            count += UNDECIDED_MAX // 2
            self.forced_frames += UNDECIDED_MAX // 2
            paths = self._heard_along(self._best_path())[np.newaxis]
        self._paths = self._paths[:, count:]
        return paths[0, :count]

    def _best_path(self) -> NDArray[np.int64]:
        values = self._values[: self._filled]
        return trace(values, self._transitions, int(np.argmax(values[-1])))

    def _heard_along(self, path: NDArray[np.int64]) -> Bins:
        """Return what is heard before a path through the frames whose values are there, and along it."""
        before = self._paths[np.searchsorted(self._ends, path[0])]
        return np.concatenate([before, self._heard(path[1:])])

    def _heard(self, states: NDArray[np.int64]) -> Bins:
        return np.where(states < self._bins, states, UNVOICED).astype(np.int16)
