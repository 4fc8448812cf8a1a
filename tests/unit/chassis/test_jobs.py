import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from audio.errors import TooLongError
from chassis.errors import JobCrashedError, JobTimeoutError
from chassis.jobs import JobPool, Limits, open_job_pool
from chassis.progress import ProgressFile
from deploy.local.procfs import read_stat
from deploy.local.waiting import wait_until
from tests.audio import REPOSITORY
from tests.fakes import InlinePool

from .jobs_for_tests import (
    add,
    die,
    hang,
    is_warm,
    niceness,
    own_pid,
    refuse,
    report,
    swallow_memory,
    warm_up,
    warm_up_in_turn,
)

LIMIT_BYTES = 1_000_000_000
PATIENCE_S = 30.0
# Longer than the patience, so that no limit kills the child that something else was to kill.
FOR_EVER_S = 600.0

PARENT = """
import asyncio, sys
from pathlib import Path
from chassis.jobs import JobPool, Limits
from tests.unit.chassis.jobs_for_tests import hang

async def main():
    await JobPool(1, Limits(1_000_000_000)).run(hang, Path(sys.argv[1]), timeout_s=600)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest_asyncio.fixture(scope="module")
async def real_pool() -> AsyncIterator[JobPool]:
    async with open_job_pool(1, Limits(LIMIT_BYTES)) as pool:
        yield pool


@pytest.fixture(params=["fake", "real"])
def pool(request: pytest.FixtureRequest) -> JobPool:
    """The fake and the real thing: what is asserted of one holds for the other."""
    return cast("JobPool", InlinePool() if request.param == "fake" else request.getfixturevalue("real_pool"))


async def test_a_job_returns_what_its_function_returns(pool: JobPool) -> None:
    assert await pool.run(add, 2, 3, timeout_s=PATIENCE_S) == 5


async def test_a_refusal_comes_through_as_itself(pool: JobPool) -> None:
    with pytest.raises(TooLongError) as refusal:
        await pool.run(refuse, timeout_s=PATIENCE_S)

    assert (refusal.value.code, refusal.value.duration_s) == ("too_long", 100.0)


async def test_a_job_is_done_in_another_process(real_pool: JobPool) -> None:
    assert await real_pool.run(own_pid, timeout_s=PATIENCE_S) != os.getpid()


async def test_a_nice_child_leaves_the_processor_to_all_others() -> None:
    own, _ = niceness()
    async with open_job_pool(1, Limits(LIMIT_BYTES, niceness=3)) as pool:
        of_process, of_session = await pool.run(niceness, timeout_s=PATIENCE_S)

    assert of_process == own + 3
    assert of_session in (3, None)


async def test_a_nice_child_leaves_the_niceness_of_its_parents_session_alone(real_pool: JobPool) -> None:
    before = niceness()
    async with open_job_pool(1, Limits(LIMIT_BYTES, niceness=3)) as pool:
        await pool.ready()

        assert niceness() == before
        assert await real_pool.run(niceness, timeout_s=PATIENCE_S) == before


async def test_a_crash_costs_its_own_job_only(real_pool: JobPool) -> None:
    with pytest.raises(JobCrashedError):
        await real_pool.run(die, timeout_s=PATIENCE_S)

    assert await real_pool.run(add, 1, 1, timeout_s=PATIENCE_S) == 2


async def test_a_job_that_cannot_be_sent_costs_nothing_but_itself(real_pool: JobPool) -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        await real_pool.run(lambda: 0, timeout_s=PATIENCE_S)

    assert await real_pool.run(add, 1, 1, timeout_s=PATIENCE_S) == 2


async def test_a_hang_costs_its_own_job_only(real_pool: JobPool, tmp_path: Path) -> None:
    with pytest.raises(JobTimeoutError):
        await real_pool.run(hang, tmp_path / "started", timeout_s=0.3)

    assert await real_pool.run(add, 1, 1, timeout_s=PATIENCE_S) == 2


async def test_hunger_for_memory_costs_its_own_job_only(real_pool: JobPool) -> None:
    with pytest.raises(JobCrashedError):
        await real_pool.run(swallow_memory, 2 * LIMIT_BYTES, timeout_s=PATIENCE_S)

    assert await real_pool.run(swallow_memory, 1000, timeout_s=PATIENCE_S) == 1000


async def test_cancelling_a_job_kills_its_child(real_pool: JobPool, tmp_path: Path) -> None:
    started = tmp_path / "started"
    job = asyncio.create_task(real_pool.run(hang, started, timeout_s=FOR_EVER_S))
    child = await asyncio.to_thread(_pid_in, started)

    job.cancel()

    with pytest.raises(asyncio.CancelledError):
        await job
    assert await asyncio.to_thread(wait_until, lambda: not _is_alive(child), timeout_s=PATIENCE_S)
    assert await real_pool.run(add, 1, 1, timeout_s=PATIENCE_S) == 2


async def test_closing_the_pool_kills_its_children(tmp_path: Path) -> None:
    started = tmp_path / "started"
    async with open_job_pool(1, Limits(LIMIT_BYTES)) as pool:
        job = asyncio.create_task(pool.run(hang, started, timeout_s=FOR_EVER_S))
        child = await asyncio.to_thread(_pid_in, started)

    assert not _is_alive(child)
    job.cancel()
    await asyncio.wait([job])


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    program, started = tmp_path / "parent.py", tmp_path / "started"
    program.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, str(program), str(started)], env=environment, cwd=tmp_path) as parent:
        try:
            child = _pid_in(started)
        finally:
            parent.send_signal(signal.SIGKILL)

    assert wait_until(lambda: not _is_alive(child), timeout_s=PATIENCE_S)


async def test_a_pool_is_ready_when_all_its_children_are(tmp_path: Path) -> None:
    async with open_job_pool(2, Limits(LIMIT_BYTES), partial(warm_up_in_turn, tmp_path)) as pool:
        await pool.ready()

        assert _names(tmp_path) == {"first", "second"}


async def test_every_child_is_warm_before_its_first_job() -> None:
    async with open_job_pool(2, Limits(LIMIT_BYTES), warm_up) as pool:
        await pool.ready()
        first_jobs = await asyncio.gather(*(pool.run(is_warm, timeout_s=PATIENCE_S) for _ in range(4)))

    assert first_jobs == [True] * 4


async def test_the_parent_reads_how_far_the_child_is(real_pool: JobPool, tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path / "progress")
    before = progress.read()

    await real_pool.run(report, progress, timeout_s=PATIENCE_S)

    assert (before, progress.read()) == (0.0, 0.75)


def test_progress_that_is_being_written_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / "progress").touch()

    assert ProgressFile(tmp_path / "progress").read() == 0.0


def _pid_in(path: Path) -> int:
    assert wait_until(lambda: path.exists() and bool(path.read_text()), timeout_s=PATIENCE_S)
    return int(path.read_text())


def _is_alive(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and not stat.is_dead


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
