"""Which wishes of readers have ended: the task that each one announces, as its own document says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.documents import Database
from chassis.fronts import TASK_FIELDS, LaneFronts
from chassis.watching import Standing
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, OutboxEntry, RecordingDocument

from .wishes import Wishes

Raw = Mapping[str, Any]
_DONE_FIELDS = {"deleted_at": 1, "cancelled_at": 1, "retried_at": 1}


class WatchedWishes:
    """Wishes to see a recording in another way, or to have it analysed again."""

    def __init__(self, database: Database, wishes: Wishes) -> None:
        self._database = database
        self._wishes = wishes

    async def standings(self, documents: Sequence[Raw], now: datetime) -> dict[str, Standing]:
        """Return where each wish stands: about a recording that is deleted it waits, for it may be restored."""
        fronts = LaneFronts(self._database, now)
        ids = sorted({each["recording_id"] for each in documents})
        rows = self._database[RECORDINGS].find({"_id": {"$in": ids}}, _DONE_FIELDS)
        recordings = {raw["_id"]: raw async for raw in rows}
        tasks = {
            name: await self._tasks(name, [each for each in documents if _collection(each) == name])
            for name in (SPECTROGRAMS, ANALYSES)
        }
        standings = {each["_id"]: Standing.ENDED for each in documents}
        for each in documents:
            recording = recordings.get(each["recording_id"])
            if recording is not None and recording.get("deleted_at") is not None:
                standings[each["_id"]] = Standing.WAITING
            elif recording is not None:
                task, told = tasks[_collection(each)].get(_task_id(each)), {**recording, **each}
                standings[each["_id"]] = await fronts.standing(_collection(each), task, told, each["requested_at"])
        return standings

    async def announcement(self, document: Raw) -> tuple[OutboxEntry, ...]:
        """Return the event of a wish once more."""
        raw = await self._database[RECORDINGS].find_one({"_id": document["recording_id"]}, {"outbox": 0})
        return self._wishes.entries(RecordingDocument.model_validate(raw), document) if raw is not None else ()

    async def _tasks(self, collection: str, wishes: Sequence[Raw]) -> dict[str, dict[str, Any]]:
        query = {"_id": {"$in": [_task_id(each) for each in wishes]}}
        return {raw["_id"]: raw async for raw in self._database[collection].find(query, TASK_FIELDS)}


def _collection(wish: Raw) -> str:
    return ANALYSES if "request_id" in wish else SPECTROGRAMS


def _task_id(wish: Raw) -> str:
    return f"{wish['recording_id']}/{wish['request_id']}" if "request_id" in wish else str(wish["_id"])
