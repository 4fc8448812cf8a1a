"""Which recordings have ended: both tasks that an upload announces, as their own documents say."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.documents import Database
from chassis.fronts import TASK_FIELDS, LaneFronts
from chassis.watching import Standing, together
from contracts.documents import ANALYSES, SPECTROGRAMS, OutboxEntry, RecordingDocument

from .drafts import entry, uploaded_event

Raw = Mapping[str, Any]


class UploadedRecordings:
    """Recordings whose upload has workers begin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standings(self, documents: Sequence[Raw], now: datetime) -> dict[str, Standing]:
        """Return where the work on each recording stands; what is deleted, or no recording, is not waited for."""
        fronts = LaneFronts(self._database, now)
        wanted = [each for each in documents if each.get("deleted_at") is None and each.get("audio") is not None]
        tasks = {name: await self._tasks(name, wanted) for name in (SPECTROGRAMS, ANALYSES)}
        standings = {each["_id"]: Standing.ENDED for each in documents}
        for each in wanted:
            known = [(name, found.get(each["_id"])) for name, found in tasks.items()]
            standings[each["_id"]] = together(
                [await fronts.standing(name, task, each, each["uploaded_at"]) for name, task in known]
            )
        return standings

    async def announcement(self, document: Raw) -> tuple[OutboxEntry, ...]:
        """Return the event of its upload once more: workers take up what is open, and pass over what has ended."""
        recording = RecordingDocument.model_validate(document)
        if recording.audio is None:
            return ()
        return (entry(uploaded_event(recording, recording.audio), time=recording.uploaded_at),)

    async def _tasks(self, collection: str, recordings: Sequence[Raw]) -> dict[str, dict[str, Any]]:
        query = {"recording_id": {"$in": [each["_id"] for each in recordings]}, "requested": {"$ne": True}}
        rows = self._database[collection].find(query, TASK_FIELDS).sort("created_at", 1)
        # Of several engine versions, the newest comes last.
        return {raw["recording_id"]: raw async for raw in rows}
