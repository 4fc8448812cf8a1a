"""Jobs in child processes: the event loop never computes, and a crash or a hang costs its own job only."""

import asyncio
import os
import queue
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import structlog

from .child import Beginning, Job
from .confinement import Limits
from .dialing import Switchboard
from .errors import JobCrashedError
from .metrics import POOL_SLOTS
from .seats import START_TIMEOUT_S, Order, Seat

__all__ = ["START_TIMEOUT_S", "JobPool", "Limits", "Outlet", "open_job_pool"]

log = structlog.get_logger()

T = TypeVar("T")

# What a library leaks is given back now and then.
JOBS_PER_CHILD = 2000

# One thread per job: the pool is what uses the cores.
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Outlet:
    """The only address that children may be connected to, and how long that may take."""

    address: tuple[str, int]
    timeout_s: float

    @classmethod
    def to(cls, url: str, timeout_s: float) -> Self:
        """Return the outlet that leads where `url` does."""
        parts = urlsplit(url)
        return cls((parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)), timeout_s)


class JobPool:
    """A bounded number of warm children.

    Each is replaced after `jobs_per_child` jobs, or when it holds most of what it may take; its successor gets warm
    before.
    """

    def __init__(
        self,
        slots: int,
        limits: Limits,
        *,
        name: str = "jobs",
        warm_up: Callable[[], object] = bool,
        outlet: Outlet | None = None,
        jobs_per_child: int = JOBS_PER_CHILD,
    ) -> None:
        for variable in _THREAD_LIMITS:
            os.environ.setdefault(variable, "1")
        self._name = name
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._switchboard = Switchboard(outlet.address, outlet.timeout_s) if outlet is not None else None
        desk = self._switchboard.for_children if self._switchboard is not None else None
        beginning = Beginning(os.getpid(), limits, warm_up, desk)
        self._seats = [Seat(name, self._orders, beginning, jobs_per_child=jobs_per_child) for _ in range(slots)]
        self._is_closed = False
        POOL_SLOTS.labels(name).set(slots)

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:  # noqa: ANN401
        """Return what `function` returns; its own errors come through as they are.

        Cancelling kills the child. Raises `JobTimeoutError` after `timeout_s`, or somewhat before where the job can be
        stopped without killing its child; `JobCrashedError` when the child died.
        """
        if self._is_closed:
            raise JobCrashedError("the pool is closed")
        order = Order(Job(function, arguments), timeout_s)
        self._orders.put(order)
        try:
            result: T = await asyncio.wrap_future(order.result)
        except asyncio.CancelledError:
            order.cancel()
            raise
        return result

    async def ready(self) -> None:
        """Return when every child has run `warm_up`, so that the first job of each is as fast as its tenth."""
        await asyncio.gather(*(asyncio.shield(asyncio.wrap_future(seat.warm)) for seat in self._seats))
        [*reasons] = {seat.unconfined for seat in self._seats} - {None}
        for reason in reasons:
            log.warning("jobs_unconfined", pool=self._name, reason=reason)

    def stop(self) -> None:
        """Kill the children."""
        self._is_closed = True
        for seat in self._seats:
            seat.kill()
            self._orders.put(None)
        for seat in self._seats:
            seat.join()
        while not self._orders.empty():
            order = self._orders.get()
            if order is not None:
                order.result.cancel()
        if self._switchboard is not None:
            self._switchboard.close()


@asynccontextmanager
async def open_job_pool(
    slots: int,
    limits: Limits,
    warm_up: Callable[[], object] = bool,
    *,
    name: str = "jobs",
    outlet: Outlet | None = None,
) -> AsyncIterator[JobPool]:
    """Open a pool whose children run `warm_up` before their first job; kill them at the end."""
    pool = JobPool(slots, limits, name=name, warm_up=warm_up, outlet=outlet)
    try:
        yield pool
    finally:
        await asyncio.to_thread(pool.stop)
