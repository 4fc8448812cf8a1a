"""Reads that take as long as their reader likes, while storage comes back."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio

from chassis.breaker import BreakerState
from chassis.guard import Guard
from chassis.objects import ObjectStore, open_object_store
from chassis.settings import ServiceSettings
from tests.guarding import QUICK, a_guard, take_away

from .polling import eventually

pytestmark = pytest.mark.servers

KEY = "audio/0192f0c1/original"
BODY = bytes(1_000_000)


@pytest.fixture
def guard() -> Guard:
    """What stands before S3; nobody asks by himself whether that is back."""
    return a_guard(rules=QUICK)


@pytest_asyncio.fixture
async def store(settings: ServiceSettings, guard: Guard) -> AsyncIterator[ObjectStore]:
    """A bucket with one object, of which the breaker believes that it is away, and that it may be tried."""
    async with open_object_store(settings, guard=guard) as opened:
        await opened.ensure_bucket()
        await opened.put(KEY, BODY, "audio/wav")
        take_away(guard)
        await eventually(_may_be_tried(guard))
        yield opened


@pytest.mark.parametrize(
    "begin",
    [lambda store: store.blocks(KEY), lambda store: store.pages("audio/")],
    ids=["an object", "a listing"],
)
async def test_who_reads_slowly_holds_nobody_off_storage_that_is_back(
    store: ObjectStore, begin: Callable[[ObjectStore], Any]
) -> None:
    async with aclosing(begin(store)) as slowly_read:
        await anext(slowly_read)

        assert await store.size_bytes(KEY) == len(BODY)


async def test_a_read_that_nobody_ends_says_no_more_than_that_storage_answered(
    store: ObjectStore, guard: Guard
) -> None:
    async with aclosing(store.blocks(KEY)) as slowly_read:
        await anext(slowly_read)

    assert guard.state is BreakerState.CLOSED


def _may_be_tried(guard: Guard) -> Any:
    async def may_be_tried() -> bool:
        return guard.state is BreakerState.HALF_OPEN

    return may_be_tried
