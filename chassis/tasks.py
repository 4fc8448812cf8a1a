"""Claims on documents: who works on what, for how long, and whose result counts."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from contracts.documents import RECORDINGS, OutboxEntry
from contracts.vocabulary import State

from .documents import Collection, PyMongoError
from .errors import LeaseHeldError, RecordingDeletedError

log = structlog.get_logger()

_OPEN = [State.QUEUED, State.PROCESSING]


@dataclass(frozen=True)
class Claim:
    """The right to finish one task: only the holder of the newest fence may."""

    task_id: str
    fence: int
    attempts: int

    @property
    def recording_id(self) -> str:
        """The recording that the task is about: the id of the task begins with its id."""
        return self.task_id.partition("/")[0]


class TaskStore:
    """Compare-and-set on the task documents of one collection; times are the database's."""

    def __init__(self, collection: Collection, lease_s: float) -> None:
        self._collection = collection
        self._recordings = collection.database[RECORDINGS]
        self._lease_s = lease_s

    async def claim(self, task_id: str, facts: Mapping[str, Any]) -> Claim | None:
        """Claim a task and count the attempt, before anything is done; `facts` describe a new one.

        Returns None when it has ended already. Raises `LeaseHeldError` while another worker has it, and
        `RecordingDeletedError` where nobody can see the recording any more.
        """
        recording_id = task_id.partition("/")[0]
        if await self._is_deleted(recording_id):
            raise RecordingDeletedError(recording_id)
        await self._collection.update_one(
            {"_id": task_id},
            {"$setOnInsert": {**facts, "state": State.QUEUED, "attempts": 0, "fence": 0, "outbox": []}},
            upsert=True,
        )
        free = {"$or": [{"lease_until": None}, {"$expr": {"$lt": ["$lease_until", "$$NOW"]}}]}
        claimed = await self._collection.find_one_and_update(
            {"_id": task_id, "state": {"$in": _OPEN}, **free},
            [{"$set": {**self._lease(), "state": State.PROCESSING, **_counted(), "started_at": "$$NOW"}}],
            projection={"fence": 1, "attempts": 1},
            return_document=True,
        )
        if claimed is not None:
            return Claim(task_id, claimed["fence"], claimed["attempts"])
        if await self._collection.find_one({"_id": task_id, "state": {"$in": _OPEN}}, {"_id": 1}):
            raise LeaseHeldError(task_id)
        return None

    @asynccontextmanager
    async def leased(self, claim: Claim) -> AsyncIterator[None]:
        """Renew the lease while the work goes on; cancelled, give the task back without counting the attempt.

        Raises `RecordingDeletedError` instead of going on, and gives the task back, once its recording is deleted.
        """
        renewal = asyncio.create_task(self._renew(claim, asyncio.current_task()))
        try:
            yield
        except asyncio.CancelledError as error:
            await asyncio.shield(self._give_back(claim))
            if renewal.done():
                _take_back_cancellation()
                raise RecordingDeletedError(claim.recording_id) from error
            raise
        finally:
            renewal.cancel()

    async def release(self, claim: Claim) -> None:
        """Let the next try have the task at once; the attempt stays counted."""
        await self._collection.update_one(_held(claim), {"$set": {"lease_until": None, "state": State.QUEUED}})

    async def amend(self, claim: Claim, *, fields: Mapping[str, Any], outbox: OutboxEntry) -> bool:
        """Add what is known before the end, and announce it, in one write; False when the claim is not the newest."""
        result = await self._collection.update_one(
            _held(claim), {"$set": dict(fields), "$push": {"outbox": outbox.model_dump()}}
        )
        return result.modified_count == 1

    async def finalize(self, claim: Claim, *, state: State, fields: Mapping[str, Any], outbox: OutboxEntry) -> bool:
        """End the task and announce it, in one write; return False when the claim is no longer the newest."""
        facts = {**fields, "state": state, "lease_until": None}
        result = await self._collection.update_one(
            _held(claim),
            {"$set": facts, "$push": {"outbox": outbox.model_dump()}, "$currentDate": {"completed_at": True}},
        )
        return result.modified_count == 1

    async def newest(self, recording_id: str, *, having: str) -> Mapping[str, Any] | None:
        """Return the document about this recording that ended last with the field `having` set."""
        query = {"recording_id": recording_id, having: {"$ne": None}, "completed_at": {"$ne": None}}
        found: dict[str, Any] | None = await self._collection.find_one(query, sort=[("completed_at", -1)])
        return found

    async def _renew(self, claim: Claim, worker: asyncio.Task[Any] | None) -> None:
        """Renew the lease until the recording is deleted; then cancel who works on it."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self._collection.update_one(_held(claim), [{"$set": self._lease()}])
                if worker is not None and await self._is_deleted(claim.recording_id):
                    worker.cancel()
                    return
            except PyMongoError as error:
                log.warning("lease_not_renewed", task_id=claim.task_id, reason=str(error))

    async def _is_deleted(self, recording_id: str) -> bool:
        query = {"_id": recording_id, "deleted_at": {"$ne": None}}
        return await self._recordings.find_one(query, {"_id": 1}) is not None

    async def _give_back(self, claim: Claim) -> None:
        try:
            await self._collection.update_one(
                _held(claim), {"$set": {"lease_until": None, "state": State.QUEUED}, "$inc": {"attempts": -1}}
            )
        except PyMongoError as error:
            # The lease runs out by itself; the next claim then counts this attempt, too.
            log.warning("task_not_given_back", task_id=claim.task_id, reason=str(error))

    def _lease(self) -> dict[str, Any]:
        span = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(self._lease_s * 1000)}}
        return {"lease_until": span}


def _take_back_cancellation() -> None:
    worker = asyncio.current_task()
    if worker is not None:
        worker.uncancel()


def _held(claim: Claim) -> dict[str, Any]:
    return {"_id": claim.task_id, "fence": claim.fence, "state": State.PROCESSING}


def _counted() -> dict[str, Any]:
    return {"attempts": {"$add": ["$attempts", 1]}, "fence": {"$add": ["$fence", 1]}}
