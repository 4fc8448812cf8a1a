"""What stands before a server: a breaker, those who wait for it, and who asks when nobody calls."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

import structlog

from .breaker import Breaker, BreakerRules, BreakerState, Permit
from .errors import OpenBreakerError
from .metrics import BREAKER_OPENED, BREAKER_STATE
from .waking import WakeableSleep

log = structlog.get_logger()

# Between a call that failed and the question whether that was an accident.
DOUBT_S = 0.5


class Dependency(StrEnum):
    """A server that others than us run."""

    MONGODB = "mongodb"
    S3 = "s3"
    RABBITMQ = "rabbitmq"


# Says that the server has answered a call.
Answered = Callable[[], None]


@dataclass(frozen=True)
class Symptoms:
    """How the calls of one dependency fail.

    errors     what they raise
    is_outage  which of these say that it is down; the others are answers
    refusal    what is raised instead of a call, from the seconds until the next is allowed
    """

    errors: tuple[type[Exception], ...]
    is_outage: Callable[[BaseException], bool]
    refusal: Callable[[float], OpenBreakerError]


class Guard:
    """The breaker of one dependency in this process: every call passes it."""

    def __init__(
        self,
        dependency: Dependency,
        symptoms: Symptoms,
        rules: BreakerRules,
        *,
        idle_s: float = 5.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dependency = dependency
        self._symptoms = symptoms
        self._breaker = Breaker(rules, now)
        self._idle_s = idle_s
        self._now = now
        self._ended_at_s = now()
        self._is_doubtful = False
        self._sleep = WakeableSleep()
        self._usable = asyncio.Event()
        self._usable.set()
        BREAKER_STATE.labels(dependency).set_function(lambda: self.state)
        BREAKER_OPENED.labels(dependency)

    @property
    def state(self) -> BreakerState:
        """Return what its breaker is now."""
        return self._breaker.state

    @property
    def is_usable(self) -> bool:
        """Tell whether calls go through."""
        return self._usable.is_set()

    def check(self) -> None:
        """Raise the refusal while it is not closed: before work that a call would end in vain."""
        if not self.is_usable:
            raise self._refusal()

    def permit(self) -> Permit:
        """Return the right to make one call, whose end is to be told. Raises the refusal while there is none."""
        permit = self._breaker.admit()
        if permit is None:
            raise self._refusal()
        return permit

    def confirm(self, permit: Permit) -> None:
        """Raise the refusal when the breaker has opened since: a call that waited for its turn is in vain."""
        if not self._breaker.is_current(permit):
            raise self._refusal()

    def settle(self, permit: Permit, error: BaseException | None) -> None:
        """Note how a call ended: with `error`, which may be an answer, too, or without."""
        if error is not None and not isinstance(error, self._symptoms.errors):
            self._breaker.abandoned(permit)
            return
        before = self.state
        self._is_doubtful = error is not None and self._symptoms.is_outage(error)
        if self._is_doubtful:
            self._breaker.failed(permit)
        else:
            self._breaker.succeeded(permit)
        self._ended_at_s = self._now()
        self._tell(before)

    @contextmanager
    def call(self) -> Iterator[Answered]:
        """Make one call in this block, which may say that it was answered before it has ended.

        Who takes a long answer in says so: others shall not wait for that to know that the server is back.
        """
        permit, is_settled = self.permit(), False

        def answered() -> None:
            nonlocal is_settled
            if not is_settled:
                self.settle(permit, None)
            is_settled = True

        try:
            yield answered
        except BaseException as error:
            self.settle(permit, error)
            raise
        answered()

    async def usable(self) -> None:
        """Return when calls go through."""
        await self._usable.wait()

    async def watch(self, ping: Callable[[], Awaitable[object]]) -> None:
        """Ask for ever: when a call has failed, when the breaker may be tried, and when nobody calls.

        ping  a call through this guard, within a bound on waiting
        """
        while True:
            await self._due()
            with suppress(*self._symptoms.errors):
                # Whatever it raises is noted by the breaker.
                await ping()

    async def _due(self) -> None:
        while (wait_s := self._due_in_s()) > 0:
            await self._sleep.at_most(wait_s)

    def _due_in_s(self) -> float:
        state = self.state
        if state is BreakerState.OPEN:
            return self._breaker.open_for_s
        since_s = self._now() - self._ended_at_s
        if state is BreakerState.HALF_OPEN:
            return DOUBT_S if self._breaker.is_tried else 0.0
        return (DOUBT_S if self._is_doubtful else self._idle_s) - since_s

    def _refusal(self) -> OpenBreakerError:
        return self._symptoms.refusal(self._breaker.open_for_s)

    def _tell(self, before: BreakerState) -> None:
        self._sleep.wake()
        after = self.state
        if before is BreakerState.CLOSED and after is not BreakerState.CLOSED:
            self._usable.clear()
            BREAKER_OPENED.labels(self.dependency).inc()
            log.warning("breaker_opened", dependency=self.dependency, open_s=self._breaker.open_for_s)
        elif before is not BreakerState.CLOSED and after is BreakerState.CLOSED:
            self._usable.set()
            log.info("breaker_closed", dependency=self.dependency)
