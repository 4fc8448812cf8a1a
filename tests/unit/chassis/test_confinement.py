import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.errors import JobCrashedError, JobTimeoutError
from chassis.jobs import JobPool, Limits, open_job_pool
from deploy.local.procfs import read_stat
from deploy.local.waiting import wait_until

from . import misdeeds
from .jobs_for_tests import add, own_pid

MEMORY_BYTES = 1_000_000_000
FILE_BYTES = 10_000_000
LIMITS = Limits(MEMORY_BYTES, file_bytes=FILE_BYTES, descriptors=64)
PATIENCE_S = 30.0
SHORT_S = 1.0
PROCESSES_MAX = 50


@pytest_asyncio.fixture(scope="module")
async def pool() -> AsyncIterator[JobPool]:
    async with open_job_pool(2, LIMITS) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def unconfined() -> AsyncIterator[JobPool]:
    """A pool as it is where the kernel filters no system calls."""
    async with open_job_pool(2, Limits(MEMORY_BYTES, is_confined=False)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("misdeed", "arguments", "end"),
    [
        (misdeeds.crash, (), JobCrashedError),
        (misdeeds.vanish, (), JobCrashedError),
        (misdeeds.vanish_while_answering, (), JobCrashedError),
        (misdeeds.answer_gibberish, (), JobCrashedError),
        (misdeeds.answer_something_else, (), JobCrashedError),
        (misdeeds.sleep_for_ever, (), JobTimeoutError),
        (misdeeds.compute_for_ever, (), JobTimeoutError),
        (misdeeds.ignore_everything, (), JobTimeoutError),
        (misdeeds.swallow_memory, (2 * MEMORY_BYTES,), JobCrashedError),
        (misdeeds.fork_and_stay, (), PermissionError),
        (misdeeds.fork_without_end, (PROCESSES_MAX,), PermissionError),
        (misdeeds.start_program, (), PermissionError),
        (misdeeds.open_without_end, (), OSError),
        (misdeeds.kill, (os.getpid(),), PermissionError),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_a_misdeed_costs_its_own_job_only(
    pool: JobPool, tmp_path: Path, misdeed: Callable[..., Any], arguments: tuple[Any, ...], end: type[Exception]
) -> None:
    goal = tmp_path / "goal"
    neighbour = asyncio.create_task(pool.run(misdeeds.wait_for, goal, timeout_s=PATIENCE_S))

    with pytest.raises(end):
        await pool.run(misdeed, *arguments, timeout_s=SHORT_S if end is JobTimeoutError else PATIENCE_S)
    next_one = await pool.run(add, 1, 1, timeout_s=PATIENCE_S)
    goal.touch()

    assert next_one == 2
    assert await neighbour > 0


async def test_a_file_without_end_ends(pool: JobPool, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"):
        await pool.run(misdeeds.write_without_end, tmp_path / "file", timeout_s=PATIENCE_S)

    assert (tmp_path / "file").stat().st_size == FILE_BYTES


async def test_no_job_reaches_who_listens_on_the_network(pool: JobPool, unconfined: JobPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(type=socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        address, datagrams = listening.getsockname(), heard.getsockname()

        with pytest.raises(PermissionError):
            await pool.run(misdeeds.connect, address, timeout_s=PATIENCE_S)
        with pytest.raises(PermissionError):
            await pool.run(misdeeds.send_datagram, datagrams, timeout_s=PATIENCE_S)
        assert await unconfined.run(misdeeds.send_datagram, datagrams, timeout_s=PATIENCE_S) == 4


async def test_where_no_call_is_filtered_what_a_job_starts_dies_with_it(unconfined: JobPool) -> None:
    left = await unconfined.run(misdeeds.fork_and_stay, timeout_s=PATIENCE_S)

    assert await asyncio.to_thread(wait_until, lambda: not _is_alive(left), timeout_s=PATIENCE_S)
    assert await unconfined.run(add, 1, 1, timeout_s=PATIENCE_S) == 2


async def test_where_no_call_is_filtered_a_job_that_forks_answers_once(unconfined: JobPool) -> None:
    forked = await unconfined.run(misdeeds.fork_and_go_on, timeout_s=PATIENCE_S)

    answers = [await unconfined.run(add, each, 0, timeout_s=PATIENCE_S) for each in range(4)]
    assert forked > 0
    assert answers == [0, 1, 2, 3]


async def test_a_job_out_of_time_is_stopped_without_its_child() -> None:
    async with open_job_pool(1, LIMITS) as one:
        before = await one.run(own_pid, timeout_s=PATIENCE_S)
        with pytest.raises(JobTimeoutError):
            await one.run(misdeeds.sleep_for_ever, timeout_s=SHORT_S)
        asked = await one.run(own_pid, timeout_s=PATIENCE_S)
        with pytest.raises(JobTimeoutError):
            await one.run(misdeeds.compute_for_ever, timeout_s=SHORT_S)
        killed = await one.run(own_pid, timeout_s=PATIENCE_S)

    assert asked == before
    assert killed != before


async def test_a_child_that_was_killed_while_it_had_nothing_to_do_is_replaced() -> None:
    async with open_job_pool(1, LIMITS) as one:
        child = await one.run(own_pid, timeout_s=PATIENCE_S)

        os.kill(child, signal.SIGKILL)
        assert await asyncio.to_thread(wait_until, lambda: not _is_alive(child), timeout_s=PATIENCE_S)

        assert await one.run(add, 1, 1, timeout_s=PATIENCE_S) == 2


def _is_alive(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and not stat.is_dead
