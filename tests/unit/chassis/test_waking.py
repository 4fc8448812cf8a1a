"""A sleep ends when it is over or when somebody ends it, and no call is lost between two of them."""

import asyncio

from chassis.waking import WakeableSleep

# As good as for ever: a test that sleeps so long has failed by its deadline.
LONG_S = 600.0
DEADLINE_S = 10.0


async def test_a_sleeper_sleeps_as_long_as_nobody_wakes_it() -> None:
    asleep = asyncio.create_task(WakeableSleep().at_most(LONG_S))

    done, _ = await asyncio.wait([asleep], timeout=0.05)
    asleep.cancel()

    assert not done


async def test_a_sleeper_that_is_woken_goes_on_at_once() -> None:
    sleep = WakeableSleep()

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        group.create_task(sleep.at_most(LONG_S))
        await asyncio.sleep(0)
        sleep.wake()


async def test_who_is_called_while_awake_does_not_fall_asleep_once() -> None:
    sleep = WakeableSleep()
    sleep.wake()
    sleep.wake()

    async with asyncio.timeout(DEADLINE_S):
        await sleep.at_most(LONG_S)
    asleep = asyncio.create_task(sleep.at_most(LONG_S))
    done, _ = await asyncio.wait([asleep], timeout=0.05)
    asleep.cancel()

    assert not done


async def test_a_sleep_ends_by_itself_also_one_that_should_be_over() -> None:
    async with asyncio.timeout(DEADLINE_S):
        await WakeableSleep().at_most(0.001)
        await WakeableSleep().at_most(-1.0)
