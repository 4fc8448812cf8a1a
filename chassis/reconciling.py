"""Announces anew what was announced and does not end: from the documents, by their only writer, through the outbox."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from contracts.documents import OutboxEntry
from contracts.watching import Watch

from .documents import Collection, PyMongoError, server_time, update_each
from .metrics import RECORDINGS_REANNOUNCED, RECORDINGS_STUCK
from .outbox import OutboxRelay
from .watching import Look, Standing, WatchRules

log = structlog.get_logger()

LOOKED_AT_TOGETHER = 500
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
STUCK = {"watch.stuck_since": {"$gt": _BEFORE_ALL}}

Raw = Mapping[str, Any]


class Watched(Protocol):
    """What a service says of the documents whose work it watches over."""

    async def standings(self, documents: Sequence[Raw], now: datetime) -> Mapping[str, Standing]:
        """Return where the work of each document stands, by its `_id`."""

    async def announcement(self, document: Raw) -> Sequence[OutboxEntry]:
        """Return the events that announce its work: the same ones as the first time."""


async def prepare_watch(collection: Collection, *, forgets: bool) -> None:
    """Make the indexes: they hold what has not ended, and no more; and the one by which MongoDB forgets what has."""
    await collection.create_index("watch.looked_at", sparse=True, name="watched")
    await collection.create_index("watch.stuck_since", partialFilterExpression=STUCK, name="stuck")
    if forgets:
        await collection.create_index("forgotten_at", expireAfterSeconds=0, name="forgotten")


class Reconciler:
    """Looks after one collection; two that race write no more than one of them would.

    kept  how long what has ended is remembered; None: for ever
    """

    def __init__(
        self,
        collection: Collection,
        relay: OutboxRelay,
        rules: WatchRules,
        watched: Watched,
        every_s: float,
        *,
        kept: timedelta | None = None,
    ) -> None:
        self._collection = collection
        self._relay = relay
        self._rules = rules
        self._watched = watched
        self._every_s = every_s
        self._kept = kept

    async def run(self) -> None:
        """Look around for ever."""
        while True:
            try:
                await self.look_around()
            except PyMongoError as error:
                log.warning("reconciling_failed", collection=self._collection.name, reason=str(error))
            await asyncio.sleep(self._every_s)

    async def look_around(self) -> int:
        """Look at everything that was silent for long, and at what is stuck; return how much was announced anew.

        No more is announced in one round than one look holds.
        """
        now = await server_time(self._collection)
        announced = await self._look_at(STUCK, now)
        silent = {"watch.looked_at": {"$gt": _BEFORE_ALL, "$lte": now - self._rules.reannounce_after}}
        seen = LOOKED_AT_TOGETHER
        while seen == LOOKED_AT_TOGETHER and announced < LOOKED_AT_TOGETHER:
            documents = await self._found(silent)
            seen = len(documents)
            announced += await self._reconcile(documents, now)
        RECORDINGS_STUCK.set(await self._collection.count_documents(STUCK))
        return announced

    async def _look_at(self, query: dict[str, Any], now: datetime) -> int:
        return await self._reconcile(await self._found(query), now)

    async def _found(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        first = self._collection.find(query).sort("watch.looked_at", 1).limit(LOOKED_AT_TOGETHER)
        return await first.to_list(LOOKED_AT_TOGETHER)

    async def _reconcile(self, documents: Sequence[Raw], now: datetime) -> int:
        if not documents:
            return 0
        standings = await self._watched.standings(documents, now)
        updates, announced = [], 0
        for document in documents:
            watch = Watch.model_validate(document["watch"])
            # What still waits for the relay is not lost.
            standing = standings[document["_id"]] if not document.get("outbox") else Standing.WAITING
            look = self._rules.look(watch, standing, now)
            entries = await self._watched.announcement(document) if look.announces else ()
            seen = {"_id": document["_id"], "watch.looked_at": watch.looked_at}
            updates.append((seen, self._update(look, entries, now)))
            if look.announces:
                announced += 1
                _tell(document, look)
        await update_each(self._collection, updates)
        RECORDINGS_REANNOUNCED.inc(announced)
        if announced:
            self._relay.wake()
        return announced

    def _update(self, look: Look, entries: Sequence[OutboxEntry], now: datetime) -> dict[str, Any]:
        fields: dict[str, Any] = {"watch": look.watch.document() if look.watch is not None else None}
        if look.watch is None and self._kept is not None:
            fields["forgotten_at"] = now + self._kept
        pushed = {"$push": {"outbox": {"$each": [each.model_dump() for each in entries]}}} if entries else {}
        return {"$set": fields, **pushed}


def _tell(document: Raw, look: Look) -> None:
    watch = look.watch
    log.warning(
        "recording_reannounced",
        recording_id=document.get("recording_id", document["_id"]),
        document_id=document["_id"],
        repeats=watch.repeats if watch is not None else None,
        is_stuck=watch is not None and watch.stuck_since is not None,
    )
