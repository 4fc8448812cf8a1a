"""What the documents of tasks say to those who announced the work: how far it is, and how far its lane has come."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.interventions import Interventions
from contracts.vocabulary import State
from contracts.watching import Watch

from .documents import Database
from .watching import LaneFront, Standing, TaskFacts, standing_of

TASK_FIELDS = dict.fromkeys(
    ("recording_id", "requested", "state", "announced_at", "created_at", "completed_at", "lease_until"), 1
)
_UNKNOWN = LaneFront(None, is_busy=False)


class LaneFronts:
    """How far the lanes of services have come at one moment, each looked up once."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._now = now
        self._known: dict[tuple[str, str], LaneFront] = {}

    async def standing(
        self, collection: str, task: Mapping[str, Any] | None, document: Mapping[str, Any], announced_at: datetime
    ) -> Standing:
        """Return where a task of `collection` stands that `document` announces, to whose recording `done` was done."""
        done = Interventions(document.get("cancelled_at"), document.get("retried_at"))
        front = await self._front(collection, document.get("lane"))
        facts = _facts(task) if task is not None else None
        return standing_of(facts, done, announced_at, front, Watch.model_validate(document["watch"]), self._now)

    async def _front(self, collection: str, lane: str | None) -> LaneFront:
        if lane is None:
            return _UNKNOWN
        if (collection, lane) not in self._known:
            self._known[collection, lane] = await self._looked_up(collection, lane)
        return self._known[collection, lane]

    async def _looked_up(self, collection: str, lane: str) -> LaneFront:
        tasks = self._database[collection]
        newest = await tasks.find_one({"lane": lane}, {"announced_at": 1}, sort=[("announced_at", -1)])
        running = {"lane": lane, "state": State.PROCESSING, "lease_until": {"$gt": self._now}}
        return LaneFront(
            newest.get("announced_at") if newest is not None else None,
            is_busy=await tasks.find_one(running, {"_id": 1}) is not None,
        )


def _facts(task: Mapping[str, Any]) -> TaskFacts:
    return TaskFacts(
        State(task["state"]),
        task.get("announced_at") or task["created_at"],
        task.get("completed_at"),
        task.get("lease_until"),
    )
