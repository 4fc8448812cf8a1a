"""How the system is: each server and service that it needs, asked now."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Literal

import httpx
from pydantic import BaseModel, Field

from chassis.breaker import BreakerState
from chassis.documents import Database, PyMongoError
from chassis.errors import BrokerUnavailableError, ObjectStoreError
from chassis.guard import Guard
from chassis.guards import Guards
from chassis.objects import ObjectStore
from contracts.dead_letters import DEAD_LETTERS
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, TASKS
from contracts.topology import CONSUMERS, work_queue_name
from contracts.vocabulary import Lane

from .queue_counts import QueueCounts
from .queues import count_stuck, retrying_of

# Who asks more often hears the same again.
FRESH_S = 1.0
# A broker that restarts is back by then: what waits longer in an outbox waits for somebody.
OUTBOX_LATE_S = 60.0
_OUTBOXES = (RECORDINGS, SPECTROGRAMS, ANALYSES, TASKS, DEAD_LETTERS)


BreakerWord = Literal["closed", "half_open", "open"]
_BREAKER_WORDS: Mapping[BreakerState, BreakerWord] = {
    BreakerState.CLOSED: "closed",
    BreakerState.HALF_OPEN: "half_open",
    BreakerState.OPEN: "open",
}


class Status(StrEnum):
    """How something is: `degraded` works, but not as it should."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class Part(StrEnum):
    """What the system needs."""

    DATABASE = "database"
    STORAGE = "storage"
    QUEUE = "queue"
    OUTBOX = "outbox"
    RECORDINGS = "recordings"
    INGEST = "ingest"
    SPECTROGRAM = "spectrogram"
    ANALYSIS = "analysis"


# Without these nothing comes in and nothing can be read.
VITAL = frozenset({Part.DATABASE, Part.STORAGE})


class PartHealth(BaseModel):
    """How one part is."""

    status: Status
    latency_ms: float = Field(description="How long the answer took.")
    detail: str | None = Field(default=None, description="What is not as it should be.")
    backlog: int | None = Field(default=None, description="Messages or events that wait; null where nothing can.")
    workers: int | None = Field(default=None, description="Consumers of its queues; null where it has none.")
    oldest_s: float | None = Field(default=None, description="How long the longest waiting event waits.")
    breaker: BreakerWord | None = Field(
        default=None, description="Whether this gateway sends it anything; null where it has no breaker."
    )


@dataclass(frozen=True)
class Finding:
    """What asking a part came to."""

    status: Status = Status.OK
    detail: str | None = None
    backlog: int | None = None
    workers: int | None = None
    oldest_s: float | None = None


