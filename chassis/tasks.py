"""Claims on documents: who works on what, for how long, and whose result counts."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from contracts.documents import RECORDINGS, OutboxEntry
from contracts.interventions import RETRYABLE, Interventions
from contracts.keeping import SWEEP_LOCKS
from contracts.vocabulary import State

from .documents import Collection, PyMongoError
from .errors import (
    ContradictedEventError,
    DawnchorusError,
    LeaseHeldError,
    RecordingDeletedError,
    WorkCancelledError,
)

log = structlog.get_logger()

# How long a job goes on at most that nobody wants any more.
WATCHED_EVERY_S = 1.0

_OPEN = [State.QUEUED, State.PROCESSING]
_NEW = {"state": State.QUEUED, "attempts": 0, "fence": 0, "runs": 1, "outbox": []}
_GIVEN_BACK = {"lease_until": None, "state": State.QUEUED}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Claim:
    """The right to finish one task: only the holder of the newest fence may.

    run           1 at first; every retry of what failed is another
    announced_at  when the work was wanted; None: it cannot be cancelled
    is_cancelled  nobody wants it any more: it is only to be ended
    outages       how often a server that was down has ended an attempt
    """

    task_id: str
    fence: int
    attempts: int
    run: int = 1
    announced_at: datetime | None = None
    is_cancelled: bool = False
    outages: int = 0

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

    async def claim(
        self, task_id: str, facts: Mapping[str, Any], *, told: Mapping[str, Any] | None = None
    ) -> Claim | None:
        """Claim a task and count the attempt, before anything is done; `facts` describe a new one.

        What failed and was asked for again since begins anew, with attempts of its own.
        Returns None when it has ended already. Raises `LeaseHeldError` while another worker has it,
        `RecordingDeletedError` where nobody can see the recording any more, and `ContradictedEventError` where its
        document does not say what was `told` of it.
        """
        recording_id = task_id.partition("/")[0]
        try:
            interventions = await self._interventions(recording_id, told)
        except ContradictedEventError:
            if await self._collection.find_one({"_id": task_id, "state": {"$nin": _OPEN}}, {"_id": 1}):
                return None
            raise
        await self._collection.update_one({"_id": task_id}, {"$setOnInsert": {**facts, **_NEW}}, upsert=True)
        wanted = {"_id": task_id, **_wanted(interventions)}
        free = {"$or": [{"lease_until": None}, {"$expr": {"$lt": ["$lease_until", "$$NOW"]}}]}
        claimed = await self._collection.find_one_and_update(
            {"$and": [wanted, free]},
            [{"$set": {**self._lease(), "state": State.PROCESSING, **_counted(), "started_at": "$$NOW"}}],
            projection={"fence": 1, "attempts": 1, "runs": 1, "outages": 1},
            return_document=True,
        )
        if claimed is not None:
            announced_at = facts.get("announced_at")
            is_cancelled = announced_at is not None and interventions.cancels(announced_at)
            numbers = (claimed["fence"], claimed["attempts"], claimed["runs"])
            claim = Claim(task_id, *numbers, announced_at, is_cancelled, claimed["outages"])
            return await self._unless_swept(claim)
        if await self._collection.find_one({"_id": task_id, "state": {"$in": _OPEN}}, {"_id": 1}):
            raise LeaseHeldError(task_id)
        return None

    @asynccontextmanager
    async def leased(self, claim: Claim) -> AsyncIterator[None]:
        """Renew the lease while the work goes on; cancelled, give the task back without counting the attempt.

        Raises `RecordingDeletedError` instead of going on, and gives the task back, once its recording is deleted;
        `WorkCancelledError` once somebody cancelled the work, whose task is then to be ended.
        """
        watch = asyncio.create_task(self._watch(claim, asyncio.current_task()))
        try:
            yield
        except asyncio.CancelledError as error:
            cause = watch.result() if watch.done() else None
            if not isinstance(cause, WorkCancelledError):
                await asyncio.shield(self._give_back(claim))
            if cause is not None:
                _take_back_cancellation()
                raise cause from error
            raise
        finally:
            watch.cancel()

    async def cancel(self, claim: Claim) -> bool:
        """End a task that nobody wants any more; return False when the claim is no longer the newest."""
        result = await self._collection.update_one(
            _held(claim),
            {"$set": {"state": State.CANCELLED, "lease_until": None}, "$currentDate": {"completed_at": True}},
        )
        return result.modified_count == 1

    async def release(self, claim: Claim) -> None:
        """Let the next try have the task at once; the attempt stays counted."""
        await self._collection.update_one(_held(claim), {"$set": _GIVEN_BACK})

    async def give_back(self, claim: Claim) -> None:
        """Let the next try have the task at once: an outage ended this attempt, which does not count."""
        await self._collection.update_one(_held(claim), {"$set": _GIVEN_BACK, "$inc": {"attempts": -1, "outages": 1}})

    async def amend(self, claim: Claim, *, fields: Mapping[str, Any], outbox: OutboxEntry) -> bool:
        """Add what is known before the end, and announce it, in one write, once.

        False when the claim is not the newest, or when an earlier attempt has said it: its event has the same id, and
        must not come with another time.
        """
        unsaid: dict[str, Any] = dict.fromkeys(fields)
        result = await self._collection.update_one(
            {**_held(claim), **unsaid}, {"$set": dict(fields), "$push": {"outbox": outbox.model_dump()}}
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

    async def _watch(self, claim: Claim, worker: asyncio.Task[Any] | None) -> DawnchorusError | None:
        """Renew the lease until nobody wants the result; then cancel who works on it, and return why."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(min(self._lease_s / 3, WATCHED_EVERY_S))
            try:
                if time.monotonic() - renewed >= self._lease_s / 3:
                    await self._collection.update_one(_held(claim), [{"$set": self._lease()}])
                    renewed = time.monotonic()
                cause = await self._unwanted(claim)
            except PyMongoError as error:
                log.warning("lease_not_renewed", task_id=claim.task_id, reason=str(error))
                continue
            if cause is not None and worker is not None:
                worker.cancel()
                return cause

    async def _unwanted(self, claim: Claim) -> DawnchorusError | None:
        try:
            interventions = await self._interventions(claim.recording_id)
        except RecordingDeletedError as deleted:
            return deleted
        if claim.announced_at is None or not interventions.cancels(claim.announced_at):
            return None
        return WorkCancelledError(claim.recording_id)

    async def _interventions(self, recording_id: str, told: Mapping[str, Any] | None = None) -> Interventions:
        told = told or {}
        fields = {"deleted_at": 1, "cancelled_at": 1, "retried_at": 1} | dict.fromkeys(told, 1)
        found = await self._recordings.find_one({"_id": recording_id}, fields) or {}
        for name, value in told.items():
            if found.get(name) != value:
                raise ContradictedEventError(recording_id, name)
        if found.get("deleted_at") is not None:
            raise RecordingDeletedError(recording_id)
        return Interventions(found.get("cancelled_at"), found.get("retried_at"))

    async def _unless_swept(self, claim: Claim) -> Claim:
        """Return a claim; give it back and raise where what nothing names of its recording is being removed."""
        lock = {"_id": f"{self._collection.name}/{claim.recording_id}", "$expr": {"$gt": ["$until", "$$NOW"]}}
        if await self._collection.database[SWEEP_LOCKS].find_one(lock, {"_id": 1}) is not None:
            await self._give_back(claim)
            raise LeaseHeldError(claim.task_id)
        return claim

    async def _give_back(self, claim: Claim) -> None:
        try:
            await self._collection.update_one(_held(claim), {"$set": _GIVEN_BACK, "$inc": {"attempts": -1}})
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


def _wanted(interventions: Interventions) -> dict[str, Any]:
    # In words of MongoDB what `Interventions.reopens` says.
    since = interventions.retried_at or _LONG_AGO
    reopened = {"state": {"$in": list(RETRYABLE)}, "completed_at": {"$lte": since}}
    return {"$or": [{"state": {"$in": _OPEN}}, reopened]}


def _counted() -> dict[str, Any]:
    is_open: dict[str, Any] = {"$in": ["$state", _OPEN]}
    runs = {"$ifNull": ["$runs", 1]}
    return {
        "attempts": {"$cond": [is_open, {"$add": ["$attempts", 1]}, 1]},
        "runs": {"$cond": [is_open, runs, {"$add": [runs, 1]}]},
        "outages": {"$cond": [is_open, {"$ifNull": ["$outages", 0]}, 0]},
        "fence": {"$add": ["$fence", 1]},
    }
