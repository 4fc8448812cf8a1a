"""What a service has in the bucket, as a number that needs no listing, and whose turn it is to list."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from contracts.keeping import STORAGE

from .documents import Collection, Database, DuplicateKeyError, PyMongoError, server_time
from .objects import ObjectStore

log = structlog.get_logger()

COUNTED_EVERY_S = 10.0


class Storage:
    """One service's document in `storage`."""

    def __init__(self, database: Database, service: str) -> None:
        self._collection: Collection = database[STORAGE]
        self._service = service

    async def takes_turn(self, every: timedelta) -> bool:
        """Tell whether this replica is to sweep now; the next turn comes after `every`, whatever becomes of this."""
        now = await server_time(self._collection)
        due = {"_id": self._service, "$or": [{"sweep_due_at": None}, {"sweep_due_at": {"$lte": now}}]}
        try:
            result = await self._collection.update_one(due, {"$set": {"sweep_due_at": now + every}}, upsert=True)
        except DuplicateKeyError:
            return False
        return result.matched_count == 1 or result.upserted_id is not None

    async def counted(self, stored_bytes: int) -> None:
        """Say what a listing found: the truth, which what was added since the last one only approached."""
        await self._collection.update_one(
            {"_id": self._service},
            {"$set": {"stored_bytes": stored_bytes, "counted_at": datetime.now(UTC)}},
            upsert=True,
        )

    async def add(self, size_bytes: int) -> None:
        """Say how much was written, or, where it is negative, removed."""
        await self._collection.update_one({"_id": self._service}, {"$inc": {"stored_bytes": size_bytes}}, upsert=True)

    async def follow(self, objects: ObjectStore) -> None:
        """Add what is written from here, for ever; what a process had not said when it died, a listing will find."""
        said_bytes = 0
        while True:
            await asyncio.sleep(COUNTED_EVERY_S)
            written_bytes = objects.written_bytes
            if written_bytes == said_bytes:
                continue
            try:
                await self.add(written_bytes - said_bytes)
            except PyMongoError as error:
                log.warning("storage_not_counted", reason=str(error))
                continue
            said_bytes = written_bytes

    async def stored_bytes(self) -> int:
        """Return what all services together have in the bucket."""
        return sum([raw.get("stored_bytes", 0) async for raw in self._collection.find({}, {"stored_bytes": 1})])
