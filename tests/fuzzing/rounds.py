"""Hands mutated bytes to a target, and keeps what should not have happened."""

import base64
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.unit.audio.hostile import ENDS, STORED, sound
from tests.unit.audio.measured import Meter

from .mutation import mutated
from .targets import Target

_PEAK_LIMIT_MB = 500


@dataclass(frozen=True)
class Finding:
    """Bytes that did what no bytes may do."""

    target: str
    said: str
    content: bytes

    def __str__(self) -> str:
        return f"{self.target}: {self.said}\n    {base64.b64encode(self.content).decode()}"


def parsed(target: Target, numbers: Iterable[int]) -> Iterator[Finding]:
    """Have a target take the mutations of these numbers; yield what it raised and should not have."""
    seeds = target.seeds()
    for number in numbers:
        content = mutated(seeds, number)
        if (finding := taken(target, content)) is not None:
            yield finding


def taken(target: Target, content: bytes) -> Finding | None:
    """Have a target take these bytes."""
    try:
        target.take(content)
    except target.expected:
        return None
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
        return Finding(target.name, repr(error)[:500], content)
    return None


def decoded(meter: Meter, folder: Path, numbers: Iterable[int]) -> Iterator[Finding]:
    """Have whole recordings probed and decoded, each in a child of its own."""
    seeds = tuple(sound(name) for name in STORED)
    for number in numbers:
        if (finding := ended(meter, folder, mutated(seeds, number))) is not None:
            yield finding


def ended(meter: Meter, folder: Path, content: bytes) -> Finding | None:
    """Have one recording probed and decoded."""
    recording = folder / "recording"
    recording.write_bytes(content)
    found = meter.decode(recording)
    if found.ended in ENDS and found.peak_mb < _PEAK_LIMIT_MB:
        return None
    return Finding("decode", f"{found.ended}, {found.cpu_s:.1f} s, {found.peak_mb:.0f} MB", content)


def numbers_for(seconds: float, first: int) -> Iterator[int]:
    """Yield one number after the other until the time is over."""
    end = time.monotonic() + seconds
    yield from itertools.takewhile(lambda _: time.monotonic() < end, itertools.count(first))
