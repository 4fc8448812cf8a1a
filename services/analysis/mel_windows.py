"""Windows of ten minutes of mel spectrogram, which onsets are measured in."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .framed import HOP, Floats
from .measures import Reason

MEL_BANDS = 128
WINDOW_S = 600.0
LOWEST_RATE_HZ = 8000

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MelWindow:
    """A window of the recording.

    power         (frames, 128) float32
    frames_per_s  of `power`
    sounding      whether any frame around here is louder than -70 dBFS
    counted       (frames,) bool: the frame lies inside the recording and is louder than that itself
    """

    power: Floats
    counted: Flags
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
        self._frames = 1 + int(window_s * rate_hz) // HOP
        self._begin()
        self._passed = 0
        self._sounding = False

    def push(self, power: Floats, counted: Flags, *, sounding: bool, last: bool) -> Iterator[MelWindow]:
        """Take the next frames, and whether anything sounds around here; yield the windows that they fill.

        After the last frames comes the window that is left, if it has any frame, or is the only one.
        """
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
        if last and (self._filled or not self._passed):
            yield self._window()

    def _begin(self) -> None:
        # Anew for every window: those who read the last one still have it.
        self._power = np.empty((self._frames, MEL_BANDS), dtype=np.float32)
        self._counted = np.empty(self._frames, dtype=np.bool_)
        self._filled = 0

    def _window(self) -> MelWindow:
        part = slice(self._filled)
        counted = self._counted[part] & self._sounding
        window = MelWindow(self._power[part], counted, self._passed, self._frames_per_s, self._sounding)
        self._passed += self._filled
        self._begin()
        return window


class SharedMelWindows:
    """Windows of every length that an extractor asks for, collected once for all who ask for it."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self._rate_hz = rate_hz
        self._collected: dict[float, MelWindows] = {}

    @property
    def lengths_s(self) -> tuple[float, ...]:
        """What was asked for so far."""
        return tuple(self._collected)

    def collect(self, window_s: float) -> MelWindows:
        """Return what collects windows of that length."""
        if window_s not in self._collected:
            self._collected[window_s] = MelWindows(self._rate_hz, window_s=window_s)
        return self._collected[window_s]
