"""What goes by itself when its time is over: uploads that nobody completed, recordings that nobody restored."""

import asyncio
from datetime import UTC, datetime

import structlog

from chassis.documents import Collection, PyMongoError
from chassis.errors import ObjectStoreError
from chassis.objects import ObjectStore
from contracts.objects import audio_key

from .parts import PartDesk

log = structlog.get_logger()

SWEPT_EVERY_S = 600.0


async def sweep(parts: PartDesk, recordings: Collection, objects: ObjectStore) -> None:
    """Let go of what has expired, for ever; two that race only find less."""
    while True:
        try:
            await parts.give_up_expired()
            await purge_deleted(recordings, objects)
        except (PyMongoError, ObjectStoreError) as error:
            log.warning("sweep_failed", reason=str(error) or repr(error))
        await asyncio.sleep(SWEPT_EVERY_S)


async def purge_deleted(recordings: Collection, objects: ObjectStore) -> None:
    """Remove the audio, then the document, of every recording whose retention is over."""
    expired = {"purge_at": {"$lt": datetime.now(UTC)}, "deleted_at": {"$ne": None}}
    async for raw in recordings.find(expired, {"_id": 1}):
        await objects.delete(audio_key(raw["_id"]))
        await recordings.delete_one({"_id": raw["_id"], **expired})
        log.info("recording_purged", recording_id=raw["_id"])
