"""Windows of ten minutes of mel spectrogram, which onsets are measured in."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .measures import Reason
from .shared import HOP, MEL_BANDS, Floats, SharedBlock

WINDOW_S = 600.0
LOWEST_RATE_HZ = 8000


@dataclass(frozen=True, eq=False)
class MelWindow:
    """A window of the recording.

    power         (frames, 128) float32; another window will be in the same memory
    frames_per_s  of `power`
    sounding      whether any frame around here is louder than -70 dBFS
    counted       (frames,) bool: the frame lies inside the recording and is louder than that itself
    """

    power: Floats
    counted: NDArray[np.bool_]
    start_frame: int
    frames_per_s: float
    sounding: bool

    @property
    def start_s(self) -> float:
        """Where the window begins, in seconds from the recording's start."""
        return self.start_frame / self.frames_per_s

    @property
    def end_s(self) -> float:
        """Where the window ends."""
        return (self.start_frame + len(self.power)) / self.frames_per_s

    def reason_for_nothing(self, *, shortest_s: float) -> Reason | None:
        """Return why no onsets can be found here, if so."""
        if self.frames_per_s * HOP < LOWEST_RATE_HZ:
            return Reason.RATE_TOO_LOW
        if self.end_s - self.start_s < shortest_s:
            return Reason.TOO_SHORT
        return None if self.sounding else Reason.SILENT


class MelWindows:
    """Collects the mel spectrogram of a window at a time: 13 MiB for ten minutes."""

    def __init__(self, rate_hz: int, *, window_s: float = WINDOW_S) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self._frames_per_s = rate_hz / HOP
        self._power = np.empty((1 + int(window_s * rate_hz) // HOP, MEL_BANDS), dtype=np.float32)
        self._counted = np.empty(len(self._power), dtype=np.bool_)
        self._filled = 0
        self._passed = 0
        self._sounding = False

    def push(self, block: SharedBlock) -> Iterator[MelWindow]:
        """Take the frames that a block completes; yield the windows that they fill."""
        power, counted = block.music_mel, block.music.sounding
        # At the recording's own rate: what soxr makes of the ends of a constant is no sound.
        sounding = bool(block.sounding.any())
        self._sounding |= sounding
        while len(power):
            room = len(self._power) - self._filled
            taken = min(room, len(power))
            place = slice(self._filled, self._filled + taken)
            self._power[place], self._counted[place] = power[:taken], counted[:taken]
            self._filled += taken
            power, counted = power[taken:], counted[taken:]
            if taken == room:
                yield self._window()
                self._sounding = sounding

    def finish(self) -> Iterator[MelWindow]:
        """Yield the last window, if it has any frame, or is the only one."""
        if self._filled or not self._passed:
            yield self._window()

    def _window(self) -> MelWindow:
        part = slice(self._filled)
        counted = self._counted[part] & self._sounding
        window = MelWindow(self._power[part], counted, self._passed, self._frames_per_s, self._sounding)
        self._passed += self._filled
        self._filled = 0
        return window
