"""A queue with servers that come and go, event by event: what waits, for how long, and what the servers cost."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]

_CONTROL, _DEPARTURE = 0, 1


class Control(Protocol):
    """Who says how many servers there are."""

    period_s: float

    def slots(self, now_s: float, backlog: int) -> int:
        """Return how many may work from now on; called at zero and then every `period_s`."""


@dataclass(frozen=True)
class Fixed:
    """As many servers as ever."""

    count: int
    period_s: float = 60.0

    def slots(self, now_s: float, backlog: int) -> int:
        return self.count


@dataclass(frozen=True)
class Run:
    """What became of everything that arrived.

    waits_s     (started,) from arrival to the beginning of the work
    at_s, backlog, slots   one value for each look of the control; the backlog is what waits or is under way
    slot_s      servers times seconds: what is paid for
    """

    waits_s: Seconds
    at_s: Seconds
    backlog: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]
    arrived: int
    finished: int
    left: int
    slot_s: float


class _Queue:
    """First come, first served. Who is under way when servers go is finished first."""

    def __init__(self, arrivals_s: Seconds, services_s: Seconds) -> None:
        self.arrivals_s, self.services_s = arrivals_s.tolist(), services_s.tolist()
        self.waiting: deque[int] = deque()
        self.events: list[tuple[float, int]] = []
        self.waits_s: list[float] = []
        self.slots = self.busy = self.finished = 0

    @property
    def backlog(self) -> int:
        return len(self.waiting) + self.busy

    def start(self, now_s: float) -> None:
        while self.waiting and self.busy < self.slots:
            number = self.waiting.popleft()
            self.waits_s.append(now_s - self.arrivals_s[number])
            self.busy += 1
            heapq.heappush(self.events, (now_s + self.services_s[number], _DEPARTURE))

    def leave(self) -> None:
        self.busy -= 1
        self.finished += 1


def simulate(arrivals_s: Seconds, services_s: Seconds, control: Control, until_s: float) -> Run:
    """Let everything arrive at its time and need its service, until the clock says `until_s`."""
    queue = _Queue(arrivals_s, services_s)
    queue.events.append((0.0, _CONTROL))
    looks: list[tuple[float, int, int]] = []
    arrived = 0
    for now_s, kind in _events(queue, until_s):
        if kind is None:
            queue.waiting.append(arrived)
            arrived += 1
        elif kind == _DEPARTURE:
            queue.leave()
        else:
            queue.slots = control.slots(now_s, queue.backlog)
            looks.append((now_s, queue.backlog, queue.slots))
            heapq.heappush(queue.events, (now_s + control.period_s, _CONTROL))
        queue.start(now_s)
    return _run(queue, looks, arrived, control.period_s)


def _events(queue: _Queue, until_s: float) -> Iterator[tuple[float, int | None]]:
    """Yield what happens next, as long as it happens in time; an arrival has no kind."""
    arrivals = iter([*queue.arrivals_s, np.inf])
    arrival_s = next(arrivals)
    while True:
        if arrival_s <= queue.events[0][0]:
            now_s, kind = arrival_s, None
            arrival_s = next(arrivals) if arrival_s <= until_s else arrival_s
        else:
            now_s, kind = heapq.heappop(queue.events)
        if now_s > until_s:
            return
        yield now_s, kind


def _run(queue: _Queue, looks: list[tuple[float, int, int]], arrived: int, period_s: float) -> Run:
    at_s, backlog, slots = (np.array(each) for each in zip(*looks, strict=True))
    return Run(
        waits_s=np.array(queue.waits_s),
        at_s=at_s,
        backlog=backlog,
        slots=slots,
        arrived=arrived,
        finished=queue.finished,
        left=queue.backlog,
        slot_s=float(slots.sum() * period_s),
    )


def erlang_c_wait_s(arrivals_per_s: float, service_s: float, servers: int) -> float:
    """Return the mean wait of M/M/c (Erlang, 1917): Poisson arrivals, exponential services, `servers` of them."""
    offered = arrivals_per_s * service_s
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    waiting = blocked / (1 - offered / servers * (1 - blocked))
    return waiting * service_s / (servers - offered)
