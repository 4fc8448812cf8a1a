"""Counts samples that stand out, and misbehaves in every way that a plug-in can."""

import os
import signal
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field


@dataclass(frozen=True)
class Ticks:
    """A sample is a tick when it is louder than `above`, in full scale."""

    above: Annotated[float, Field(gt=0, le=1)] = 0.5

    name: ClassVar[str] = "ticks"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "How many samples are louder than a threshold."
    needs: ClassVar[str] = "samples"
    device: ClassVar[str] = "cpu"
    cost_per_audio_s: ClassVar[float] = 0.0001

    @property
    def parameters(self) -> dict[str, object]:
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "Counter":
        return Counter(self, rate_hz)


class Counter:
    """Counts ticks; each block's share of them is a frame of a series."""

    series_units: ClassVar[dict[str, str]] = {"tick_share": "ratio"}

    def __init__(self, settings: Ticks, rate_hz: int) -> None:
        self._settings = settings
        self._rate_hz = rate_hz
        self._samples = self._ticks = 0
        self._frames: list[tuple[float, float]] = []

    def add(self, block: Any) -> None:
        if not len(block.samples):
            return
        ticks = int(np.count_nonzero(np.abs(block.samples) > self._settings.above))
        self._frames.append(((self._samples + len(block.samples) / 2) / self._rate_hz, ticks / len(block.samples)))
        self._samples += len(block.samples)
        self._ticks += ticks
        self.misbehave()

    def misbehave(self) -> None:
        """Do nothing wrong."""

    def series(self) -> "Frames | None":
        frames, self._frames = self._frames, []
        if not frames:
            return None
        times_s, shares = np.array(frames).T
        return Frames(times_s, {"tick_share": shares.astype(np.float32)})

    def result(self) -> dict[str, object]:
        return {"tick_share": {"value": self._ticks / self._samples, "unit": "ratio", "reason": None}}


@dataclass(frozen=True, eq=False)
class Frames:
    """What a series block is, without an import from the analysis service."""

    times_s: npt.NDArray[np.float64]
    values: dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class TicksThatFail(Ticks):
    """Raises."""

    name: ClassVar[str] = "ticks_that_fail"

    def accumulator(self, *, rate_hz: int, channels: int) -> Counter:
        return Failing(self, rate_hz)


class Failing(Counter):
    """Raises at the first block."""

    def misbehave(self) -> None:
        raise RuntimeError("no ticks today")


@dataclass(frozen=True)
class TicksThatHang(Ticks):
    """Never comes back, but Python runs."""

    name: ClassVar[str] = "ticks_that_hang"

    def accumulator(self, *, rate_hz: int, channels: int) -> Counter:
        return Hanging(self, rate_hz)


class Hanging(Counter):
    """Sleeps for ever, and takes no error for an answer."""

    def misbehave(self) -> None:
        while True:
            try:
                time.sleep(60)
            except Exception:  # noqa: BLE001, S112 - what careless plug-ins do
                continue


@dataclass(frozen=True)
class TicksThatBlock(Ticks):
    """Never comes back, as a call into C that hangs."""

    name: ClassVar[str] = "ticks_that_block"

    def accumulator(self, *, rate_hz: int, channels: int) -> Counter:
        return Blocking(self, rate_hz)


class Blocking(Counter):
    """Hears no alarm."""

    def misbehave(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)


@dataclass(frozen=True)
class TicksThatCrash(Ticks):
    """Takes the process with it."""

    name: ClassVar[str] = "ticks_that_crash"

    def accumulator(self, *, rate_hz: int, channels: int) -> Counter:
        return Crashing(self, rate_hz)


class Crashing(Counter):
    """Dies as of a segmentation fault."""

    def misbehave(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)
