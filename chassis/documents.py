"""Documents in MongoDB: the one file that names the driver."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from .settings import ServiceSettings

__all__ = [
    "Collection",
    "Database",
    "DuplicateKeyError",
    "PyMongoError",
    "insert_new",
    "open_database",
    "server_time",
    "update_each",
]

Database = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]

_DUPLICATE_KEY = 11000


@asynccontextmanager
async def open_database(settings: ServiceSettings) -> AsyncIterator[Database]:
    """Connect to the database that the URL names; a write is done when a majority has it in its journal."""
    timeout_ms = int(settings.mongodb_timeout_s * 1000)
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        settings.mongodb_url.get_secret_value(),
        tz_aware=True,
        serverSelectionTimeoutMS=timeout_ms,
        timeoutMS=timeout_ms,
        appname="dawnchorus",
    )
    try:
        yield client.get_default_database("dawnchorus", write_concern=WriteConcern(w="majority", j=True))
    finally:
        client.close()


async def insert_new(collection: Collection, documents: Sequence[dict[str, Any]]) -> int:
    """Insert what is not there yet, by `_id`; return how many documents that were."""
    if not documents:
        return 0
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        faults = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or any(each["code"] != _DUPLICATE_KEY for each in faults):
            raise
        return len(documents) - len(faults)
    return len(documents)


async def server_time(collection: Collection) -> datetime:
    """Return what time it is by the database's clock, to the millisecond."""
    # Without options a command answers with times that have no zone.
    said = await collection.database.command("hello", codec_options=collection.codec_options)
    now: datetime = said["localTime"]
    return now


async def update_each(collection: Collection, updates: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Do many updates, each of one document, in one request; one that finds no document is no error."""
    if updates:
        await collection.bulk_write([UpdateOne(query, update) for query, update in updates], ordered=False)
