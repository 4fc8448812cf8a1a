"""Work on recordings, cancelled or tried again: said in their documents, where every worker looks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.documents import Collection, server_time, update_each
from chassis.outbox import OutboxRelay
from contracts.documents import OutboxEntry, RecordingDocument
from contracts.events import RecordingCancelled, RecordingRetried
from contracts.interventions import Selection
from contracts.watching import Watch

from .changes import subject
from .drafts import entry, uploaded_event

# MongoDB keeps times to the millisecond.
_TICK = timedelta(milliseconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


class InterventionDesk:
    """Says in the documents of recordings what is to become of the work on them, and announces it, in one write.

    Times are the database's, as those of the tasks are: which of two came first must not depend on our clock.
    """

    def __init__(self, collection: Collection, relay: OutboxRelay) -> None:
        self._collection = collection
        self._relay = relay

    async def cancel(self, selection: Selection) -> tuple[str, ...]:
        """Have no more done on these recordings; return those that are there."""
        documents = await self._found(selection)
        now = await server_time(self._collection)
        await update_each(self._collection, [({"_id": each.id}, _cancellation(each, now)) for each in documents])
        self._relay.wake()
        return tuple(each.id for each in documents)

    async def retry(self, selection: Selection) -> tuple[str, ...]:
        """Have done again what failed, or was cancelled, of these recordings; return those that are there."""
        documents = [each for each in await self._found(selection) if each.audio is not None]
        now = await server_time(self._collection)
        await update_each(self._collection, [({"_id": each.id}, _retry(each, now)) for each in documents])
        self._relay.wake()
        return tuple(each.id for each in documents)

    async def _found(self, selection: Selection) -> list[RecordingDocument]:
        query = {
            "_id": {"$in": list(selection.recording_ids)},
            "project_id": {"$in": list(selection.project_ids)},
            "deleted_at": None,
        }
        return [RecordingDocument.model_validate(raw) async for raw in self._collection.find(query, {"outbox": 0})]


def _cancellation(document: RecordingDocument, now: datetime) -> dict[str, Any]:
    at = max(now, document.uploaded_at, (document.retried_at or _NEVER) + _TICK)
    run = document.cancellations + 1
    event = RecordingCancelled(**subject(document), cancelled_at=at)
    return {
        "$set": {"cancelled_at": at, "cancellations": run},
        "$push": {"outbox": entry(event, time=at, run=run).model_dump()},
    }


def _retry(document: RecordingDocument, now: datetime) -> dict[str, Any]:
    at = max(now, (document.cancelled_at or _NEVER) + _TICK)
    run = document.retries + 1
    entries: list[OutboxEntry] = [entry(RecordingRetried(**subject(document), retried_at=at), time=at, run=run)]
    if document.audio is not None:
        # The same fact once more: workers take up what is open again, and pass over what ended well.
        entries.append(entry(uploaded_event(document, document.audio), time=document.uploaded_at))
    return {
        "$set": {"retried_at": at, "retries": run, "watch": Watch.begun(at).document()},
        "$push": {"outbox": {"$each": [each.model_dump() for each in entries]}},
    }
