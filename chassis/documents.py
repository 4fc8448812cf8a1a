"""Documents in MongoDB: the one file that names the driver."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import UpdateOne, monitoring
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from .metrics import MONGODB_CONNECTIONS, MONGODB_CONNECTIONS_MAX, MONGODB_SECONDS, bounded
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
_POOL_SIZE = 100
# Those that we send; the driver's own, of which there may be more in the next version, count as `other`.
_COMMANDS = frozenset(
    ("find", "getMore", "insert", "update", "delete", "findAndModify", "aggregate", "createIndexes", "hello", "ping")
)


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
        event_listeners=[_PoolFigures(), _CommandFigures()],
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


class _PoolFigures(monitoring.ConnectionPoolListener):
    """Counts connections; one that is handed out is no longer idle."""

    def __init__(self) -> None:
        self._idle, self._in_use = MONGODB_CONNECTIONS.labels("idle"), MONGODB_CONNECTIONS.labels("in_use")

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        MONGODB_CONNECTIONS_MAX.set((event.options or {}).get("maxPoolSize", _POOL_SIZE))

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:
        self._idle.inc()

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        self._idle.dec()

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        self._idle.dec()
        self._in_use.inc()

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:
        self._in_use.dec()
        self._idle.inc()

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None: ...

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None: ...

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None: ...

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None: ...

    def connection_check_out_started(self, event: monitoring.ConnectionCheckOutStartedEvent) -> None: ...

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None: ...


class _CommandFigures(monitoring.CommandListener):
    """Times commands, in the driver's threads."""

    def started(self, event: monitoring.CommandStartedEvent) -> None: ...

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._note(event, "ok")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._note(event, "failed")

    def _note(self, event: monitoring.CommandSucceededEvent | monitoring.CommandFailedEvent, outcome: str) -> None:
        command = bounded(event.command_name, _COMMANDS)
        MONGODB_SECONDS.labels(command, outcome).observe(event.duration_micros / 1e6)
