"""Keeps what recordings are found by up to date: with every analysis that is heard of, and with those that were not."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import structlog

from chassis.documents import Database, PyMongoError
from chassis.errors import ObjectMissingError, ObjectStoreError
from chassis.objects import ObjectStore
from chassis.waking import WakeableSleep
from contracts.documents import (
    ANALYSES,
    EMBEDDING_DIMENSIONS,
    RECORDINGS,
    AnalysisDocument,
    FingerprintDocument,
    SearchDocument,
)
from contracts.events import AnalysisCompleted, Event, RecordingDeleted, RecordingRestored
from contracts.fingerprint import MEDIA_TYPE

from .features import features_of
from .fingerprints import MalformedFingerprintError, read_fingerprint
from .searchables import Searchables
from .vectors import Embedded, VectorIndex

log = structlog.get_logger()

# The form of the search documents: raised when what is taken out of results changes.
FORM = 1
EMBEDDING = "embedding"
FINGERPRINT = "fingerprint"

_BATCH = 100
_PAUSE_S = 1.0
_VECTORS_AT_ONCE = 1000
# Completed at the same time, one analysis can be seen later than another.
_OVERLAP = timedelta(seconds=60)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class SearchIndexer:
    """Reads analyses, and writes what they are searched by."""

    def __init__(
        self, database: Database, objects: ObjectStore, searchables: Searchables, vectors: VectorIndex, poll_s: float
    ) -> None:
        self._analyses = database[ANALYSES]
        self._recordings = database[RECORDINGS]
        self._objects = objects
        self._searchables = searchables
        self._vectors = vectors
        self._poll_s = poll_s
        self._heard: set[str] = set()
        self._sleep = WakeableSleep()
        self.is_loaded = False

    def note(self, event: Event) -> None:
        """Hear of an analysis, or of a recording that is gone or there again; never waits."""
        if isinstance(event, AnalysisCompleted | RecordingDeleted | RecordingRestored):
            self._heard.add(event.recording_id)
            self._sleep.wake()

    async def run(self) -> None:
        """Load what is there, then follow the analyses, as long as the service lives."""
        until: datetime | None = None
        swept_s = -math.inf
        while True:
            try:
                if until is None:
                    # Read before the vectors: what others write while they are loaded is swept afterwards.
                    until = await self._searchables.until() or _BEGINNING
                    await self._load()
                await self._take_heard()
                if time.monotonic() - swept_s >= self._poll_s:
                    until = await self.sweep(until)
                    swept_s, self.is_loaded = time.monotonic(), True
            except (PyMongoError, ObjectStoreError, OSError) as error:
                log.warning("search_waiting", reason=str(error) or repr(error))
                await asyncio.sleep(_PAUSE_S)
                continue
            if not self._heard:
                await self._sleep.at_most(swept_s + self._poll_s - time.monotonic())

    async def sweep(self, since: datetime) -> datetime:
        """Take every analysis that ended since then, and every deletion; return until when all are taken."""
        query = {"completed_at": {"$gte": since - _OVERLAP if since > _BEGINNING else since}}
        rows = self._analyses.find({**query, "manifest_key": {"$ne": None}}, {"recording_id": 1, "completed_at": 1})
        until = since
        async for batch in _batches(rows.sort("completed_at", 1), _BATCH):
            await self.take({raw["recording_id"] for raw in batch})
            until = max(until, *(raw["completed_at"] for raw in batch))
        deleted = {"deletion_changed_at": {"$gte": since - _OVERLAP if since > _BEGINNING else since}}
        async for batch in _batches(self._recordings.find(deleted, {"deletion_changed_at": 1}), _BATCH):
            await self.take({raw["_id"] for raw in batch})
            until = max(until, *(raw["deletion_changed_at"] for raw in batch))
        await self._searchables.advance(until)
        return until

    async def take(self, recording_ids: Iterable[str]) -> None:
        """Bring the documents of these recordings up to date, and their vectors here."""
        ids = await self._without_deleted(list(recording_ids))
        newest = await self._newest(ids)
        known = await self._searchables.known(ids)
        stale = [each for each in newest.values() if known.get(each.recording_id) != (FORM, each.completed_at)]
        uploaded = await self._uploaded([each.recording_id for each in stale])
        for analysis in stale:
            if analysis.recording_id in uploaded:
                await self._keep(analysis, uploaded[analysis.recording_id])
        await self._vectors.put([_embedded(raw) async for raw in self._searchables.vectors(ids)])

    async def _load(self) -> None:
        async for batch in _batches(self._searchables.of_other_forms(FORM), _BATCH):
            await self.take([raw["_id"] for raw in batch])
        count = 0
        async for batch in _batches(self._searchables.vectors(), _VECTORS_AT_ONCE):
            await self._vectors.put([_embedded(raw) for raw in batch])
            count += len(batch)
        log.info("search_loaded", recordings=count)

    async def _take_heard(self) -> None:
        taken = set(islice(self._heard, _BATCH))
        if not taken:
            return
        await self.take(taken)
        self._heard -= taken

    async def _without_deleted(self, ids: list[str]) -> list[str]:
        rows = self._recordings.find({"_id": {"$in": ids}, "deleted_at": {"$ne": None}}, {"project_id": 1})
        deleted = {raw["_id"]: raw["project_id"] async for raw in rows}
        if deleted:
            await self._searchables.remove(list(deleted))
            await self._vectors.put([Embedded(each, project_id, None, None) for each, project_id in deleted.items()])
        return [each for each in ids if each not in deleted]

    async def _newest(self, ids: Sequence[str]) -> dict[str, AnalysisDocument]:
        query = {"recording_id": {"$in": list(ids)}, "manifest_key": {"$ne": None}, "completed_at": {"$ne": None}}
        rows = self._analyses.find(query, {"outbox": 0}).sort("completed_at", 1)
        return {raw["recording_id"]: AnalysisDocument.model_validate(raw) async for raw in rows}

    async def _uploaded(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self._recordings.find({"_id": {"$in": list(ids)}}, {"project_id": 1, "uploaded_at": 1})
        return {raw["_id"]: raw async for raw in rows}

    async def _keep(self, analysis: AnalysisDocument, recording: Mapping[str, Any]) -> None:
        await self._keep_fingerprint(analysis, recording["project_id"])
        version, vector = embedding_of(analysis)
        document = SearchDocument(
            id=analysis.recording_id,
            project_id=recording["project_id"],
            form=FORM,
            uploaded_at=recording["uploaded_at"],
            analysed_at=analysis.completed_at or _BEGINNING,
            features=features_of(analysis.extractors),
            embedding_version=version,
            vector=vector,
        )
        await self._searchables.keep(document)

    async def _keep_fingerprint(self, analysis: AnalysisDocument, project_id: str) -> None:
        key = fingerprint_key(analysis)
        if key is None or key == await self._searchables.fingerprint_key(analysis.recording_id):
            return
        try:
            content = await self._objects.get(key)
            landmarks = await asyncio.to_thread(lambda: read_fingerprint(content).looked_up)
        except (ObjectMissingError, MalformedFingerprintError) as error:
            # The other recordings must not wait for one that will not come.
            log.warning("fingerprint_unreadable", recording_id=analysis.recording_id, reason=str(error) or repr(error))
            return
        document = FingerprintDocument(
            id=analysis.recording_id, project_id=project_id, key=key, landmarks=tuple(landmarks)
        )
        await self._searchables.keep_fingerprint(document)


def entry_of(analysis: AnalysisDocument | None, name: str) -> dict[str, Any] | None:
    """Return what one extractor says of a recording."""
    entries = analysis.extractors if analysis is not None else ()
    return next((entry for entry in entries if entry["name"] == name), None)


def embedding_of(analysis: AnalysisDocument | None) -> tuple[str | None, bytes | None]:
    """Return the version of a recording's vector, and the vector as float32; twice None where there is none."""
    entry = entry_of(analysis, EMBEDDING)
    values = ((entry or {}).get("payload") or {}).get("vector", {}).get("values")
    if entry is None or values is None or len(values) != EMBEDDING_DIMENSIONS:
        return None, None
    return entry["version"], np.asarray(values, dtype="<f4").tobytes()


def fingerprint_key(analysis: AnalysisDocument | None) -> str | None:
    """Return where the landmarks of a recording are."""
    attachment = (entry_of(analysis, FINGERPRINT) or {}).get("attachment")
    if attachment is None or attachment["media_type"] != MEDIA_TYPE:
        return None
    key: str = attachment["uri"]
    return key


def _embedded(raw: Mapping[str, Any]) -> Embedded:
    return Embedded(raw["_id"], raw["project_id"], raw["embedding_version"], raw["vector"])


async def _batches(rows: AsyncIterator[T], size: int) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
