"""The documents of batches: what is asked for, how far it is, and who works it off."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.batches import BATCH_ITEMS, BATCHES, BatchDocument, BatchItemDocument
from contracts.interventions import RETRYABLE
from contracts.vocabulary import Fault, State

from .keys import Caller

log = structlog.get_logger()

OPEN = (State.QUEUED, State.PROCESSING)


class Batches:
    """Batches in MongoDB; the gateway is the only writer, and of its replicas one at a time works a batch off."""

    def __init__(self, database: Database) -> None:
        self._batches = database[BATCHES]
        self._items = database[BATCH_ITEMS]

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._batches.create_index([("project_id", 1), ("created_at", -1)], name="newest_first")
        await self._batches.create_index([("is_open", 1), ("worked_until", 1)], name="to_be_worked_off")
        await self._batches.create_index([("is_open", 1), ("completed_at", 1)], name="ended_first")
        await self._items.create_index([("batch_id", 1), ("number", 1)], name="by_number", unique=True)
        await self._items.create_index([("batch_id", 1), ("state", 1), ("number", 1)], name="by_state")
        await self._items.create_index([("batch_id", 1), ("recording_id", 1)], name="by_recording")

    async def add(self, batch: BatchDocument, items: Sequence[BatchItemDocument]) -> None:
        """Store a batch: its items first, so that whoever works it off finds all of them."""
        if items:
            await self._items.insert_many([each.model_dump(by_alias=True) for each in items])
        await self._batches.insert_one(batch.model_dump(by_alias=True))

    async def one(self, caller: Caller, batch_id: str) -> BatchDocument:
        """Return a batch; an unknown one, or somebody else's, is a 404; too little a role a 403."""
        query = {"_id": batch_id, "project_id": {"$in": list(caller.seen_project_ids)}, "forgotten_at": None}
        raw = await self._batches.find_one(query)
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no batch {batch_id[:64]} here.")
        caller.check(raw["project_id"])
        return BatchDocument.model_validate(raw)

    async def newest(self, caller: Caller, limit: int, before: datetime | None) -> list[BatchDocument]:
        """Return the batches of the caller's projects, the newest first."""
        query: dict[str, Any] = {"project_id": {"$in": list(caller.project_ids)}, "forgotten_at": None}
        if before is not None:
            query["created_at"] = {"$lt": before}
        rows = self._batches.find(query).sort("created_at", -1).limit(limit)
        return [BatchDocument.model_validate(raw) async for raw in rows]

    async def item(self, caller: Caller, item_id: str) -> tuple[BatchDocument, BatchItemDocument]:
        """Return an item with its batch; an unknown one, or somebody else's, is a 404."""
        query = {"_id": item_id, "project_id": {"$in": list(caller.seen_project_ids)}}
        raw = await self._items.find_one(query)
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no task {item_id[:64]} here.")
        item = BatchItemDocument.model_validate(raw)
        return await self.one(caller, item.batch_id), item

    async def items(
        self, batch_id: str, *, states: Sequence[State] = (), after: int = -1, limit: int
    ) -> list[BatchItemDocument]:
        """Return items of a batch in their order, those of these states, or all."""
        query: dict[str, Any] = {"batch_id": batch_id, "number": {"$gt": after}}
        if states:
            query["state"] = {"$in": list(states)}
        rows = self._items.find(query).sort("number", 1).limit(limit)
        return [BatchItemDocument.model_validate(raw) async for raw in rows]

    async def counts(self, batch_id: str) -> dict[State, int]:
        """Return how many items there are in each state."""
        stages: list[dict[str, Any]] = [
            {"$match": {"batch_id": batch_id}},
            {"$group": {"_id": "$state", "items": {"$sum": 1}}},
        ]
        return {State(raw["_id"]): raw["items"] async for raw in self._items.aggregate(stages)}

    async def forget(self, ended_before: datetime) -> bool:
        """Forget one batch that ended before then; False where there is none.

        It is no longer found from the first write on; who dies before the last one leaves the rest to the next.
        """
        old = {"is_open": False, "completed_at": {"$lt": ended_before}}
        batch = await self._batches.find_one_and_update(old, {"$set": {"forgotten_at": datetime.now(UTC)}})
        if batch is None:
            return False
        await self._items.delete_many({"batch_id": batch["_id"]})
        await self._batches.delete_one({"_id": batch["_id"]})
        log.info("batch_forgotten", batch_id=batch["_id"])
        return True

    async def append(self, batch: BatchDocument, **facts: Any) -> None:  # noqa: ANN401 (fields of an item)
        """Add an uploaded recording to a batch, once; the batch is open again by that."""
        known = {"batch_id": batch.id, "recording_id": facts.get("recording_id")}
        if await self._items.find_one(known, {"_id": 1}) is not None:
            return
        raw = await self._batches.find_one_and_update(
            {"_id": batch.id}, {"$inc": {"items": 1}, "$set": {"is_open": True, "completed_at": None}}
        )
        number = raw["items"] if raw is not None else batch.items
        item = new_item(batch, number).model_copy(update=facts)
        await self._items.insert_one(item.model_dump(by_alias=True))

    async def cancel(self, batch: BatchDocument) -> None:
        """End what was not taken up, and have whoever works it off stop the rest."""
        now = datetime.now(UTC)
        cancelled = {"cancelled_at": now, "is_cancelling": True, "is_open": True, "worked_until": None}
        await self._batches.update_one({"_id": batch.id}, {"$set": cancelled})
        query = {"batch_id": batch.id, "state": State.QUEUED}
        await self._items.update_many(query, {"$set": {"state": State.CANCELLED}})

    async def retry(self, batch: BatchDocument) -> int:
        """Have every item taken up again that failed or was cancelled, wholly or in part; return how many."""
        query = {"batch_id": batch.id, "state": {"$in": list(RETRYABLE)}}
        again = {"state": State.QUEUED, "attempts": 0, "error": None}
        result = await self._items.update_many(query, {"$set": again})
        reopened = {"is_open": True, "is_cancelling": False, "cancelled_at": None, "completed_at": None}
        await self._batches.update_one({"_id": batch.id}, {"$set": {**reopened, "worked_until": None}})
        return result.modified_count

    async def claim(self, lease: timedelta) -> BatchDocument | None:
        """Have a batch for oneself that is to be worked off; the urgent first, then who waited longest."""
        now = datetime.now(UTC)
        free = {"is_open": True, "$or": [{"worked_until": None}, {"worked_until": {"$lt": now}}]}
        # "interactive" comes after "bulk".
        order = [("lane", -1), ("worked_until", 1)]
        raw = await self._batches.find_one_and_update(
            free, {"$set": {"worked_until": now + lease}}, sort=order, return_document=True
        )
        return BatchDocument.model_validate(raw) if raw is not None else None

    async def leave(self, batch: BatchDocument, pause: timedelta, **facts: Any) -> None:  # noqa: ANN401 (its fields)
        """Let go of a batch for a while, unless somebody wants it at once, and note facts about it."""
        query = {"_id": batch.id, "worked_until": batch.worked_until}
        await self._batches.update_one(query, {"$set": {"worked_until": datetime.now(UTC) + pause, **facts}})

    async def change(self, item: BatchItemDocument, **facts: Any) -> bool:  # noqa: ANN401 (fields of an item)
        """Write what became of an item; False where it is in another state by now."""
        query = {"_id": item.id, "state": item.state}
        return (await self._items.update_one(query, {"$set": facts})).modified_count == 1

    async def settle(self, ended: Mapping[str, tuple[State, Fault | None]]) -> None:
        """Write how items ended, by their ids."""
        for item_id, (state, error) in ended.items():
            facts = {"state": state, "error": error.model_dump() if error is not None else None}
            await self._items.update_one({"_id": item_id, "state": State.PROCESSING}, {"$set": facts})


def new_batch_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_hex(12)


def new_item(batch: BatchDocument, number: int) -> BatchItemDocument:
    """Return an item that was not taken up yet."""
    id_ = f"{batch.id}-{number}"
    return BatchItemDocument(id=id_, batch_id=batch.id, project_id=batch.project_id, number=number, state=State.QUEUED)
