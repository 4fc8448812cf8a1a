"""Figures that somebody has to ask for: sampled now and then, so that a scrape never waits for a server."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from .documents import Collection, PyMongoError
from .errors import TransientError
from .metrics import OUTBOX_OLDEST_SECONDS, OUTBOX_PENDING

log = structlog.get_logger()

# Where more documents have events that wait, so many are looked at: it is long past the moment to be told.
LOOKED_AT_MAX = 10_000

Look = Callable[[], Awaitable[None]]


async def sample(every_s: float, *looks: Look) -> None:
    """Look for ever; what could not be asked keeps its last figure."""
    while True:
        for look in looks:
            try:
                await look()
            except (PyMongoError, TransientError) as error:
                log.warning("not_sampled", reason=str(error))
        await asyncio.sleep(every_s)


def outbox_look(collection: Collection) -> Look:
    """Return the look at the events that wait in the documents of a collection, and at how long the oldest does."""
    waiting = {"$match": {"outbox.event_id": {"$exists": True}}}
    of_all = {
        "_id": None,
        "pending": {"$sum": {"$size": "$outbox"}},
        "oldest": {"$min": {"$min": "$outbox.headers.ce-time"}},
    }

    async def look() -> None:
        rows = await collection.aggregate([waiting, {"$limit": LOOKED_AT_MAX}, {"$group": of_all}]).to_list(1)
        found: Mapping[str, Any] = rows[0] if rows else {"pending": 0, "oldest": None}
        OUTBOX_PENDING.labels(collection.name).set(found["pending"])
        OUTBOX_OLDEST_SECONDS.labels(collection.name).set(_age_s(found["oldest"]))

    return look


def _age_s(said: str | None) -> float:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(said)).total_seconds()) if said else 0.0
