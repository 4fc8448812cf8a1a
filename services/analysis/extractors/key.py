"""Which key the recording is in."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.chroma import PITCH_CLASSES
from services.analysis.chroma_stream import TUNING_FROM_S
from services.analysis.keys import Key, ranked_keys
from services.analysis.measures import Measure, Payload, Reason, absent, measured
from services.analysis.music_heard import MusicHeard
from services.analysis.shared import HOP, Input, SharedBlock, music_rate_hz

from .protocol import Device
from .settings import MusicSettings

_UNITS = {"key": "note", "mode": "mode", "camelot": "camelot"}
_CORRELATION = "correlation"


@dataclass(frozen=True)
class KeyFinder(MusicSettings):
    """Settings of the key extractor.

    The mean chroma of all frames that lie inside the recording and are louder than `silence_dbfs` is correlated with
    the profiles of the 24 keys (Krumhansl and Schmuckler). `strength` is the best key's correlation, stated also
    where it is too little for a key: below `strength_min`, under which 95 % of random chroma stay (twelve independent
    normal values, simulated). White and pink noise have about 0.3, one steady tone 0.6 to 0.7, a triad 0.8 to 0.9.
    Nor is there a key of less than `shortest_s` of sound.
    """

    strength_min: Annotated[float, Field(ge=0, le=1)] = 0.76
    shortest_s: Annotated[float, Field(ge=0)] = 2.0
    alternatives: Annotated[int, Field(ge=0, le=23)] = 2
    tuning_from_s: float = field(default=TUNING_FROM_S, init=False)

    name: ClassVar[str] = "key"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Key, mode, place on the Camelot wheel, strength, and the next likely keys."
    needs: ClassVar[Input] = Input.MUSIC_CHROMA
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00005

    def accumulator(self, *, rate_hz: int, channels: int) -> "KeyAccumulator":
        """Start on a recording."""
        return KeyAccumulator(self, music_rate_hz(rate_hz))


class KeyAccumulator:
    """Sums chroma."""

    def __init__(self, settings: KeyFinder, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._heard = MusicHeard(rate_hz)
        self._chroma = np.zeros(PITCH_CLASSES)
        self._frames = 0

    def add(self, block: SharedBlock) -> None:
        """Take the frames whose chroma is known with this block."""
        self._heard.add(block)
        if self._heard.usable:
            found = block.music_chroma
            self._chroma += found.chroma[found.sounding].sum(axis=0, dtype=np.float64)
            self._frames += int(np.count_nonzero(found.sounding))

    def result(self) -> Payload:
        """Return the key."""
        reason = self._reason()
        keys = [] if reason else ranked_keys(self._chroma / self._frames)
        found = bool(keys) and keys[0].strength >= self._settings.strength_min
        stated = [_stated(key) for key in keys[: 1 + self._settings.alternatives]] if found else []
        return {
            **(stated[0] if found else _none(reason or Reason.NO_KEY)),
            "strength": _strength(keys[0]) if keys else absent(reason or Reason.NO_KEY, unit=_CORRELATION),
            "alternatives": stated[1:],
            "rate": measured(self._rate_hz, unit="Hz"),
        }

    def _reason(self) -> Reason | None:
        reason = self._heard.reason_for_nothing()
        if reason is None and self._frames * HOP < self._settings.shortest_s * self._rate_hz:
            return Reason.TOO_SHORT
        return reason


def _stated(key: Key) -> dict[str, Measure]:
    named = {"key": key.note, "mode": key.mode, "camelot": key.camelot}
    return {name: measured(named[name], unit=unit) for name, unit in _UNITS.items()} | {"strength": _strength(key)}


def _none(reason: Reason) -> dict[str, Measure]:
    return {name: absent(reason, unit=unit) for name, unit in _UNITS.items()}


def _strength(key: Key) -> Measure:
    return measured(key.strength, unit=_CORRELATION)
