"""Queries: each one names the projects that the caller may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import (
    ANALYSES,
    EXTRACTORS,
    RECORDINGS,
    SPECTROGRAMS,
    TASKS,
    UPLOADS,
    AnalysisDocument,
    ExtractorDocument,
    RecordingDocument,
    SpectrogramDocument,
    TaskDocument,
    UploadDocument,
)
from contracts.interventions import RETRYABLE, Interventions
from contracts.rendering import RenderParameters
from contracts.vocabulary import State
from contracts.wish_documents import AnalysisRequestDocument

from .keys import Caller
from .standing import shown

# More ways to colour the same levels than these are not looked through.
_AKIN = 20
# What tells where a task stands.
_STANDING = {"recording_id": 1, "state": 1, "created_at": 1, "announced_at": 1, "completed_at": 1}

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

    async def recording(self, caller: Caller, recording_id: str, *, deleted: bool = False) -> Found:
        """Return one recording with its tasks, or one that is deleted.

        An unknown one, or somebody else's, is a 404; too little a role a 403.
        """
        query = {"_id": recording_id, "project_id": {"$in": caller.seen_project_ids}, **_shown(deleted=deleted)}
        raw = await self._database[RECORDINGS].find_one(query, {"outbox": 0})
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no recording {recording_id[:64]} here.")
        caller.check(raw["project_id"])
        [found] = await self._with_tasks([RecordingDocument.model_validate(raw)])
        return found

    async def recordings(
        self, caller: Caller, recording_ids: Sequence[str], *, deleted: bool = False
    ) -> dict[str, Found]:
        """Return those of the recordings that the caller may see, with their tasks, by id."""
        mine = {"_id": {"$in": list(recording_ids)}, "project_id": {"$in": list(caller.project_ids)}}
        query = {**mine, **_shown(deleted=deleted)}
        rows = self._database[RECORDINGS].find(query, {"outbox": 0})
        found = await self._with_tasks([RecordingDocument.model_validate(raw) async for raw in rows])
        return {each.recording.id: each for each in found}

    async def of_project(self, project_id: str, recording_id: str) -> RecordingDocument | None:
        """Return a recording of a project that was checked already."""
        query = {"_id": recording_id, "project_id": project_id, "deleted_at": None}
        raw = await self._database[RECORDINGS].find_one(query, {"outbox": 0})
        return RecordingDocument.model_validate(raw) if raw is not None else None

    async def of_bytes(self, project_id: str, sha256: str) -> str | None:
        """Return which recording these bytes are in a project that the caller may see, unless they failed there."""
        query = {"project_id": project_id, "sha256": sha256, "current": True}
        raw = await self._database[RECORDINGS].find_one(query, {"_id": 1})
        if raw is None:
            return None
        tasks = [state for state in (await self.task_states([raw["_id"]]))[raw["_id"]] if state is not None]
        return None if tasks and all(state is State.FAILED for state in tasks) else str(raw["_id"])

    async def upload(self, caller: Caller, upload_id: str) -> UploadDocument:
        """Return an upload in parts; an unknown one, or somebody else's, is a 404; too little a role a 403."""
        raw = await self._database[UPLOADS].find_one({"_id": upload_id, "project_id": {"$in": caller.seen_project_ids}})
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no upload {upload_id[:64]} here.")
        caller.check(raw["project_id"])
        return UploadDocument.model_validate(raw)

    async def own_rendering(self, caller: Caller, recording_id: str) -> RenderParameters:
        """Return how a recording's own images are rendered; as by default where there is no such recording."""
        query = {"_id": recording_id, "project_id": {"$in": list(caller.project_ids)}}
        raw = await self._database[RECORDINGS].find_one(query, {"rendering": 1})
        return RenderParameters.model_validate((raw or {}).get("rendering") or {})

    async def spectrogram(self, recording: RecordingDocument, parameters_id: str) -> SpectrogramDocument | None:
        """Return what came of one way to see a recording; None when nobody began on it."""
        raw = await self._database[SPECTROGRAMS].find_one({"_id": f"{recording.id}/{parameters_id}"}, {"outbox": 0})
        return shown(recording, SpectrogramDocument.model_validate(raw)) if raw is not None else None

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
        return [Found(each, _shown_of(each, spectrograms), _shown_of(each, analyses)) for each in recordings]

    async def is_retryable(self, recording: RecordingDocument) -> bool:
        """Tell whether anything of a recording failed or was cancelled, and has not begun anew."""
        if recording.interventions.cancels(recording.uploaded_at):
            return True
        for collection in (SPECTROGRAMS, ANALYSES):
            query = {"recording_id": recording.id, "state": {"$in": list(RETRYABLE)}}
            if await self._database[collection].find_one(query, {"_id": 1}) is not None:
                return True
        return False

    async def rerun(self, recording: RecordingDocument) -> Rerun | None:
        """Return the wish of a reader that came last, and what became of it; None when there was none."""
        query = {"recording_id": recording.id, "request_id": {"$ne": None}}
        raw = await self._database[TASKS].find_one(query, {"outbox": 0}, sort=[("requested_at", -1)])
        if raw is None:
            return None
        wish = AnalysisRequestDocument.model_validate(raw)
        task = await self._database[ANALYSES].find_one({"_id": f"{recording.id}/{wish.request_id}"}, {"outbox": 0})
        return Rerun(wish, shown(recording, AnalysisDocument.model_validate(task)) if task is not None else None)

    async def task_states(self, recording_ids: Sequence[str]) -> dict[str, tuple[State | None, State | None]]:
        """Return where the images stand, and the analysis that is shown; None where nobody has begun."""
        ids, done = list(recording_ids), await self._interventions(recording_ids)
        drawn, analysed, ended = [
            {raw["recording_id"]: _state(raw, done) async for raw in rows}
            for rows in (
                self._asked_by_uploads(SPECTROGRAMS, ids, _STANDING),
                self._asked_by_uploads(ANALYSES, ids, _STANDING),
                self._with_results(ids, _STANDING),
            )
        ]
        cancelled = {id_: State.CANCELLED for id_, (each, uploaded_at) in done.items() if each.cancels(uploaded_at)}
        drawn, analysed = {**cancelled, **drawn}, {**cancelled, **analysed, **ended}
        return {each: (drawn.get(each), analysed.get(each)) for each in ids}

    async def _interventions(self, recording_ids: Sequence[str]) -> dict[str, tuple[Interventions, datetime]]:
        touched = {"$or": [{"cancelled_at": {"$ne": None}}, {"retried_at": {"$ne": None}}]}
        query = {"_id": {"$in": list(recording_ids)}, **touched}
        fields = {"cancelled_at": 1, "retried_at": 1, "uploaded_at": 1}
        return {
            raw["_id"]: (Interventions(raw.get("cancelled_at"), raw.get("retried_at")), raw["uploaded_at"])
            async for raw in self._database[RECORDINGS].find(query, fields)
        }

    async def _analyses(self, recording_ids: list[str]) -> dict[str, AnalysisDocument]:
        # What ended with results last, whoever asked for it; before anything did, what the upload asked for.
        found = await self._tasks(ANALYSES, AnalysisDocument, recording_ids)
        rows = self._with_results(recording_ids, {"outbox": 0})
        ended = [AnalysisDocument.model_validate(raw) async for raw in rows]
        return {**found, **{task.recording_id: task for task in ended}}

    async def _tasks(self, collection: str, model: type[T], recording_ids: list[str]) -> dict[str, T]:
        rows = self._asked_by_uploads(collection, recording_ids, {"outbox": 0})
        tasks = [model.model_validate(raw) async for raw in rows]
        return {task.recording_id: task for task in tasks}

    def _with_results(self, recording_ids: list[str], fields: dict[str, int]) -> Any:  # noqa: ANN401 (a cursor)
        query = {"recording_id": {"$in": recording_ids}, "manifest_key": {"$ne": None}}
        return self._database[ANALYSES].find(query, fields).sort("completed_at", 1)

    def _asked_by_uploads(self, collection: str, recording_ids: list[str], fields: dict[str, int]) -> Any:  # noqa: ANN401
        # Not what readers asked for later; of several engine versions, the newest comes last.
        query = {"recording_id": {"$in": recording_ids}, "requested": {"$ne": True}}
        return self._database[collection].find(query, fields).sort("created_at", 1)


def _shown_of(recording: RecordingDocument, tasks: Mapping[str, T]) -> T | None:
    task = tasks.get(recording.id)
    return shown(recording, task) if task is not None else None


def _state(raw: dict[str, Any], done: Mapping[str, tuple[Interventions, datetime]]) -> State:
    state = State(raw["state"])
    if raw["recording_id"] not in done:
        return state
    interventions, _ = done[raw["recording_id"]]
    announced_at = raw.get("announced_at") or raw["created_at"]
    return interventions.shown(state, announced_at, raw.get("completed_at"))


def _shown(*, deleted: bool) -> dict[str, Any]:
    return {"deleted_at": {"$ne": None} if deleted else None}
