"""Windows of as many frames each, of several arrays that arrive block by block."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]


class FrameWindows:
    """Collects arrays that have a row per frame; memory is that of one window and one block."""

    def __init__(self, frames: int) -> None:
        """Start before the first frame; every window but the last has `frames`."""
        self._frames = frames
        self._waiting: list[Arrays] = []
        self._waiting_frames = 0

    def push(self, *arrays: NDArray[Any]) -> Iterator[Arrays]:
        """Take the next rows of each array; yield the windows that they fill."""
        self._waiting.append(arrays)
        self._waiting_frames += len(arrays[0])
        while self._waiting_frames >= self._frames:
            joined = self._joined()
            self._waiting = [tuple(each[self._frames :].copy() for each in joined)]
            self._waiting_frames -= self._frames
            yield tuple(each[: self._frames] for each in joined)

    def finish(self) -> Iterator[Arrays]:
        """Yield what is left, if anything."""
        if self._waiting_frames:
            yield self._joined()

    def _joined(self) -> Arrays:
        return tuple(np.concatenate(each) for each in zip(*self._waiting, strict=True))
