"""Queries: each one names the projects that the caller may see."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import (
    ANALYSES,
    EXTRACTORS,
    RECORDINGS,
    SPECTROGRAMS,
    AnalysisDocument,
    ExtractorDocument,
    RecordingDocument,
    SpectrogramDocument,
    TaskDocument,
)

from .keys import Caller

T = TypeVar("T", bound=TaskDocument)


@dataclass(frozen=True)
class Found:
    """A recording and what came of it so far."""

    recording: RecordingDocument
    spectrogram: SpectrogramDocument | None
    analysis: AnalysisDocument | None


class Reads:
    """Reads the documents of all services; writes none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recording(self, caller: Caller, recording_id: str) -> Found:
        """Return one recording with its tasks; an unknown one, or somebody else's, is a 404."""
        query = {"_id": recording_id, "project_id": {"$in": list(caller.project_ids)}}
        raw = await self._database[RECORDINGS].find_one(query, {"outbox": 0})
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no recording {recording_id[:64]} here.")
        [found] = await self._with_tasks([RecordingDocument.model_validate(raw)])
        return found

    async def page(self, caller: Caller, cursor: str | None, limit: int) -> tuple[list[Found], str | None]:
        """Return up to `limit` recordings, newest first, and the cursor of the next page."""
        query: dict[str, Any] = {"project_id": {"$in": list(caller.project_ids)}}
        if cursor is not None:
            at, last_id = _read_cursor(cursor)
            query["$or"] = [{"uploaded_at": {"$lt": at}}, {"uploaded_at": at, "_id": {"$lt": last_id}}]
        newest_first = [("uploaded_at", -1), ("_id", -1)]
        rows = self._database[RECORDINGS].find(query, {"outbox": 0}).sort(newest_first).limit(limit + 1)
        recordings = [RecordingDocument.model_validate(raw) async for raw in rows]
        more = len(recordings) > limit
        shown = recordings[:limit]
        return await self._with_tasks(shown), _write_cursor(shown[-1]) if more else None

    async def spectrogram(self, recording: RecordingDocument, parameters_id: str) -> SpectrogramDocument | None:
        """Return what came of one way to see a recording; None when nobody began on it."""
        raw = await self._database[SPECTROGRAMS].find_one({"_id": f"{recording.id}/{parameters_id}"}, {"outbox": 0})
        return SpectrogramDocument.model_validate(raw) if raw is not None else None

    async def extractors(self) -> list[ExtractorDocument]:
        """Return every extractor that the analysis service has published, by name."""
        rows = self._database[EXTRACTORS].find().sort("_id", 1)
        return [ExtractorDocument.model_validate(raw) async for raw in rows]

    async def _with_tasks(self, recordings: list[RecordingDocument]) -> list[Found]:
        ids = [recording.id for recording in recordings]
        spectrograms = await self._tasks(SPECTROGRAMS, SpectrogramDocument, ids)
        analyses = await self._tasks(ANALYSES, AnalysisDocument, ids)
        return [Found(each, spectrograms.get(each.id), analyses.get(each.id)) for each in recordings]

    async def _tasks(self, collection: str, model: type[T], recording_ids: list[str]) -> dict[str, T]:
        # What an upload asked for, not what readers asked for later; of several engine versions, the newest.
        query = {"recording_id": {"$in": recording_ids}, "requested": {"$ne": True}}
        rows = self._database[collection].find(query, {"outbox": 0})
        tasks = [model.model_validate(raw) async for raw in rows.sort("created_at", 1)]
        return {task.recording_id: task for task in tasks}


def _write_cursor(last: RecordingDocument) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.uploaded_at.isoformat(), last.id]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        at, last_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(at).astimezone(UTC), str(last_id)
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise ProblemError(400, "bad_cursor", "This cursor is none of ours; begin again without one.") from error
