import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from chassis.breaker import BreakerState
from chassis.errors import ObjectMissingError, OpenBreakerError
from chassis.gate import Gate, WaitedEnoughError
from chassis.guard import Dependency, Guard
from tests.component.polling import eventually
from tests.guarding import LASTING, QUICK, AwayError, a_guard, take_away


async def test_while_it_is_open_nothing_is_called() -> None:
    guard, calls = a_guard(), 0
    take_away(guard)

    for _ in range(5):
        with pytest.raises(OpenBreakerError), guard.call():
            calls += 1

    assert (calls, guard.state) == (0, BreakerState.OPEN)


async def test_a_refusal_says_when_it_is_worth_asking_again() -> None:
    guard = a_guard()
    take_away(guard)

    with pytest.raises(OpenBreakerError) as refusal, guard.call():
        pass

    assert 0 < refusal.value.retry_after_s <= LASTING.open_s


async def test_what_a_server_answers_is_no_outage() -> None:
    guard = a_guard()

    for _ in range(20):
        with pytest.raises(ObjectMissingError), guard.call():
            raise ObjectMissingError("Get", "key", "no such key")

    assert guard.state is BreakerState.CLOSED


async def test_what_is_not_of_the_server_counts_neither_way() -> None:
    guard = a_guard()

    for _ in range(20):
        with pytest.raises(ZeroDivisionError), guard.call():
            raise ZeroDivisionError
    take_away(guard)

    assert guard.state is BreakerState.OPEN


async def test_a_call_that_waited_for_its_turn_is_refused_when_the_breaker_opened_meanwhile() -> None:
    guard = a_guard()
    permit = guard.permit()
    take_away(guard)

    with pytest.raises(OpenBreakerError):
        guard.confirm(permit)


async def test_a_server_that_comes_back_is_noticed_although_nobody_calls() -> None:
    guard = a_guard(rules=QUICK)
    server = Server(guard)
    take_away(guard)

    async with _watched(guard, server.ping):
        await eventually(_asked(server, 2))
        server.is_up = True
        await asyncio.wait_for(guard.usable(), 10)

    assert guard.state is BreakerState.CLOSED


async def test_a_server_that_goes_is_noticed_although_nobody_calls() -> None:
    guard = Guard(Dependency.S3, a_guard()._symptoms, LASTING, idle_s=0.01)
    server = Server(guard)

    async with _watched(guard, server.ping):
        await eventually(_is_down(guard))

    assert server.asked >= LASTING.calls_min


async def test_an_open_breaker_has_the_server_asked_once_each_time_that_it_ends() -> None:
    guard = a_guard(rules=QUICK)
    server = Server(guard)
    take_away(guard)

    async with _watched(guard, server.ping):
        await eventually(_asked(server, 5))

    # 10 + 20 + 40 + 40 + 40 ms: a loop that spins would have asked hundreds of times.
    assert server.asked <= 8


async def test_a_gate_lets_pass_while_all_is_up_and_holds_while_something_is_not() -> None:
    guard = a_guard(rules=QUICK)
    gate = Gate({Dependency.S3: guard}, hold_s=60)
    await gate.passed(Dependency.S3)
    take_away(guard)

    waiting = asyncio.create_task(gate.passed(Dependency.S3))
    server = Server(guard)
    async with _watched(guard, server.ping):
        await eventually(_asked(server, 2))
        held = not waiting.done()
        server.is_up = True
        await asyncio.wait_for(waiting, 10)

    assert held


async def test_a_gate_holds_nobody_for_longer_than_it_was_told() -> None:
    guard = a_guard()
    take_away(guard)

    with pytest.raises(WaitedEnoughError):
        await asyncio.wait_for(Gate({Dependency.S3: guard}, hold_s=0.01).passed(Dependency.S3), 10)


async def test_a_gate_that_is_shut_holds_nobody() -> None:
    guard = a_guard()
    gate = Gate({Dependency.S3: guard}, hold_s=600)
    take_away(guard)
    waiting = asyncio.create_task(gate.passed(Dependency.S3))
    await asyncio.sleep(0)

    gate.shut()

    with pytest.raises(WaitedEnoughError):
        await asyncio.wait_for(waiting, 10)


class Server:
    """Something behind a guard."""

    def __init__(self, guard: Guard) -> None:
        self.asked = 0
        self.is_up = False
        self._guard = guard

    async def ping(self) -> None:
        with self._guard.call():
            self.asked += 1
            if not self.is_up:
                raise AwayError


@asynccontextmanager
async def _watched(guard: Guard, ping: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    watch = asyncio.create_task(guard.watch(ping))
    try:
        yield
    finally:
        watch.cancel()


def _asked(server: Server, times: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return server.asked >= times

    return enough


def _is_down(guard: Guard) -> Callable[[], Awaitable[bool]]:
    async def down() -> bool:
        return not guard.is_usable

    return down
