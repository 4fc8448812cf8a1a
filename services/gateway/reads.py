"""Queries: each one names the projects that the caller may see."""

import base64
import binascii
import json
from collections.abc import Sequence
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
    TASKS,
    AnalysisDocument,
    AnalysisRequestDocument,
    ExtractorDocument,
    RecordingDocument,
    SpectrogramDocument,
    TaskDocument,
)
from contracts.rendering import RenderParameters
from contracts.vocabulary import State

from .keys import Caller

# More ways to colour the same levels than these are not looked through.
_AKIN = 20

T = TypeVar("T", bound=TaskDocument)


@dataclass(frozen=True)
class Found:
    """A recording and what came of it so far."""

    recording: RecordingDocument
    spectrogram: SpectrogramDocument | None
    analysis: AnalysisDocument | None

    @property
    def rendering(self) -> RenderParameters:
        """How the recording's own images are rendered."""
        return self.recording.rendering or RenderParameters()


@dataclass(frozen=True)
class Rerun:
    """A wish to have a recording analysed again, and its task once a worker began on it."""

    wish: AnalysisRequestDocument
    task: AnalysisDocument | None


class Reads:
    """Reads the documents of all services; writes none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recording(self, caller: Caller, recording_id: str) -> Found:
        """Return one recording with its tasks; an unknown one, or somebody else's, is a 404; too little a role, 403."""
        query = {"_id": recording_id, "project_id": {"$in": caller.seen_project_ids}}
        raw = await self._database[RECORDINGS].find_one(query, {"outbox": 0})
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no recording {recording_id[:64]} here.")
        caller.check(raw["project_id"])
        [found] = await self._with_tasks([RecordingDocument.model_validate(raw)])
        return found

    async def recordings(self, caller: Caller, recording_ids: Sequence[str]) -> dict[str, Found]:
        """Return those of the recordings that the caller may see, with their tasks, by id."""
        query = {"_id": {"$in": list(recording_ids)}, "project_id": {"$in": list(caller.project_ids)}}
        rows = self._database[RECORDINGS].find(query, {"outbox": 0})
        found = await self._with_tasks([RecordingDocument.model_validate(raw) async for raw in rows])
        return {each.recording.id: each for each in found}

    async def own_rendering(self, caller: Caller, recording_id: str) -> RenderParameters:
        """Return how a recording's own images are rendered; as by default where there is no such recording."""
        query = {"_id": recording_id, "project_id": {"$in": list(caller.project_ids)}}
        raw = await self._database[RECORDINGS].find_one(query, {"rendering": 1})
        return RenderParameters.model_validate((raw or {}).get("rendering") or {})

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

    async def is_wished(self, recording: RecordingDocument, parameters_id: str) -> bool:
        """Tell whether a reader asked for one way to see a recording, whether or not anybody began on it."""
        return await self._database[TASKS].find_one({"_id": f"{recording.id}/{parameters_id}"}, {"_id": 1}) is not None

    async def extractors(self) -> list[ExtractorDocument]:
        """Return every extractor that the analysis service has published, by name."""
        rows = self._database[EXTRACTORS].find().sort("_id", 1)
        return [ExtractorDocument.model_validate(raw) async for raw in rows]

    async def akin(
        self, recording: RecordingDocument, parameters: RenderParameters, but_for: frozenset[str]
    ) -> list[SpectrogramDocument]:
        """Return the finished renderings of a recording whose parameters are these, whatever `but_for` are."""
        alike = {f"parameters.{name}": value for name, value in parameters.document().items() if name not in but_for}
        query = {"recording_id": recording.id, "state": State.COMPLETED, **alike}
        rows = self._database[SPECTROGRAMS].find(query, {"outbox": 0}).sort("created_at", 1).limit(_AKIN)
        return [SpectrogramDocument.model_validate(raw) async for raw in rows]

    async def _with_tasks(self, recordings: list[RecordingDocument]) -> list[Found]:
        ids = [recording.id for recording in recordings]
        spectrograms = await self._tasks(SPECTROGRAMS, SpectrogramDocument, ids)
        analyses = await self._analyses(ids)
        return [Found(each, spectrograms.get(each.id), analyses.get(each.id)) for each in recordings]

    async def rerun(self, recording: RecordingDocument) -> Rerun | None:
        """Return the wish of a reader that came last, and what became of it; None when there was none."""
        query = {"recording_id": recording.id, "request_id": {"$ne": None}}
        raw = await self._database[TASKS].find_one(query, {"outbox": 0}, sort=[("requested_at", -1)])
        if raw is None:
            return None
        wish = AnalysisRequestDocument.model_validate(raw)
        task = await self._database[ANALYSES].find_one({"_id": f"{recording.id}/{wish.request_id}"}, {"outbox": 0})
        return Rerun(wish, AnalysisDocument.model_validate(task) if task is not None else None)

    async def _analyses(self, recording_ids: list[str]) -> dict[str, AnalysisDocument]:
        # What ended with results last, whoever asked for it; before anything did, what the upload asked for.
        found = await self._tasks(ANALYSES, AnalysisDocument, recording_ids)
        query = {"recording_id": {"$in": recording_ids}, "manifest_key": {"$ne": None}}
        rows = self._database[ANALYSES].find(query, {"outbox": 0}).sort("completed_at", 1)
        ended = [AnalysisDocument.model_validate(raw) async for raw in rows]
        return {**found, **{task.recording_id: task for task in ended}}

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
