"""Changes of recordings that are there: other words about them, deleted, restored; each one write, with its events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.clock import now_ms
from chassis.documents import Collection, DuplicateKeyError, update_each
from chassis.outbox import OutboxRelay
from chassis.problems import ProblemError
from contracts.changing import Deleted, RecordingChange
from contracts.documents import OutboxEntry, RecordingDocument
from contracts.events import RecordingDeleted, RecordingRestored
from contracts.recorded import Place, Source
from contracts.vocabulary import State
from contracts.watching import Watch

from .drafts import entry, uploaded_event
from .recorded import corrected


class ChangeDesk:
    """Changes documents of recordings; `retention_s` is how long what is deleted can be had back."""

    def __init__(self, collection: Collection, relay: OutboxRelay, retention_s: float) -> None:
        self._collection = collection
        self._relay = relay
        self._retention = timedelta(seconds=retention_s)

    async def change(self, project_id: str, recording_id: str, wanted: RecordingChange) -> None:
        """Write what a client says of a recording. Raises a problem, 404, where it is not there."""
        fields = _fields(wanted, datetime.now(UTC))
        # MongoDB takes no empty `$set`.
        update = {"$set": fields} if fields else {"$unset": {"unknown": True}}
        query = {"_id": recording_id, "project_id": project_id, "deleted_at": None}
        if (await self._collection.update_one(query, update)).matched_count == 0:
            raise _not_found(recording_id)

    async def delete(self, project_ids: Sequence[str], recording_ids: Sequence[str]) -> Deleted:
        """Hide recordings and announce it; those that are not there, or were deleted before, are left out."""
        # By this moment our own deletions are known.
        now = now_ms()
        wanted = {"_id": {"$in": list(recording_ids)}, "project_id": {"$in": list(project_ids)}}
        found = self._collection.find({**wanted, "deleted_at": None}, {"outbox": 0})
        documents = [RecordingDocument.model_validate(raw) async for raw in found]
        until = now + self._retention
        await update_each(self._collection, [(_present(each), _deletion(each, now, until)) for each in documents])
        self._relay.wake()
        gone = self._collection.find({**wanted, "deleted_at": now}, {"_id": 1})
        return Deleted(recording_ids=tuple([raw["_id"] async for raw in gone]), restorable_until=until)

    async def restore(self, project_ids: Sequence[str], recording_id: str) -> None:
        """Show a deleted recording again, and have done what its deletion interrupted.

        Raises a problem: 404 where it is not there, or no longer; 409 where the same bytes are here anew.
        """
        query = {"_id": recording_id, "project_id": {"$in": list(project_ids)}}
        raw = await self._collection.find_one({**query, "purge_at": {"$gt": datetime.now(UTC)}}, {"outbox": 0})
        if raw is None:
            raise _not_found(recording_id)
        document = RecordingDocument.model_validate(raw)
        try:
            await self._collection.update_one({**query, "deleted_at": document.deleted_at}, _restoration(document))
        except DuplicateKeyError as error:
            raise ProblemError(
                409,
                "recorded_again",
                "The same bytes were sent again after this recording was deleted.",
                next_step="Use the newer one, or delete it and restore this one.",
            ) from error
        self._relay.wake()


def _fields(wanted: RecordingChange, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    named = wanted.model_fields_set
    if "name" in named:
        fields["name"] = wanted.name
    if "tags" in named:
        fields["tags"] = sorted(set(wanted.tags or ()))
    if "recorded_at" in named:
        fields["recorded_at"] = _recorded_at(wanted.recorded_at, now)
    if "place" in named:
        place = wanted.place
        fields["place"] = Place(**place.model_dump(), source=Source.CLIENT).model_dump() if place is not None else None
    return fields


def _recorded_at(at: datetime | None, now: datetime) -> dict[str, Any] | None:
    if at is None:
        return None
    offset = at.utcoffset()
    said = corrected(at.replace(tzinfo=None), round(offset.total_seconds()) if offset is not None else None, now)
    return said.model_dump()


def _present(document: RecordingDocument) -> dict[str, Any]:
    return {"_id": document.id, "deleted_at": None}


def _deletion(document: RecordingDocument, now: datetime, until: datetime) -> dict[str, Any]:
    deletions = document.deletions + 1
    event = RecordingDeleted(**subject(document), deleted_at=now)
    return {
        "$set": {
            "deleted_at": now,
            "deletion_changed_at": now,
            "purge_at": until,
            "current": False,
            "deletions": deletions,
        },
        "$push": {"outbox": entry(event, time=now, run=deletions).model_dump()},
    }


def _restoration(document: RecordingDocument) -> dict[str, Any]:
    now = datetime.now(UTC)
    events: list[OutboxEntry] = []
    if document.audio is not None:
        # The same fact once more: workers take up what the deletion stopped, and pass over what has ended.
        events.append(entry(uploaded_event(document, document.audio), time=document.uploaded_at))
    restored = RecordingRestored(**subject(document), restored_at=now)
    events.append(entry(restored, time=now, run=document.deletions))
    is_recording = document.state is State.COMPLETED
    watch = Watch.begun(now).document() if document.audio is not None else None
    shown = {"deleted_at": None, "deletion_changed_at": now, "purge_at": None, "current": is_recording}
    return {
        "$set": {**shown, "watch": watch},
        "$push": {"outbox": {"$each": [each.model_dump() for each in events]}},
    }


def subject(document: RecordingDocument) -> dict[str, Any]:
    """Return which recording an event is about."""
    facts = {"project_id": document.project_id, "lane": document.lane, "batch_id": document.batch_id}
    return {"recording_id": document.id, **facts}


def _not_found(recording_id: str) -> ProblemError:
    return ProblemError(404, "not_found", f"There is no recording {recording_id[:64]} here.")
