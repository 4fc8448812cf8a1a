"""What goes by itself when its time is over: uploads that nobody completed, recordings that nobody restored."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from chassis.documents import Collection, Database, PyMongoError
from chassis.errors import ObjectStoreError
from chassis.listed import UnfinishedObject
from chassis.objects import ObjectStore
from chassis.storage import Storage
from chassis.sweeping import Removable, recording_of
from contracts.documents import RECORDINGS, UPLOADS
from contracts.objects import audio_key

from .parts import PartDesk
from .retention import Retention

log = structlog.get_logger()

SWEPT_EVERY_S = 600.0


async def sweep(
    parts: PartDesk, retention: Retention, recordings: Collection, objects: ObjectStore, storage: Storage
) -> None:
    """Let go of what has expired, for ever; two that race only find less."""
    while True:
        await _tried(parts.give_up_expired())
        await _tried(retention.apply())
        await _tried(purge_deleted(recordings, objects, storage))
        await asyncio.sleep(SWEPT_EVERY_S)


async def _tried(letting_go: Awaitable[object]) -> None:
    """Let go of one kind of thing; what cannot be done now holds up no other."""
    try:
        await letting_go
    except (PyMongoError, ObjectStoreError) as error:
        log.warning("sweep_failed", reason=str(error) or repr(error))


async def purge_deleted(recordings: Collection, objects: ObjectStore, storage: Storage) -> None:
    """Remove the audio, then the document, of every recording whose retention is over."""
    expired = {"purge_at": {"$lt": datetime.now(UTC)}, "deleted_at": {"$ne": None}}
    async for raw in recordings.find(expired, {"size_bytes": 1}):
        await objects.delete(audio_key(raw["_id"]))
        result = await recordings.delete_one({"_id": raw["_id"], **expired})
        await storage.add(-raw["size_bytes"] * result.deleted_count)
        log.info("recording_purged", recording_id=raw["_id"])


class AudioNaming:
    """The audio of recordings, and of uploads that are being completed."""

    prefixes = ("audio/",)

    def __init__(self, database: Database) -> None:
        self._recordings = database[RECORDINGS]
        self._uploads = database[UPLOADS]

    async def named(self, keys: Sequence[str]) -> frozenset[str]:
        """Return which of these keys belong to a recording or an upload that is there."""
        ids = [recording_of(key) for key in keys]
        recordings = self._recordings.find({"_id": {"$in": ids}, "object_key": {"$ne": None}}, {"_id": 1})
        named = {raw["_id"] async for raw in recordings}
        named |= {raw["_id"] async for raw in self._uploads.find({"_id": {"$in": ids}}, {"_id": 1})}
        return frozenset(key for key in keys if recording_of(key) in named and key == audio_key(recording_of(key)))

    @asynccontextmanager
    async def held(self, recording_id: str, keys: Sequence[str]) -> AsyncIterator[Removable]:
        """Give a call that says which of `keys` may go: an upload's id is new, nobody comes back to an old one."""

        async def removable() -> frozenset[str]:
            return frozenset(keys) - await self.named(keys)

        yield removable

    async def expected(self, uploads: Sequence[UnfinishedObject]) -> frozenset[str]:
        """Return which of these their senders may still complete."""
        query = {"store_upload_id": {"$in": [each.upload_id for each in uploads]}}
        ids = [recording_of(each.key) for each in uploads]
        rows = self._uploads.find({"_id": {"$in": ids}, **query}, {"store_upload_id": 1})
        return frozenset([raw["store_upload_id"] async for raw in rows])

    async def purge(self) -> None:
        """Leave what is gone to `purge_deleted`, which looks more often."""
