"""One place for one job at a time: a thread, the child that works for it, and the child that follows."""

import asyncio
import queue
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

from .child import Beginning, Ending, Job, Wear
from .children import SOFT_SHARE, Child
from .errors import JobCrashedError, JobTimeoutError
from .metrics import JOB_ENDS, POOL_BUSY

# How long a new child may take to get ready.
START_TIMEOUT_S = 120.0
# How often a seat that has nothing to do looks whether its child is alive.
_LOOK_S = 1.0
# Of what a child may take beside what it takes when it is warm: one that keeps more gets a successor, one that keeps
# almost all does no other job.
_WORN_SHARE = 0.5
_SPENT_SHARE = 0.75


@dataclass
class Order:
    """A job that waits for a seat or has one; cancelling kills the child that does it."""

    job: Job
    limit_s: float
    result: "Future[Any]" = field(default_factory=Future)
    _lock: Any = field(default_factory=Lock)
    _child: Child | None = None
    is_cancelled: bool = False

    def cancel(self) -> None:
        """Say that nobody wants it any more."""
        with self._lock:
            self.is_cancelled = True
            if self._child is not None:
                self._child.kill()

    def assign(self, child: Child | None) -> bool:
        """Note who does it, or that nobody does any more; False when nobody needs to."""
        with self._lock:
            self._child = child
            return not self.is_cancelled


class Seat:
    """Takes orders until it gets none, one after the other."""

    def __init__(
        self,
        pool: str,
        orders: "queue.SimpleQueue[Order | None]",
        beginning: Beginning,
        *,
        jobs_per_child: int,
    ) -> None:
        """Begin with a child that is getting warm."""
        self._pool = pool
        self._orders = orders
        self._beginning = beginning
        self._jobs_per_child = jobs_per_child
        self._lock = Lock()
        self._is_stopping = Event()
        self._child: Child | None = None
        self._unstarted = "the pool is closed"
        self._successor: Child | None = None
        self.warm: Future[None] = Future()
        self.unconfined: str | None = None
        # A child dies with the thread that began it.
        self._thread = Thread(target=self._work, name=f"seat-{pool}", daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Kill its children, whatever they do; it begins no more."""
        with self._lock:
            self._is_stopping.set()
            for child in (self._child, self._successor):
                if child is not None:
                    child.kill()

    def join(self) -> None:
        """Return when it has ended."""
        self._thread.join()

    def _work(self) -> None:
        try:
            self.unconfined = self._warm_child().become_warm(START_TIMEOUT_S).unconfined
            self.warm.set_result(None)
        except JobCrashedError as error:
            self.warm.set_exception(error)
        while not self._is_stopping.is_set():
            try:
                order = self._orders.get(timeout=_LOOK_S)
            except queue.Empty:
                self._look_after_child()
                continue
            if order is None:
                break
            self._carry_out(order)
        self._bury(self._child)
        self._bury(self._successor)

    def _carry_out(self, order: Order) -> None:
        if not order.result.set_running_or_notify_cancel():
            return
        with POOL_BUSY.labels(self._pool).track_inprogress():
            outcome, result, error = self._done(order)
        JOB_ENDS.labels(self._pool, outcome).inc()
        if error is None:
            order.result.set_result(result)
            return
        order.result.set_exception(error)

    def _done(self, order: Order) -> tuple[str, Any, BaseException | None]:
        """Return how the job ended, as the metric calls it, and what it returned or raised."""
        try:
            child = self._warm_child()
            if not order.assign(child):
                return "cancelled", None, asyncio.CancelledError()
            outcome = child.outcome(order.job, order.limit_s)
        except Exception as error:  # noqa: BLE001 (an error that ended the seat would leave its order waiting for ever)
            self._lose_child()
            ended = "timed_out" if isinstance(error, JobTimeoutError) else "crashed"
            return "cancelled" if order.is_cancelled else ended, None, error
        finally:
            order.assign(None)
        self._look_at(child, outcome.wear, is_spent=outcome.ending is Ending.OUT_OF_MEMORY)
        if outcome.ending is Ending.OUT_OF_TIME:
            return "timed_out", None, JobTimeoutError(SOFT_SHARE * order.limit_s)
        if outcome.ending is Ending.OUT_OF_MEMORY:
            return "memory", None, JobCrashedError(outcome.value)
        raised = outcome.value if outcome.ending is Ending.RAISED else None
        return "finished", outcome.value, raised

    def _look_at(self, child: Child, wear: Wear, *, is_spent: bool) -> None:
        """Replace a child that holds too much now, or prepare its successor while it works on."""
        kept = self._kept(child, wear)
        if is_spent or wear.processes or kept >= _SPENT_SHARE:
            self._lose_child()
        elif kept >= _WORN_SHARE or child.jobs >= self._jobs_per_child:
            self._prepare_successor()
            self._take_successor()

    def _kept(self, child: Child, wear: Wear) -> float:
        """Return the share that jobs have kept of what was left to them when the child was warm."""
        limits, warm = self._beginning.limits, child.become_warm(START_TIMEOUT_S).wear
        address = (wear.address_bytes - warm.address_bytes) / max(1, limits.memory_bytes - warm.address_bytes)
        descriptors = (wear.descriptors - warm.descriptors) / max(1, limits.descriptors - warm.descriptors)
        return max(address, descriptors)

    def _look_after_child(self) -> None:
        if self._child is not None and not self._child.is_alive:
            self._lose_child()
        self._take_successor()

    def _warm_child(self) -> Child:
        if self._child is None or not self._child.is_alive:
            self._lose_child()
        child = self._child
        if child is None:
            raise JobCrashedError(self._unstarted)
        child.become_warm(START_TIMEOUT_S)
        return child

    def _lose_child(self) -> None:
        """Go on with the successor, or with a new child, which is not warm yet."""
        self._bury(self._child)
        self._child, self._successor = self._successor, None
        if self._child is None:
            self._child = self._begun()

    def _prepare_successor(self) -> None:
        if self._successor is None:
            self._successor = self._begun()

    def _take_successor(self) -> None:
        """Go on with the successor once it is warm; until then its predecessor works, so that no job waits."""
        try:
            if self._successor is None or not self._successor.is_warm:
                return
        except JobCrashedError:
            self._bury(self._successor)
            self._successor = None
            return
        self._lose_child()

    def _begun(self) -> Child | None:
        with self._lock:
            if self._is_stopping.is_set():
                return None
            try:
                return Child(self._beginning)
            except OSError as error:
                self._unstarted = repr(error)
                return None

    def _bury(self, child: Child | None) -> None:
        if child is not None:
            child.bury()
