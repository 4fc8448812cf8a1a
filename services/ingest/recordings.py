"""The documents of recordings: what is here, what is the same again, what is announced."""

from typing import Any

from chassis.documents import Collection, Database, DuplicateKeyError
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, RecordingDocument
from contracts.vocabulary import State

# What lists are sorted by, or filtered by most.
LISTED_BY = ("recorded_at.sorted_by", "audio.duration_claimed_s", "name", "tags", "state", "cancelled_at")


class Recordings:
    """Ingest is the only writer of this collection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.collection: Collection = database[RECORDINGS]

    async def prepare(self) -> None:
        """Make the indexes."""
        same_bytes = [("project_id", 1), ("sha256", 1)]
        await self.collection.create_index(
            same_bytes, unique=True, partialFilterExpression={"current": True}, name="same_bytes"
        )
        await self.collection.create_index([("project_id", 1), ("uploaded_at", -1), ("_id", -1)], name="newest_first")
        await self.collection.create_index([("lane", 1), ("uploaded_at", 1)], name="by_lane")
        for name in ("deletion_changed_at", "purge_at"):
            await self.collection.create_index(name, sparse=True, name=f"by_{name}")
        for name in LISTED_BY:
            await self.collection.create_index([("project_id", 1), (name, 1), ("_id", 1)], name=f"by_{name}")

    async def find_same(self, project_id: str, sha256: str) -> str | None:
        """Return the recording that already has these bytes in this project, unless it failed."""
        query = {"project_id": project_id, "sha256": sha256, "current": True}
        found = await self.collection.find_one(query, {"_id": 1})
        if found is None:
            return None
        if await self._failed(found["_id"]):
            await self.collection.update_one({"_id": found["_id"]}, {"$set": {"current": False}})
            return None
        return str(found["_id"])

    async def add(self, document: RecordingDocument) -> bool:
        """Write a recording and its event in one write; False when the same bytes came first by another request."""
        raw: dict[str, Any] = document.model_dump(by_alias=True)
        raw["watch"] = document.watch.document() if document.watch is not None else None
        try:
            await self.collection.insert_one(raw)
        except DuplicateKeyError:
            return False
        return True

    async def _failed(self, recording_id: str) -> bool:
        states = [
            task["state"]
            for collection in (SPECTROGRAMS, ANALYSES)
            async for task in self._database[collection].find({"recording_id": recording_id}, {"state": 1})
        ]
        return bool(states) and all(state == State.FAILED for state in states)
