import asyncio
from collections.abc import Callable

import pytest

from chassis.documents import Database
from chassis.problems import ProblemError
from services.gateway.limits import WINDOW_S, RateClass, RateLimits

pytestmark = pytest.mark.servers

QUOTA = 100
QUOTAS = {**dict.fromkeys(RateClass, QUOTA), RateClass.WRITE: 1, RateClass.STREAM: 0}


class Clock:
    """Time that goes on when it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0 * WINDOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replica(database: Database, clock: Clock) -> Callable[[], RateLimits]:
    """Makes a replica; all of them count in one collection."""
    return lambda: RateLimits(database["rates"], QUOTAS, clock)


async def test_a_quota_is_used_up_to_the_last_request_and_no_further(replica: Callable[[], RateLimits]) -> None:
    limits = replica()

    taken = [await _is_taken(limits) for _ in range(QUOTA + 10)]

    assert taken == [True] * QUOTA + [False] * 10


async def test_replicas_share_a_quota(replica: Callable[[], RateLimits]) -> None:
    first, second = replica(), replica()

    taken = [await _is_taken(each) for _ in range(QUOTA) for each in (first, second)]

    assert sum(taken) == QUOTA


async def test_requests_at_once_are_not_counted_twice_nor_forgotten(replica: Callable[[], RateLimits]) -> None:
    replicas = [replica() for _ in range(4)]

    taken = await asyncio.gather(*(_is_taken(each) for each in replicas for _ in range(QUOTA)))

    # What a replica leased, and others could not use, is two requests at most.
    assert QUOTA - 3 * (QUOTA // 50) <= sum(taken) <= QUOTA


async def test_what_an_idle_replica_leased_is_lost_to_the_others_for_a_minute(
    replica: Callable[[], RateLimits], clock: Clock
) -> None:
    idle, busy = replica(), replica()
    await idle.spend("anna", RateClass.READ)

    taken = sum([await _is_taken(busy) for _ in range(QUOTA)])
    clock.now_s += WINDOW_S
    afterwards = sum([await _is_taken(busy) for _ in range(QUOTA)])

    assert (taken, afterwards) == (QUOTA - QUOTA // 50, QUOTA)


async def test_callers_and_classes_are_counted_apart(replica: Callable[[], RateLimits]) -> None:
    limits = replica()
    for _ in range(QUOTA):
        await limits.spend("anna", RateClass.READ)

    assert not await _is_taken(limits)
    assert await _is_taken(limits, caller="bert")
    assert await _is_taken(limits, rate=RateClass.SEARCH)


async def test_a_class_without_a_limit_is_not_counted(replica: Callable[[], RateLimits], database: Database) -> None:
    limits = replica()

    assert {await limits.spend("anna", RateClass.STREAM) for _ in range(10)} == {None}
    assert await database["rates"].count_documents({}) == 0


async def test_one_round_trip_counts_many_requests(replica: Callable[[], RateLimits], database: Database) -> None:
    limits = replica()
    await limits.spend("anna", RateClass.READ)
    await database["rates"].delete_many({})

    await limits.spend("anna", RateClass.READ)

    assert await database["rates"].count_documents({}) == 0


async def test_who_is_refused_learns_until_when(replica: Callable[[], RateLimits], clock: Clock) -> None:
    limits = replica()
    clock.now_s += 12.4
    taken = await limits.spend("anna", RateClass.WRITE)

    with pytest.raises(ProblemError) as refusal:
        await limits.spend("anna", RateClass.WRITE)

    assert taken is not None
    assert taken.headers() == {"RateLimit-Policy": '"write";q=1;w=60', "RateLimit": '"write";r=0;t=48'}
    assert (refusal.value.status, refusal.value.code) == (429, "rate_limited")
    assert refusal.value.headers == {**taken.headers(), "Retry-After": "48"}


async def test_what_is_left_is_said_across_replicas(replica: Callable[[], RateLimits]) -> None:
    first, second = replica(), replica()
    for _ in range(10):
        await first.spend("anna", RateClass.READ)

    standing = await second.spend("anna", RateClass.READ)

    assert standing is not None
    assert standing.remaining == QUOTA - 11


async def test_counters_are_forgotten(replica: Callable[[], RateLimits], database: Database) -> None:
    limits = replica()
    await limits.prepare()

    await limits.spend("anna", RateClass.READ)

    indexes = await database["rates"].index_information()
    assert indexes["forgotten"]["expireAfterSeconds"] == 0
    assert (await database["rates"].find_one() or {})["until"]


async def _is_taken(limits: RateLimits, caller: str = "anna", rate: RateClass = RateClass.READ) -> bool:
    try:
        await limits.spend(caller, rate)
    except ProblemError:
        return False
    return True
