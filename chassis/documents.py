"""Documents in MongoDB: the one file that names the driver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from .settings import ServiceSettings

__all__ = ["Collection", "Database", "DuplicateKeyError", "PyMongoError", "open_database"]

Database = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]


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
