"""Documents in MongoDB: the one file that names the driver."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar

import pymongo
from motor.core import AgnosticClient
from motor.frameworks import asyncio as motor_asyncio
from motor.metaprogramming import create_class_with_framework
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import UpdateOne, monitoring
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from .errors import OpenBreakerError
from .guard import Dependency, Guard, Symptoms
from .metrics import MONGODB_CONNECTIONS, MONGODB_CONNECTIONS_MAX, MONGODB_SECONDS, bounded
from .settings import ServiceSettings

__all__ = [
    "Collection",
    "Database",
    "DuplicateKeyError",
    "PyMongoError",
    "database_guard",
    "insert_new",
    "is_database_outage",
    "open_database",
    "ping",
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
# Not authorized, authentication failed, out of disk space: the server answers, and is of no use to anybody.
_USELESS = frozenset({13, 18, 14031})
# What a node says that shuts down, or is the primary no more (the drivers' Server Discovery and Monitoring, "not
# writable primary" and "node is recovering"). The driver makes a lost connection of it, but not of a write's concern.
_LEAVING = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})


class DatabaseDownError(OpenBreakerError, PyMongoError):
    """MongoDB is down; it was not even asked."""

    code: ClassVar[str] = "database_unavailable"


def is_database_outage(error: BaseException) -> bool:
    """Tell whether an error says that MongoDB is down, and not what it answered."""
    if isinstance(error, ConnectionFailure | DatabaseDownError):
        return True
    if isinstance(error, OperationFailure) and error.code in _USELESS | _LEAVING:
        return True
    return isinstance(error, PyMongoError) and error.timeout


def database_guard(settings: ServiceSettings) -> Guard:
    """Return what is to stand before MongoDB."""
    symptoms = Symptoms((PyMongoError,), is_database_outage, DatabaseDownError)
    return Guard(Dependency.MONGODB, symptoms, settings.breaker_rules, idle_s=settings.ping_idle_s)


@asynccontextmanager
async def open_database(settings: ServiceSettings, guard: Guard | None = None) -> AsyncIterator[Database]:
    """Connect to the database that the URL names; a write is done when a majority has it in its journal.

    guard  what every operation passes, those of cursors, too; None: nothing
    """
    timeout_ms = int(settings.mongodb_timeout_s * 1000)
    client = _client_class(guard)(
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


async def ping(database: Database, within_s: float) -> None:
    """Return when the primary answers. Raises what its operations raise."""
    with pymongo.timeout(within_s):
        await database.command("ping")


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


class _GuardedFramework:
    """Motor's own asyncio, but for the one function by which everything that motor does leaves the event loop."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._run: Callable[..., asyncio.Future[Any]] = motor_asyncio.run_on_executor

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever motor looks for)
        return getattr(motor_asyncio, name)

    def run_on_executor(
        self,
        loop: asyncio.AbstractEventLoop,
        operation: Callable[..., Any],
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> "asyncio.Future[Any]":
        guard, refused = self._guard, loop.create_future()
        try:
            permit = guard.permit()
        except DatabaseDownError as error:
            refused.set_exception(error)
            return refused

        def operate() -> Any:  # noqa: ANN401
            # Threads are few: what was let in before the breaker opened may have waited for one since.
            guard.confirm(permit)
            return operation(*args, **kwargs)

        ended: asyncio.Future[Any] = self._run(loop, operate)
        ended.add_done_callback(lambda future: guard.settle(permit, _error_of(future)))
        return ended


def _client_class(guard: Guard | None) -> "type[AsyncIOMotorClient[dict[str, Any]]]":
    if guard is None:
        return AsyncIOMotorClient
    made: Any = create_class_with_framework(AgnosticClient, _GuardedFramework(guard), AsyncIOMotorClient.__module__)
    guarded: type[AsyncIOMotorClient[dict[str, Any]]] = made
    return guarded


def _error_of(future: "asyncio.Future[Any]") -> BaseException | None:
    return asyncio.CancelledError() if future.cancelled() else future.exception()


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
