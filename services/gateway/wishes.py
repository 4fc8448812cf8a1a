"""Wishes announced once more: what a deletion stopped, and no worker would hear of again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chassis.documents import Collection
from chassis.outbox import OutboxRelay
from contracts.analysing import AnalysisWish
from contracts.documents import OutboxEntry, RecordingDocument
from contracts.rendering import RenderParameters
from contracts.watching import Watch
from contracts.wish_documents import AnalysisRequestDocument, RenderRequestDocument

from .analyses import analysis_request
from .renderings import RenderRequests


class Wishes:
    """The wishes of readers that are kept in `tasks`."""

    def __init__(self, collection: Collection, relay: OutboxRelay, renderings: RenderRequests) -> None:
        self._collection = collection
        self._relay = relay
        self._renderings = renderings

    async def announce_again(self, recording: RecordingDocument) -> None:
        """Announce every wish about a recording again: the same events, so that what has ended is passed over."""
        if recording.audio is None:
            return
        async for raw in self._collection.find({"recording_id": recording.id}, {"outbox": 0}):
            entries = [each.model_dump() for each in self.entries(recording, raw)]
            watch = Watch.begun(datetime.now(UTC)).document()
            again = {"$push": {"outbox": {"$each": entries}}, "$set": {"watch": watch, "forgotten_at": None}}
            await self._collection.update_one({"_id": raw["_id"]}, again)
        self._relay.wake()

    def entries(self, recording: RecordingDocument, raw: Mapping[str, Any]) -> tuple[OutboxEntry, ...]:
        """Return the event that announces a wish, as it was asked for first."""
        if "request_id" in raw:
            asked = AnalysisRequestDocument.model_validate(raw)
            wish = AnalysisWish.model_validate_json(asked.wish)
            lane, at = asked.lane or recording.lane, asked.requested_at
            return analysis_request(
                recording, wish, request_id=asked.request_id, lane=lane, batch_id=asked.batch_id, requested_at=at
            ).outbox
        known = RenderRequestDocument.model_validate(raw)
        rendering = RenderParameters.of_document(known.parameters)
        document = self._renderings.document(
            recording, rendering, known.lane, known.batch_id, requested_at=known.requested_at
        )
        return document.outbox if document is not None else ()
