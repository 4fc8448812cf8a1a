"""Where the items of batches stand: as their recordings, and what was asked for besides."""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.documents import Database
from contracts.batches import BatchItemDocument
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, RecordingDocument, TaskDocument
from contracts.vocabulary import Fault, State

from .standing import shown, standing, unstarted

Stands = tuple[State, Fault | None]

_GONE = Fault(
    code="not_found",
    sentence="The recording was deleted.",
    next_step="Restore it while that is possible, or send it again.",
)
_FIELDS = (
    *("recording_id", "project_id", "parameters_id", "state", "error"),
    *("created_at", "announced_at", "completed_at"),
)


class ItemStates:
    """Looks items up in the documents of those who work on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, items: Sequence[BatchItemDocument]) -> dict[str, Stands]:
        """Return where each item stands, and why where it failed, by its id."""
        ids = [each.recording_id for each in items if each.recording_id is not None]
        rows = self._database[RECORDINGS].find({"_id": {"$in": ids}, "deleted_at": None}, {"outbox": 0})
        recordings = {raw["_id"]: RecordingDocument.model_validate(raw) async for raw in rows}
        named = {"_id": {"$in": [task_id for each in items for task_id in each.task_ids]}}
        uploaded = {"recording_id": {"$in": list(recordings)}, "requested": {"$ne": True}}
        wishes: dict[str, TaskDocument] = {}
        uploads: list[dict[str, TaskDocument]] = []
        for collection in (SPECTROGRAMS, ANALYSES):
            wishes |= {each.id: each for each in await self._tasks(collection, named)}
            # Of several engine versions, the newest comes last.
            uploads.append({each.recording_id: each for each in await self._tasks(collection, uploaded)})
        return {each.id: _stands(each, recordings, uploads, wishes) for each in items}

    async def _tasks(self, collection: str, query: dict[str, Any]) -> list[TaskDocument]:
        rows = self._database[collection].find(query, dict.fromkeys(_FIELDS, 1)).sort("created_at", 1)
        return [TaskDocument.model_validate({"parameters": {}, **raw}) async for raw in rows]


def _stands(
    item: BatchItemDocument,
    recordings: Mapping[str, RecordingDocument],
    uploads: Sequence[Mapping[str, TaskDocument]],
    wishes: Mapping[str, TaskDocument],
) -> Stands:
    if item.recording_id is None:
        return item.state, item.error
    recording = recordings.get(item.recording_id)
    if recording is None:
        return State.SKIPPED, _GONE
    stands = [_of_task(recording, wishes.get(task_id), _unbegun(item, recording)) for task_id in item.task_ids]
    if not item.is_again:
        stands += [_of_task(recording, tasks.get(recording.id), unstarted(recording)) for tasks in uploads]
    faults = [fault for state, fault in stands if state is State.FAILED and fault is not None]
    fault = recording.error or next(iter(faults), None)
    return standing(recording.state, *(state for state, _ in stands)), fault


def _of_task(recording: RecordingDocument, task: TaskDocument | None, unbegun: State) -> Stands:
    if task is None:
        return unbegun, None
    return shown(recording, task).state, task.error


def _unbegun(item: BatchItemDocument, recording: RecordingDocument) -> State:
    is_cancelled = item.begun_at is not None and recording.interventions.cancels(item.begun_at)
    return State.CANCELLED if is_cancelled else State.QUEUED
