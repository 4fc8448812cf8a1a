import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from chassis.errors import JobCrashedError
from chassis.jobs import JobPool, Limits

from . import misdeeds
from .jobs_for_tests import own_pid, warm_up_when_there

MEMORY_BYTES = 1_000_000_000
PATIENCE_S = 30.0


async def test_a_child_that_has_done_its_jobs_works_on_until_its_successor_is_warm(tmp_path: Path) -> None:
    go = tmp_path / "0"
    go.touch()
    async for pool in _pool(warm_up=partial(warm_up_when_there, tmp_path), jobs_per_child=2):
        first = await _worker(pool)
        meanwhile = [await _worker(pool) for _ in range(5)]
        (tmp_path / "1").touch()
        later = await _another(pool, first)

    assert meanwhile == [first] * 5
    assert later != first


async def test_a_child_that_keeps_most_of_its_memory_is_replaced() -> None:
    async for pool in _pool():
        first = await _worker(pool)
        await pool.run(misdeeds.keep_memory, round(0.2 * MEMORY_BYTES), timeout_s=PATIENCE_S)
        kept = await _worker(pool)
        await pool.run(misdeeds.keep_memory, round(0.35 * MEMORY_BYTES), timeout_s=PATIENCE_S)

        assert kept == first
        assert await _another(pool, first) != first


@pytest.mark.parametrize("misdeed", [partial(misdeeds.keep_memory, 2 * MEMORY_BYTES), misdeeds.open_without_end])
async def test_a_child_that_has_nothing_left_does_no_other_job(misdeed: partial[None]) -> None:
    async for pool in _pool():
        first = await _worker(pool)
        with pytest.raises((JobCrashedError, OSError)):
            await pool.run(misdeed, timeout_s=PATIENCE_S)

        assert await _worker(pool) != first


async def test_a_pool_whose_children_do_not_get_warm_says_so() -> None:
    async for pool in _pool(warm_up=misdeeds.vanish):
        with pytest.raises(JobCrashedError, match="SIGKILL"):
            await pool.ready()
        with pytest.raises(JobCrashedError, match="got ready"):
            await _worker(pool)


async def _pool(**options: object) -> AsyncIterator[JobPool]:
    pool = JobPool(1, Limits(MEMORY_BYTES, descriptors=64), **options)  # type: ignore[arg-type]  # as they are named
    try:
        yield pool
    finally:
        await asyncio.to_thread(pool.stop)


async def _worker(pool: JobPool) -> int:
    return await pool.run(own_pid, timeout_s=PATIENCE_S)


async def _another(pool: JobPool, first: int) -> int:
    async with asyncio.timeout(PATIENCE_S):
        while (worker := await _worker(pool)) == first:
            continue
    return worker
