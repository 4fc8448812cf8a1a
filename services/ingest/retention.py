"""Recordings that are deleted by their age, where an operator wishes it: by state, and otherwise in some projects."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import structlog
from pydantic import Field, StringConstraints

from chassis.documents import Collection
from contracts.vocabulary import State

from .changes import ChangeDesk

log = structlog.get_logger()

# `failed` are those that were refused; `field:failed` is what the project `field` has instead.
KeptDays = Mapping[
    Annotated[str, StringConstraints(pattern=rf"^(.+:)?({State.COMPLETED}|{State.FAILED})$")],
    Annotated[float, Field(gt=0)],
]

_TOGETHER = 500


async def prepare_retention(collection: Collection, kept_days: KeptDays) -> None:
    """Make the index that finds the oldest, where anything is deleted by its age."""
    if kept_days:
        await collection.create_index([("state", 1), ("uploaded_at", 1)], name="by_age")


class Retention:
    """Deletes what is too old, as a client would: announced, and to be had back for a while."""

    def __init__(self, collection: Collection, changes: ChangeDesk, kept_days: KeptDays) -> None:
        self._collection = collection
        self._changes = changes
        self._kept_days = kept_days

    async def apply(self) -> int:
        """Delete what is too old now; return how many recordings that were."""
        deleted = 0
        for query in self._queries():
            while found := await self._found(query):
                projects = sorted({each["project_id"] for each in found})
                gone = await self._changes.delete(projects, [each["_id"] for each in found])
                deleted += len(gone.recording_ids)
                log.info("recordings_expired", recordings=len(gone.recording_ids), state=query["state"])
        return deleted

    async def _found(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        rows = self._collection.find(query, {"project_id": 1}).sort("uploaded_at", 1).limit(_TOGETHER)
        return await rows.to_list(_TOGETHER)

    def _queries(self) -> Iterator[dict[str, Any]]:
        now = datetime.now(UTC)
        for name, days in self._kept_days.items():
            project_id, _, state = name.rpartition(":")
            others = [each.rpartition(":")[0] for each in self._kept_days if each.endswith(f":{state}")]
            yield {
                "state": state,
                "deleted_at": None,
                "uploaded_at": {"$lt": now - timedelta(days=days)},
                "project_id": project_id or {"$nin": others},
            }
