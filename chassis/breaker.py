"""A breaker: counts how calls end, refuses them while most fail, and tries one now and then until it succeeds."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class BreakerState(IntEnum):
    """Closed: calls go through. Open: none does. Half open: one does, and decides."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True)
class BreakerRules:
    """When a breaker opens, and for how long.

    failure_ratio  of the calls that ended within the last `window_s`, where those are `calls_min` at least
    open_max_s     every trial that fails doubles `open_s`, up to this
    """

    window_s: float
    calls_min: int
    failure_ratio: float
    open_s: float
    open_max_s: float


@dataclass(frozen=True)
class Permit:
    """The right to make one call; what comes of it counts while the breaker is in the same term."""

    term: int


@dataclass
class _Slice:
    """What ended within one tenth of the window."""

    number: int
    calls: int = 0
    failures: int = 0


class Breaker:
    """The state machine alone: it waits for nothing, and knows no call but by its end."""

    def __init__(self, rules: BreakerRules, now: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._now = now
        self._slices: deque[_Slice] = deque()
        self._term = 0
        self._trial: Permit | None = None
        self._open_until: float | None = None
        self._open_s = rules.open_s

    @property
    def state(self) -> BreakerState:
        """Return what it is now."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._now() < self._open_until else BreakerState.HALF_OPEN

    @property
    def open_for_s(self) -> float:
        """Return how long it is open still; 0 when it is not."""
        return max(0.0, self._open_until - self._now()) if self._open_until is not None else 0.0

    @property
    def is_tried(self) -> bool:
        """Tell whether the one call is under way that decides."""
        return self._trial is not None

    def admit(self) -> Permit | None:
        """Return the right to make a call, or None; who has it says how the call ended."""
        state = self.state
        if state is BreakerState.CLOSED:
            return Permit(self._term)
        if state is BreakerState.OPEN or self.is_tried:
            return None
        self._term += 1
        self._trial = Permit(self._term)
        return self._trial

    def is_current(self, permit: Permit) -> bool:
        """Tell whether what comes of this call still counts."""
        return permit.term == self._term

    def succeeded(self, permit: Permit) -> None:
        """Note that what was called has answered."""
        if not self.is_current(permit):
            return
        if permit == self._trial:
            self._close()
        else:
            self._count(failures=0)

    def failed(self, permit: Permit) -> None:
        """Note that what was called did not answer."""
        if not self.is_current(permit):
            return
        if permit == self._trial:
            self._open(min(2 * self._open_s, self._rules.open_max_s))
            return
        self._count(failures=1)
        if self._is_failing():
            self._open(self._rules.open_s)

    def abandoned(self, permit: Permit) -> None:
        """Note that nobody waited for the end of the call."""
        if permit == self._trial:
            self._trial = None

    def _count(self, *, failures: int) -> None:
        number = int(self._now() * 10 / self._rules.window_s)
        if not self._slices or self._slices[-1].number != number:
            self._slices.append(_Slice(number))
        while self._slices[0].number <= number - 10:
            self._slices.popleft()
        self._slices[-1].calls += 1
        self._slices[-1].failures += failures

    def _is_failing(self) -> bool:
        calls = sum(each.calls for each in self._slices)
        failures = sum(each.failures for each in self._slices)
        return calls >= self._rules.calls_min and failures >= self._rules.failure_ratio * calls

    def _open(self, open_s: float) -> None:
        self._begin_term()
        self._open_s = open_s
        self._open_until = self._now() + open_s

    def _close(self) -> None:
        self._begin_term()
        self._open_s = self._rules.open_s
        self._open_until = None

    def _begin_term(self) -> None:
        self._term += 1
        self._trial = None
        self._slices.clear()
