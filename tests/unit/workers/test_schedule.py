"""Long recordings never starve short ones, and no device has more jobs than slots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from chassis.errors import SlotsTakenError
from contracts.vocabulary import Lane
from services.analysis.extractors import EXTRACTORS, Device
from services.analysis.extractors.levels import Levels
from services.analysis.schedule import Schedule, taken_at_once
from services.analysis.settings import AnalysisSettings
from tests.unit.workers.doing import SERVERS

SHORT_S, LONG_S = 10.0, 3600.0
INTERACTIVE, BULK = Lane.INTERACTIVE, Lane.BULK


@dataclass
class Office:
    """Jobs on a schedule, each of which works until it is told to end."""

    schedule: Schedule
    tasks: asyncio.TaskGroup
    working: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    _ends: dict[str, asyncio.Event] = field(default_factory=dict)

    async def begin(self, name: str, lane: Lane, duration_s: float | None) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks.create_task(self._work(name, lane, duration_s))
        await settle()

    async def end(self, *names: str) -> None:
        for name in names or self._ends:
            self._ends[name].set()
        await settle()

    async def _work(self, name: str, lane: Lane, duration_s: float | None) -> None:
        try:
            async with self.schedule.turn(lane, duration_s):
                self.working.add(name)
                await self._ends[name].wait()
                self.working.discard(name)
        except SlotsTakenError:
            self.refused.add(name)


@asynccontextmanager
async def office(**settings: Any) -> AsyncIterator[Office]:
    async with asyncio.TaskGroup() as tasks:
        opened = Office(Schedule(made(**settings)), tasks)
        yield opened
        await opened.end()


async def test_a_short_recording_is_worked_on_at_once_however_many_long_ones_came_first() -> None:
    async with office() as here:
        for number in range(5):
            await here.begin(f"long {number}", INTERACTIVE, LONG_S)

        await here.begin("short", INTERACTIVE, SHORT_S)

        assert here.working == {"long 0", "short"}
        assert here.refused == {f"long {number}" for number in range(1, 5)}


async def test_the_next_short_recording_waits_for_the_slot_of_the_first_and_not_for_a_long_one() -> None:
    async with office() as here:
        await here.begin("long", INTERACTIVE, LONG_S)
        await here.begin("first", INTERACTIVE, SHORT_S)
        await here.begin("second", INTERACTIVE, SHORT_S)
        waiting = set(here.working)

        await here.end("first")

        assert (waiting, here.working) == ({"long", "first"}, {"long", "second"})


async def test_long_recordings_and_imports_take_turns() -> None:
    async with office() as here:
        await here.begin("import 1", BULK, SHORT_S)
        await here.begin("long", INTERACTIVE, LONG_S)
        await here.begin("import 2", BULK, LONG_S)
        orders = [set(here.working)]
        for name in ("import 1", "long"):
            await here.end(name)
            orders.append(set(here.working))

        assert orders == [{"import 1"}, {"long"}, {"import 2"}]


async def test_a_recording_that_does_not_say_how_long_it_is_counts_as_long() -> None:
    async with office() as here:
        await here.begin("unknown", INTERACTIVE, None)
        await here.begin("long", INTERACTIVE, LONG_S)

        assert (here.working, here.refused) == ({"unknown"}, {"long"})


async def test_a_place_is_free_again_when_a_long_recording_ended_or_failed() -> None:
    schedule = Schedule(made())
    with pytest.raises(ZeroDivisionError):
        async with schedule.turn(INTERACTIVE, LONG_S):
            raise ZeroDivisionError

    async with schedule.turn(INTERACTIVE, LONG_S):
        with pytest.raises(SlotsTakenError):
            async with schedule.turn(INTERACTIVE, LONG_S):
                pytest.fail("there is one place")


def test_the_lane_takes_enough_from_its_queue_to_fill_its_slots_beside_the_long_ones() -> None:
    assert taken_at_once(made(interactive_slots=3, bulk_slots=2)) == {INTERACTIVE: 5, BULK: 2}


async def test_a_process_of_the_interactive_lane_alone_sends_long_recordings_on_to_the_bulk_lane() -> None:
    schedule = Schedule(made(bulk_slots=0))

    with pytest.raises(SlotsTakenError) as refused:
        async with schedule.turn(INTERACTIVE, LONG_S):
            pytest.fail("there is no place for it here")

    assert refused.value.other_lane == BULK
    assert taken_at_once(made(bulk_slots=0, interactive_slots=2)) == {INTERACTIVE: 2}


async def test_a_process_of_the_bulk_lane_alone_works_on_what_was_sent_on_to_it() -> None:
    async with office(interactive_slots=0, bulk_slots=2) as here:
        await here.begin("long", INTERACTIVE, LONG_S)
        await here.begin("replayed", INTERACTIVE, SHORT_S)
        await here.begin("third", BULK, SHORT_S)

        assert here.working == {"long", "replayed"}
    assert taken_at_once(made(interactive_slots=0, bulk_slots=2)) == {BULK: 2}


def test_a_worker_has_slots_in_one_lane_at_least() -> None:
    with pytest.raises(ValueError, match="both 0"):
        made(interactive_slots=0, bulk_slots=0)


async def test_a_full_process_of_both_lanes_asks_again_on_the_same_lane() -> None:
    schedule = Schedule(made())
    async with schedule.turn(INTERACTIVE, LONG_S):
        with pytest.raises(SlotsTakenError) as refused:
            async with schedule.turn(INTERACTIVE, LONG_S):
                pytest.fail("there is one place")

    assert refused.value.other_lane is None


async def test_transfers_are_as_many_as_their_slots() -> None:
    assert await _at_once(Schedule(made(io_slots=2)).transfer, 5) == 2


@dataclass(frozen=True)
class OnGpu(Levels):
    """Would compute on a GPU."""

    device: ClassVar[Device] = Device.GPU


@pytest.mark.parametrize("slots", [1, 2])
async def test_jobs_with_extractors_for_a_gpu_are_as_many_as_its_slots(slots: int) -> None:
    schedule = with_gpu(gpu_slots=slots)

    assert await _at_once(lambda: schedule.gpu([EXTRACTORS["spectral"], OnGpu()]), 5) == slots
    assert await _at_once(lambda: schedule.gpu([EXTRACTORS["loudness"]]), 5) == 5


async def test_where_there_is_no_gpu_nobody_waits_for_one() -> None:
    assert await _at_once(lambda: Schedule(made()).gpu([OnGpu()]), 5) == 5


async def test_spectra_are_computed_on_the_gpu_while_a_slot_is_free_and_wait_for_none() -> None:
    schedule = with_gpu(gpu_slots=2)
    async with AsyncExitStack() as jobs:
        got = [await jobs.enter_async_context(schedule.gpu([EXTRACTORS["spectral"]])) for _ in range(3)]
    async with schedule.gpu([EXTRACTORS["mfcc"]]) as later, schedule.gpu([EXTRACTORS["loudness"]]) as without_spectra:
        pass

    assert (got, later, without_spectra) == ([True, True, False], True, False)


def with_gpu(**settings: Any) -> Schedule:
    schedule = Schedule(made(**settings))
    schedule.has_gpu = True
    return schedule


def made(**settings: Any) -> AnalysisSettings:
    return AnalysisSettings(**SERVERS, **settings)


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def _at_once(enter: Any, jobs: int) -> int:
    """Return how many of so many jobs got in while none got out."""
    inside = 0
    leave = asyncio.Event()

    async def job() -> None:
        nonlocal inside
        async with enter():
            inside += 1
            await leave.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(jobs):
            tasks.create_task(job())
        await settle()
        found = inside
        leave.set()
    return found
