"""A stream of samples as windows of one length, as a model hears them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .framed import Floats


@dataclass(frozen=True, eq=False)
class SoundWindow:
    """A window of the recording.

    samples  (length,) float32; zeros behind the recording's end
    start    index of its first sample
    end      index after its last sample that is the recording's
    """

    samples: Floats
    start: int
    end: int


class WindowCutter:
    """Cuts windows of `length` samples, `hop` apart; the last are filled up with zeros if `shortest` are there."""

    def __init__(self, *, length: int, hop: int, shortest: int) -> None:
        """Start before the first sample; `hop` is at most `length`."""
        self._length = length
        self._hop = hop
        self._shortest = shortest
        self._start = 0
        self._waiting: list[Floats] = []
        self._waiting_count = 0

    def push(self, samples: Floats) -> Iterator[SoundWindow]:
        """Yield the windows that (n,) float32 complete."""
        self._waiting.append(samples)
        self._waiting_count += len(samples)
        if self._waiting_count < self._length:
            return
        held = np.concatenate(self._waiting)
        first = 0
        while first + self._length <= len(held):
            yield SoundWindow(held[first : first + self._length], self._start, self._start + self._length)
            first += self._hop
            self._start += self._hop
        # A copy: what is left must not keep what was heard already.
        self._waiting = [held[first:].copy()]
        self._waiting_count = len(held) - first

    def finish(self) -> Iterator[SoundWindow]:
        """Yield the windows that reach over the end."""
        held = np.concatenate([np.empty(0, dtype=np.float32), *self._waiting])
        while len(held) >= self._shortest:
            filled = np.concatenate([held, np.zeros(self._length - len(held), dtype=np.float32)])
            yield SoundWindow(filled, self._start, self._start + len(held))
            held = held[self._hop :]
            self._start += self._hop
