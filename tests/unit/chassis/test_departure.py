import asyncio

import pytest

from chassis.departure import Departure, GivenBackError, begun

FOR_EVER_S = 600.0
SHORT_S = 0.05


async def test_what_has_not_begun_is_given_back_at_once() -> None:
    departure = Departure(FOR_EVER_S)
    waiting = asyncio.create_task(_stays(departure, asyncio.Event()))
    await asyncio.sleep(0)

    departure.leave()

    with pytest.raises(GivenBackError):
        await waiting
    await departure.over()


async def test_what_has_begun_ends_within_the_grace() -> None:
    departure, done = Departure(FOR_EVER_S), asyncio.Event()
    working = asyncio.create_task(_stays(departure, done, has_begun=True))
    await asyncio.sleep(0)

    departure.leave()
    done.set()

    assert await working == "done"
    await departure.over()


@pytest.mark.parametrize("is_hurried", [False, True])
async def test_what_has_not_ended_when_the_grace_is_over_is_given_back(is_hurried: bool) -> None:
    departure = Departure(FOR_EVER_S if is_hurried else SHORT_S)
    working = asyncio.create_task(_stays(departure, asyncio.Event(), has_begun=True))
    await asyncio.sleep(0)

    departure.leave()
    if is_hurried:
        departure.hurry()

    with pytest.raises(GivenBackError):
        await working


async def test_nothing_new_is_begun() -> None:
    departure = Departure(FOR_EVER_S)
    departure.leave()

    with pytest.raises(GivenBackError):
        await _stays(departure, asyncio.Event())


async def test_what_is_interrupted_does_not_begin_in_the_same_moment() -> None:
    departure, steps = Departure(FOR_EVER_S), []

    async def late() -> None:
        async with departure.stay():
            departure.leave()
            await begun()
            steps.append("begun")

    with pytest.raises(GivenBackError):
        await late()
    assert steps == []


async def test_a_timeout_of_the_work_itself_stays_one() -> None:
    departure = Departure(FOR_EVER_S)

    with pytest.raises(TimeoutError):
        async with departure.stay():
            raise TimeoutError


async def test_who_is_cancelled_for_another_reason_is_not_given_back() -> None:
    departure = Departure(FOR_EVER_S)
    working = asyncio.create_task(_stays(departure, asyncio.Event()))
    await asyncio.sleep(0)

    working.cancel()

    with pytest.raises(asyncio.CancelledError):
        await working


async def _stays(departure: Departure, done: asyncio.Event, *, has_begun: bool = False) -> str:
    async with departure.stay():
        if has_begun:
            await begun()
        await done.wait()
        return "done"
