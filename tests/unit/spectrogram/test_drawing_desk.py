"""Waiting readers: a slot of their own, a queue with an end, and what many want at once is drawn once."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from audio.format import AudioLimits
from chassis.errors import JobTimeoutError
from chassis.jobs import JobPool
from chassis.problems import ProblemError
from contracts.drawing import FigureRequest, Region, RegionRequest
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane
from services.spectrogram.drawing import DrawingDesk
from services.spectrogram.reader_slots import ReaderSlots
from tests.audio import tone, write
from tests.fakes import Bench
from tests.unit.spectrogram.drawing import drawn

T = TypeVar("T")


class Easel:
    """A pool whose drawings are done when they are told to be."""

    def __init__(self) -> None:
        self.drawings = 0
        self.at_once = 0
        self.most_at_once = 0
        self.end = asyncio.Event()
        self.failure: Exception | None = None

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> bytes:
        self.drawings += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.end.wait()
        self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        return b"drawn"


async def test_readers_take_no_more_than_their_slots() -> None:
    easel = Easel()
    desk = _desk(Bench(), easel, slots=2)

    waiting = [asyncio.create_task(desk.region(_region(start_s))) for start_s in range(10)]
    await _settle()
    begun = easel.drawings
    easel.end.set()

    assert await asyncio.gather(*waiting) == [b"drawn"] * 10
    assert (begun, easel.drawings, easel.most_at_once) == (2, 10, 2)


async def test_a_reader_too_many_is_told_to_come_back() -> None:
    easel = Easel()
    desk = _desk(Bench(), easel, slots=1, queue=2)
    waiting = [asyncio.create_task(desk.region(_region(start_s))) for start_s in range(3)]
    await _settle()

    with pytest.raises(ProblemError) as refusal:
        await asyncio.wait_for(desk.region(_region(9)), timeout=5)

    assert (refusal.value.status, refusal.value.code) == (503, "too_many_drawings")
    assert int(refusal.value.headers["Retry-After"]) > 0
    easel.end.set()
    assert await asyncio.gather(*waiting) == [b"drawn"] * 3
    assert await desk.region(_region(9)) == b"drawn"


async def test_what_many_want_at_once_is_drawn_once() -> None:
    easel = Easel()
    desk = _desk(Bench(), easel, slots=4, queue=0)

    waiting = [asyncio.create_task(desk.region(_region(1))) for _ in range(8)]
    await _settle()
    easel.end.set()

    assert await asyncio.gather(*waiting) == [b"drawn"] * 8
    assert easel.drawings == 1


async def test_a_reader_who_goes_away_takes_the_drawing_from_nobody() -> None:
    easel = Easel()
    desk = _desk(Bench(), easel)
    gone, patient = (asyncio.create_task(desk.region(_region(1))) for _ in range(2))
    await _settle()

    gone.cancel()
    await _settle()
    easel.end.set()

    assert await patient == b"drawn"
    assert easel.drawings == 1


async def test_a_drawing_that_failed_is_tried_again_by_the_next_who_asks() -> None:
    easel = Easel()
    easel.end.set()
    easel.failure = JobTimeoutError(30)
    desk = _desk(Bench(), easel)
    with pytest.raises(JobTimeoutError):
        await desk.region(_region(1))

    easel.failure = None

    assert await desk.region(_region(1)) == b"drawn"


async def test_axes_are_drawn_once_for_everybody(tmp_path: Path) -> None:
    bench = Bench()
    desk = _desk(bench, bench.pools[Lane.INTERACTIVE])
    image = drawn(write(tmp_path / "tone.wav", tone(2.0), 44_100)).images["thumbnail"]
    bench.objects.stored["spectrograms/r/p/thumbnail.png"] = image.png
    request = FigureRequest(image_key="spectrograms/r/p/thumbnail.png", geometry=asdict(image.geometry))

    figures = [await desk.figure(request) for _ in range(3)]
    grey = await desk.figure(request.model_copy(update={"colours": bytes(range(256)).hex() * 3}))

    assert len({*figures}) == 1
    assert grey not in figures
    assert bench.pools[Lane.INTERACTIVE].jobs == 2


def _desk(bench: Bench, pool: object, *, slots: int = 1, queue: int = 32) -> DrawingDesk:
    bench.pools = cast("Any", {Lane.INTERACTIVE: cast("JobPool", pool)})
    return DrawingDesk(bench.equipment(), AudioLimits(), ReaderSlots(slots, queue), timeout_s=30)


def _region(start_s: float) -> RegionRequest:
    return RegionRequest(
        recording_id="r",
        container="wav",
        size_bytes=1000,
        parameters=RenderParameters(),
        region=Region(start_s, start_s + 1, 0, 8000, 10, 10),
        reference_dbfs=None,
    )


async def _settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)