class HealthBoard:
    """Asks all parts at once, each within a bound on waiting."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        ingest: httpx.AsyncClient,
        counts: QueueCounts,
        timeout_s: float,
        guards: Guards | None = None,
    ) -> None:
        self._database = database
        self._objects = objects
        self._ingest = ingest
        self._counts = counts
        self._timeout_s = timeout_s
        self._probes: Mapping[Part, Callable[[], Awaitable[Finding]]] = {
            Part.DATABASE: self._ask_database,
            Part.STORAGE: self._ask_storage,
            Part.QUEUE: self._ask_queue,
            Part.OUTBOX: self._look_into_outboxes,
            Part.RECORDINGS: self._look_for_stuck,
            Part.INGEST: self._ask_ingest,
            **{Part(service): partial(self._look_for_workers, service) for service in CONSUMERS},
        }
        self._guards = _by_part(guards) if guards is not None else {}
        self._lock = asyncio.Lock()
        self._told: dict[Part, PartHealth] = {}
        self._told_at_s = -FRESH_S

    async def parts(self) -> dict[Part, PartHealth]:
        """Return how every part is, not older than a second."""
        async with self._lock:
            if time.monotonic() - self._told_at_s > FRESH_S:
                found = await asyncio.gather(*(self._asked(part) for part in self._probes))
                self._told = dict(zip(self._probes, found, strict=True))
                self._told_at_s = time.monotonic()
            return self._told

    async def _asked(self, part: Part) -> PartHealth:
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                finding = await self._probes[part]()
        except (PyMongoError, ObjectStoreError, BrokerUnavailableError, httpx.HTTPError, TimeoutError) as error:
            # The class only: what the servers say names their addresses.
            finding = Finding(Status.DOWN, f"No answer: {type(error).__name__}.")
        return PartHealth(
            status=finding.status,
            latency_ms=round(1000 * (time.monotonic() - began_s), 1),
            detail=finding.detail,
            backlog=finding.backlog,
            workers=finding.workers,
            oldest_s=finding.oldest_s,
            breaker=_word(self._guards.get(part)),
        )

    async def _ask_database(self) -> Finding:
        await self._database.command("ping")
        return Finding()

    async def _ask_storage(self) -> Finding:
        await self._objects.ask()
        return Finding()

    async def _ask_queue(self) -> Finding:
        counts = await self._counts.now()
        waiting = sum(counts.queues[work_queue_name(service, lane)].waiting for service in CONSUMERS for lane in Lane)
        if counts.source is self._counts.is_degraded_by:
            return Finding(Status.DEGRADED, "RabbitMQ's management does not answer.", backlog=waiting)
        return Finding(backlog=waiting)

    async def _look_into_outboxes(self) -> Finding:
        looked = await asyncio.gather(*(self._look_into(name) for name in _OUTBOXES))
        backlog = sum(count for count, _ in looked)
        oldest_s = max((waited_s for _, waited_s in looked if waited_s is not None), default=None)
        if oldest_s is not None and oldest_s > OUTBOX_LATE_S:
            return Finding(Status.DEGRADED, "Events wait for the broker.", backlog=backlog, oldest_s=oldest_s)
        return Finding(backlog=backlog, oldest_s=oldest_s)

    async def _look_into(self, name: str) -> tuple[int, float | None]:
        """Return how many documents have events that wait, and since when the oldest of them was true."""
        waiting = {"outbox.event_id": {"$exists": True}}
        count = await self._database[name].count_documents(waiting)
        said = "outbox.headers.ce-time"
        raw = await self._database[name].find_one(waiting, {said: 1}, sort=[(said, 1)]) if count else None
        times = [each["headers"]["ce-time"] for each in raw["outbox"] if "ce-time" in each["headers"]] if raw else []
        # A dead letter's event is older than its wish to be sent again.
        if not times or name == DEAD_LETTERS:
            return count, None
        return count, round((datetime.now(UTC) - datetime.fromisoformat(min(times))).total_seconds(), 1)

    async def _look_for_stuck(self) -> Finding:
        stuck = await count_stuck(self._database)
        detail = f"{stuck} do not end although they were announced anew." if stuck else None
        return Finding(Status.DEGRADED if stuck else Status.OK, detail, backlog=stuck)

    async def _ask_ingest(self) -> Finding:
        answer = await self._ingest.get("/readyz", timeout=self._timeout_s)
        return Finding() if answer.is_success else Finding(Status.DEGRADED, "It is not ready.")

    async def _look_for_workers(self, service: str) -> Finding:
        counts = await self._counts.now()
        lanes = {lane: counts.queues[work_queue_name(service, lane)] for lane in Lane}
        workers = sum(each.consumers for each in lanes.values())
        backlog = sum(each.waiting for each in lanes.values()) + retrying_of(service, counts)
        idle = sorted(lane for lane, count in lanes.items() if count.consumers == 0)
        if not idle:
            return Finding(backlog=backlog, workers=workers)
        status = Status.DEGRADED if workers else Status.DOWN
        return Finding(status, f"No worker takes the lane {' or '.join(idle)}.", backlog=backlog, workers=workers)


def _by_part(guards: Guards) -> dict[Part, Guard]:
    return {Part.DATABASE: guards.mongodb, Part.STORAGE: guards.s3, Part.QUEUE: guards.rabbitmq}


def _word(guard: Guard | None) -> BreakerWord | None:
    return _BREAKER_WORDS[guard.state] if guard is not None else None


def overall(parts: Mapping[Part, PartHealth]) -> Status:
    """Return one word for the whole: down without a part that is vital, degraded when anything is not ok."""
    if any(health.status is Status.DOWN for part, health in parts.items() if part in VITAL):
        return Status.DOWN
    return Status.OK if all(each.status is Status.OK for each in parts.values()) else Status.DEGRADED
