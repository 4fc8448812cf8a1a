import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from chassis.errors import ObjectStoreError
from chassis.jobs import JobPool, Limits, Outlet, open_job_pool
from tests.ranges import RangeServer, range_server

from .misdeeds import read_ranges

BODY = os.urandom(1_000_000)
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def store() -> Iterator[RangeServer]:
    with range_server(BODY) as serving:
        yield serving


@pytest_asyncio.fixture(scope="module")
async def pool(store: RangeServer) -> AsyncIterator[JobPool]:
    outlet = Outlet(("127.0.0.1", store.server_port), timeout_s=5)
    async with open_job_pool(2, Limits(1_000_000_000), outlet=outlet) as opened:
        yield opened


async def test_a_confined_child_reads_the_store_at_many_places_at_once(pool: JobPool, store: RangeServer) -> None:
    assert await pool.run(read_ranges, store.url, len(BODY), 8, timeout_s=PATIENCE_S) == BODY * 8


async def test_a_confined_child_reaches_nothing_but_the_store(pool: JobPool) -> None:
    with range_server(b"something else") as other:
        read = await pool.run(read_ranges, other.url, 14, 1, timeout_s=PATIENCE_S)

        assert read == BODY[:14]
        assert other.asked == []


async def test_a_store_that_is_away_fails_the_read_as_it_does_without_confinement(store: RangeServer) -> None:
    outlet = Outlet(("127.0.0.1", 9), timeout_s=5)
    async with open_job_pool(1, Limits(1_000_000_000), outlet=outlet) as pool:
        with pytest.raises(ObjectStoreError, match="refused"):
            await pool.run(read_ranges, store.url, len(BODY), 1, timeout_s=PATIENCE_S)
