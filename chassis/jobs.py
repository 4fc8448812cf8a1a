"""Jobs in child processes: the event loop never computes, and a crash or a hang costs its own job only."""

import asyncio
import concurrent.futures
import ctypes
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pebble

from .errors import JobCrashedError, JobTimeoutError

T = TypeVar("T")

START_TIMEOUT_S = 120.0
# What a library leaks is given back now and then, but seldom: the job after that waits for a child to get warm.
JOBS_PER_CHILD = 2000
_READY_POLL_S = 0.05

_PR_SET_PDEATHSIG = 1
_AUTOGROUP = Path("/proc/self/autogroup")
_AUTOGROUP_PAUSE_S = 0.1
# One thread per job: the pool is what uses the cores.
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class JobPool:
    """A bounded number of warm children; each is replaced after `jobs_per_child` jobs."""

    def __init__(
        self,
        slots: int,
        memory_bytes: int,
        *,
        warm_up: Callable[[], object] = bool,
        niceness: int = 0,
        jobs_per_child: int = JOBS_PER_CHILD,
    ) -> None:
        for name in _THREAD_LIMITS:
            os.environ.setdefault(name, "1")
        self._slots = slots
        self._pool = pebble.ProcessPool(
            max_workers=slots,
            max_tasks=jobs_per_child,
            initializer=_begin,
            initargs=(os.getpid(), memory_bytes, warm_up, niceness),
            context=multiprocessing.get_context("spawn"),
        )

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:  # noqa: ANN401
        """Return what `function` returns; its own errors come through as they are.

        Cancelling kills the child. Raises `JobTimeoutError` after `timeout_s`, `JobCrashedError` when the child died.
        """
        future = self._pool.schedule(function, args=arguments, timeout=timeout_s)
        try:
            return await asyncio.wrap_future(future)
        except concurrent.futures.TimeoutError as error:
            raise JobTimeoutError(timeout_s) from error
        except (pebble.ProcessExpired, concurrent.futures.BrokenExecutor, MemoryError) as error:
            raise JobCrashedError(str(error) or repr(error)) from error

    async def ready(self) -> None:
        """Return when every child has run `warm_up`, so that the first job of each is as fast as its tenth."""
        warm: set[int] = set()
        while len(warm) < self._slots:
            each = (self.run(os.getpid, timeout_s=START_TIMEOUT_S) for _ in range(self._slots))
            warm.update(await asyncio.gather(*each))
            await asyncio.sleep(_READY_POLL_S)

    def stop(self) -> None:
        """Kill the children."""
        self._pool.stop()  # type: ignore[no-untyped-call]  # pebble annotates it by half
        self._pool.join()


@asynccontextmanager
async def open_job_pool(
    slots: int, memory_bytes: int, warm_up: Callable[[], object] = bool, *, niceness: int = 0
) -> AsyncIterator[JobPool]:
    """Open a pool whose children run `warm_up` before their first job; kill them at the end.

    The higher their `niceness` (0 to 19), the more they leave the processor to others.
    """
    pool = JobPool(slots, memory_bytes, warm_up=warm_up, niceness=niceness)
    try:
        yield pool
    finally:
        await asyncio.to_thread(pool.stop)


class ProgressFile:
    """How far a child is: a number in a file, because a child that is killed holds no lock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, share: float) -> None:
        """Note, in the child, the share of the job that is done."""
        self._path.write_text(f"{share:.4f}")

    def read(self) -> float:
        """Return, in the parent, the share noted last; 0 while there is none."""
        try:
            return float(self._path.read_text() or 0)
        except FileNotFoundError:
            return 0.0


def _begin(parent: int, memory_bytes: int, warm_up: Callable[[], object], niceness: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _yield_to_others(niceness)
    warm_up()


def _yield_to_others(niceness: int) -> None:
    os.nice(niceness)
    if niceness and os.access(_AUTOGROUP, os.W_OK):
        # Where Linux shares the processor among sessions first (sched(7), "The autogroup feature"), niceness counts
        # within the service's own only: the other services and the servers would gain nothing by it.
        os.setsid()
        while not _write_group_niceness(niceness):
            time.sleep(_AUTOGROUP_PAUSE_S)


def _write_group_niceness(niceness: int) -> bool:
    try:
        _AUTOGROUP.write_text(str(niceness))
    except BlockingIOError:
        # The kernel takes one such wish in a tenth of a second from all who are not root.
        return False
    return True
