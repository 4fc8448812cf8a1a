"""The route of queues: what waits, is worked on, waits for another try or is parked, per service and lane."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from litestar import get
from pydantic import BaseModel, Field

from chassis.documents import Database
from chassis.reconciling import STUCK
from contracts.dead_letters import DEAD_LETTERS, DeadLetterState
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, TASKS
from contracts.topology import CONSUMERS, RETRY_DELAYS_S, dead_queue_name, retry_queue_name, work_queue_name
from contracts.vocabulary import Lane, State

from .access import KNOWN
from .queue_counts import Counts, QueueCount, QueueCounts, Source

_TASKS = {"spectrogram": SPECTROGRAMS, "analysis": ANALYSES}
# The oldest of so many is looked for, however many wait.
_LOOKED_AT_MAX = 2000
_ENDED = [state for state in State if state.is_terminal]


class LaneView(BaseModel):
    """One lane of a service."""

    lane: Lane
    waiting: int = Field(description="Messages that no worker has taken.")
    running: int | None = Field(
        description="Messages that a worker has; null where RabbitMQ's management is not asked."
    )
    workers: int = Field(description="Processes that take messages.")
    handled_per_s: float | None = Field(description="Lately; null where nobody knows.")
    oldest_recording_s: float | None = Field(
        description="Since when the longest waiting recording is here, of the newest 2000; null: none waits."
    )


class ServiceQueues(BaseModel):
    """The queues of one service."""

    service: str = Field(examples=["analysis"])
    lanes: list[LaneView]
    retrying: int = Field(description="Messages that wait for another attempt, of both lanes.")
    parked: int = Field(description="Messages that nobody could work on and the undertaker has not taken yet.")
    dead_letters: int = Field(description="Those it has taken, and nobody has seen to.")


class QueuesView(BaseModel):
    """All queues, and who said so."""

    source: Source
    stuck: int = Field(
        description="Recordings, and wishes about them, that do not end although they were announced anew."
    )
    services: list[ServiceQueues]


class QueueBoard:
    """Puts together what RabbitMQ and our own documents say."""

    def __init__(self, database: Database, counts: QueueCounts) -> None:
        self._database = database
        self._counts = counts

    async def view(self) -> QueuesView:
        """Return all queues. Raises `BrokerUnavailableError` where nobody knows them."""
        counts = await self._counts.now()
        services = [await self._of(service, counts) for service in CONSUMERS]
        return QueuesView(source=counts.source, stuck=await count_stuck(self._database), services=services)

    async def _of(self, service: str, counts: Counts) -> ServiceQueues:
        dead = {"service": service, "state": DeadLetterState.PARKED}
        retrying = retrying_of(service, counts)
        lanes = [(lane, counts.queues[work_queue_name(service, lane)]) for lane in Lane]
        return ServiceQueues(
            service=service,
            lanes=[await self._lane(service, lane, count, retrying) for lane, count in lanes],
            retrying=retrying,
            parked=counts.queues[dead_queue_name(service)].waiting,
            dead_letters=await self._database[DEAD_LETTERS].count_documents(dead),
        )

    async def _lane(self, service: str, lane: Lane, count: QueueCount, retrying: int) -> LaneView:
        expected = count.waiting + (count.running or 0) + retrying
        return LaneView(
            lane=lane,
            waiting=count.waiting,
            running=count.running,
            workers=count.consumers,
            handled_per_s=count.handled_per_s,
            oldest_recording_s=await self._oldest_s(_TASKS[service], lane) if expected else None,
        )

    async def _oldest_s(self, collection: str, lane: Lane) -> float | None:
        announced = {"lane": lane, "state": State.COMPLETED, "deleted_at": None}
        stages: list[Mapping[str, Any]] = [
            {"$match": announced},
            {"$sort": {"uploaded_at": -1}},
            {"$limit": _LOOKED_AT_MAX},
            {"$project": {"uploaded_at": 1}},
            _ended_in(collection),
            {"$match": {"ended": []}},
            {"$sort": {"uploaded_at": 1}},
            {"$limit": 1},
        ]
        rows = await self._database[RECORDINGS].aggregate(stages).to_list(1)
        return round((datetime.now(UTC) - rows[0]["uploaded_at"]).total_seconds(), 1) if rows else None


async def count_stuck(database: Database) -> int:
    """Return how many recordings, and wishes about them, announcing anew did not help."""
    return sum([await database[name].count_documents(STUCK) for name in (RECORDINGS, TASKS)])


def retrying_of(service: str, counts: Counts) -> int:
    """Return how many messages of a service wait for another attempt."""
    return sum(counts.queues[retry_queue_name(service, delay)].waiting for delay in RETRY_DELAYS_S)


def _ended_in(collection: str) -> Mapping[str, Any]:
    ended = [{"$match": {"state": {"$in": _ENDED}}}, {"$limit": 1}, {"$project": {"_id": 1}}]
    return {
        "$lookup": {
            "from": collection,
            "localField": "_id",
            "foreignField": "recording_id",
            "pipeline": ended,
            "as": "ended",
        }
    }


@get("/queues", operation_id="getQueues", needs=KNOWN, tags=["operations"])
async def get_queues(queue_board: QueueBoard) -> QueuesView:
    """Say what waits, is worked on, waits for another attempt or is parked, per service and lane."""
    return await queue_board.view()
