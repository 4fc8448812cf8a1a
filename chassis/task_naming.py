"""What the documents of one worker name in the bucket, and what is left there of recordings that are gone."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog

from contracts.documents import RECORDINGS
from contracts.keeping import SWEEP_LOCKS
from contracts.objects import is_drawn
from contracts.vocabulary import State

from .documents import Collection, Database, DuplicateKeyError, server_time
from .listed import UnfinishedObject
from .metrics import OBJECTS_SWEPT
from .objects import ObjectStore
from .sweeping import Removable, SweepRefusedError, SweepRules, recording_of

log = structlog.get_logger()

# A sweeper that stops in between holds others off for as long; it removes nothing in the second half of it.
_HELD = timedelta(seconds=60)
_PAGE = 1000
_OPEN = [State.QUEUED, State.PROCESSING]
# The rest names nothing, and may be large.
_UNNAMED = ("outbox", "parameters", "timings_s", "warnings", "extractors.measures", "extractors.parameters")


async def prepare_locks(collection: Collection) -> None:
    """Make the index by which MongoDB forgets locks that nobody took away."""
    await collection.create_index("until", expireAfterSeconds=0, name="forgotten")


class TaskNaming:
    """The objects of one worker, named by the documents of its tasks.

    What was drawn for a reader is named by none, and stays as long as its recording does.
    """

    def __init__(
        self,
        database: Database,
        collection: str,
        objects: ObjectStore,
        prefixes: tuple[str, ...],
        rules: SweepRules,
    ) -> None:
        self.prefixes = prefixes
        self._name = collection
        self._tasks = database[collection]
        self._recordings = database[RECORDINGS]
        self._locks = database[SWEEP_LOCKS]
        self._objects = objects
        self._rules = rules

    async def named(self, keys: Sequence[str]) -> frozenset[str]:
        """Return which of these keys a document names, or may be about to name."""
        ids = {recording_of(key) for key in keys}
        here = await self._still_here(ids)
        busy: set[str] = set()
        names: set[str] = set()
        fields = dict.fromkeys(_UNNAMED, 0)
        async for raw in self._tasks.find({"recording_id": {"$in": sorted(here)}}, fields):
            names.update(_texts(raw))
            if raw["state"] in _OPEN or raw.get("lease_until") is not None:
                busy.add(raw["recording_id"])
        kept = {key for key in keys if key in names or is_drawn(key) or recording_of(key) in busy}
        return frozenset(key for key in kept if recording_of(key) in here)

    @asynccontextmanager
    async def held(self, recording_id: str, keys: Sequence[str]) -> AsyncIterator[Removable]:
        """Let no worker begin on a recording; give a call that says which of `keys` may go now.

        A worker looks for the lock after its claim, and we for its claim after the lock: one sees the other.
        """
        began_s, token = time.monotonic(), uuid.uuid4().hex
        mine = {"_id": f"{self._name}/{recording_id}", "token": token}
        is_held = await self._lock(mine)

        async def removable() -> frozenset[str]:
            nameless = frozenset(keys) - await self.named(keys) if is_held else frozenset[str]()
            in_time = time.monotonic() - began_s < _HELD.total_seconds() / 2
            return nameless if in_time else frozenset()

        try:
            yield removable
        finally:
            await self._locks.delete_one(mine)

    async def expected(self, uploads: Sequence[UnfinishedObject]) -> frozenset[str]:
        """Return nothing: a worker completes at once what it begins, or dies."""
        return frozenset()

    async def purge(self) -> None:
        """Remove the objects, then the documents, of recordings that are gone for good."""
        after = ""
        while rows := await self._page(after):
            after = rows[-1]["_id"]
            old = {raw["recording_id"] for raw in rows if self._rules.is_old(raw["created_at"])}
            gone = old - await self._still_here(old)
            if self._rules.is_doubtful(len(gone), len(old)):
                raise SweepRefusedError(self._name, len(gone), len(old))
            for recording_id in sorted(gone):
                await self._purge(recording_id)

    async def _page(self, after: str) -> list[dict[str, Any]]:
        fields = {"recording_id": 1, "created_at": 1}
        return await self._tasks.find({"_id": {"$gt": after}}, fields).sort("_id", 1).limit(_PAGE).to_list(_PAGE)

    async def _purge(self, recording_id: str) -> None:
        for prefix in self.prefixes:
            async for page in self._objects.pages(f"{prefix}{recording_id}/"):
                for each in page:
                    await self._objects.delete(each.key)
                OBJECTS_SWEPT.labels(prefix.rstrip("/")).inc(len(page))
        await self._tasks.delete_many({"recording_id": recording_id})
        log.info("results_purged", recording_id=recording_id, collection=self._name)

    async def _still_here(self, ids: set[str]) -> set[str]:
        return {raw["_id"] async for raw in self._recordings.find({"_id": {"$in": sorted(ids)}}, {"_id": 1})}

    async def _lock(self, mine: Mapping[str, str]) -> bool:
        now = await server_time(self._locks)
        free = {"_id": mine["_id"], "until": {"$lt": now}}
        try:
            await self._locks.update_one(free, {"$set": {"until": now + _HELD, "token": mine["token"]}}, upsert=True)
        except DuplicateKeyError:
            return False
        return True


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a document: a key is one of them, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
