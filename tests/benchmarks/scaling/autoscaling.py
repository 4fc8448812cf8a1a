"""Replicas as Kubernetes' autoscaler asks for them, by backlog: late, in steps, and slowly down."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scaling:
    """How replicas are asked for, and how long they take to come.

    backlog_per_replica  what the chart aims at: messages that wait or are under way, for each replica
    start_s              from asking to ready, where a node has room
    node_start_s         the same where a node must come first: when more are asked for than were there of late
    """

    fewest: int
    most: int
    backlog_per_replica: float = 10
    start_s: float = 15.0
    node_start_s: float = 150.0
    down_window_s: float = 300.0
    node_kept_s: float = 600.0
    period_s: float = 15.0


# The Kubernetes defaults: no change within a tenth; up by four or twice as many in a period.
_TOLERANCE = 0.1
_UP_BY, _UP_TIMES = 4, 2


@dataclass
class Autoscaler:
    """Keeps what was asked for, because replicas come later and go when nobody asked for them for a while."""

    scaling: Scaling
    asked: int = field(init=False)
    ready: int = field(init=False)
    coming: list[tuple[float, int]] = field(default_factory=list)
    wishes: deque[tuple[float, int]] = field(default_factory=deque)
    had: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.asked = self.ready = self.scaling.fewest

    @property
    def period_s(self) -> float:
        return self.scaling.period_s

    def slots(self, now_s: float, backlog: int) -> int:
        """Look at the backlog, ask for replicas or let some go; return how many are ready."""
        self.ready += sum(count for ready_s, count in self.coming if ready_s <= now_s)
        self.coming = [each for each in self.coming if each[0] > now_s]
        wanted = self._wanted(now_s, backlog)
        if wanted > self.asked:
            self._come(now_s, wanted - self.asked)
        elif wanted < self.asked:
            self._go(self.asked - wanted)
        self.asked = wanted
        _remember(self.had, now_s, self.asked, self.scaling.node_kept_s)
        return self.ready

    def _wanted(self, now_s: float, backlog: int) -> int:
        scaling = self.scaling
        needed = math.ceil(backlog / scaling.backlog_per_replica)
        if self.asked and abs(backlog / (self.asked * scaling.backlog_per_replica) - 1) <= _TOLERANCE:
            needed = self.asked
        bounded = min(max(needed, scaling.fewest), scaling.most)
        _remember(self.wishes, now_s, bounded, scaling.down_window_s)
        limit = max(self.asked + _UP_BY, self.asked * _UP_TIMES)
        highest = max(wish for _, wish in self.wishes)
        return min(bounded, limit) if bounded > self.asked else min(highest, self.asked)

    def _come(self, now_s: float, count: int) -> None:
        room = max((there for _, there in self.had), default=self.asked)
        on_nodes = min(max(room - self.asked, 0), count)
        self.coming += [(now_s + self.scaling.start_s, on_nodes), (now_s + self.scaling.node_start_s, count - on_nodes)]

    def _go(self, count: int) -> None:
        """Let those go first that are not ready yet."""
        while count and self.coming:
            ready_s, newest = self.coming.pop()
            kept = max(newest - count, 0)
            count -= newest - kept
            if kept:
                self.coming.append((ready_s, kept))
        self.ready -= count


def _remember(values: deque[tuple[float, int]], now_s: float, value: int, window_s: float) -> None:
    values.append((now_s, value))
    while values[0][0] < now_s - window_s:
        values.popleft()
