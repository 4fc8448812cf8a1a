"""What recordings are found by, in MongoDB: kept, and asked for by callers, who see their projects only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.documents import Database, DuplicateKeyError
from contracts.documents import ANALYSES, FINGERPRINTS, SEARCH, SEARCH_PROGRESS, FingerprintDocument, SearchDocument

from .features import Condition, Query
from .keys import Caller

# So many landmarks of a recording are looked up, evenly over its time: enough for 40 minutes.
LOOKED_UP_MAX = 4096

_PROGRESS = "analyses"


@dataclass(frozen=True)
class Candidate:
    """A recording that may share sound with another."""

    recording_id: str
    key: str


class Searchables:
    """The collections of the search; everything in them can be made from analyses again."""

    def __init__(self, database: Database) -> None:
        self._search = database[SEARCH]
        self._fingerprints = database[FINGERPRINTS]
        self._progress = database[SEARCH_PROGRESS]
        self._analyses = database[ANALYSES]

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._search.create_index([("features.$**", 1)], name="by_feature")
        await self._search.create_index([("project_id", 1), ("uploaded_at", -1), ("_id", -1)], name="newest_first")
        await self._fingerprints.create_index("landmarks", name="by_landmark")
        await self._analyses.create_index("completed_at", name="by_completion")

    async def remove(self, ids: Sequence[str]) -> None:
        """Forget recordings: what is deleted is not found."""
        for collection in (self._search, self._fingerprints):
            await collection.delete_many({"_id": {"$in": list(ids)}})

    async def meeting(self, caller: Caller, ids: Sequence[str], conditions: Sequence[Condition]) -> set[str]:
        """Return which of the recordings are the caller's and meet all conditions."""
        query = {"$and": [_visible(caller), {"_id": {"$in": list(ids)}}, *(each.query for each in conditions)]}
        return {raw["_id"] async for raw in self._search.find(query, {"_id": 1})}

    async def sharing(self, caller: Caller, recording_id: str, landmarks: Sequence[int], limit: int) -> list[Candidate]:
        """Return the caller's other recordings that have most of these landmarks, those with most first."""
        wanted = list(landmarks[:: 1 + len(landmarks) // LOOKED_UP_MAX])
        stages: list[Query] = [
            {"$match": {"landmarks": {"$in": wanted}, "_id": {"$ne": recording_id}, **_visible(caller)}},
            {"$project": {"key": 1, "common": {"$size": {"$setIntersection": ["$landmarks", wanted]}}}},
            {"$sort": {"common": -1, "_id": 1}},
            {"$limit": limit},
        ]
        return [Candidate(raw["_id"], raw["key"]) async for raw in self._fingerprints.aggregate(stages)]

    async def known(self, ids: Sequence[str]) -> dict[str, tuple[int, datetime]]:
        """Return the form of the documents of these recordings, and of when the analysis is that each was made of."""
        rows = self._search.find({"_id": {"$in": list(ids)}}, {"form": 1, "analysed_at": 1})
        return {raw["_id"]: (raw["form"], raw["analysed_at"]) async for raw in rows}

    async def fingerprint_key(self, recording_id: str) -> str | None:
        """Return which object the recording's landmarks are of."""
        raw = await self._fingerprints.find_one({"_id": recording_id}, {"key": 1})
        return raw["key"] if raw is not None else None

    async def keep(self, document: SearchDocument) -> None:
        """Write a document, unless there is one of a later analysis."""
        older = {"_id": document.id, "analysed_at": {"$lte": document.analysed_at}}
        try:
            await self._search.replace_one(older, document.model_dump(by_alias=True), upsert=True)
        except DuplicateKeyError:
            # The later one was there: what this one says is out of date.
            return

    async def keep_fingerprint(self, document: FingerprintDocument) -> None:
        """Write which landmarks of a recording are looked up."""
        await self._fingerprints.replace_one({"_id": document.id}, document.model_dump(by_alias=True), upsert=True)

    async def until(self) -> datetime | None:
        """Return until when every analysis is here."""
        raw = await self._progress.find_one({"_id": _PROGRESS})
        return raw["until"] if raw is not None else None

    async def advance(self, until: datetime) -> None:
        """Note that every analysis is here that was completed until then."""
        await self._progress.update_one({"_id": _PROGRESS}, {"$max": {"until": until}}, upsert=True)

    def vectors(self, ids: Sequence[str] | None = None) -> Any:  # noqa: ANN401 (the driver's cursor)
        """Return a cursor over the vectors of these recordings, or of all."""
        query: Query = {} if ids is None else {"_id": {"$in": list(ids)}}
        return self._search.find(query, {"project_id": 1, "embedding_version": 1, "vector": 1})

    def of_other_forms(self, form: int) -> Any:  # noqa: ANN401
        """Return a cursor over the ids of documents that an earlier version of this code made."""
        return self._search.find({"form": {"$ne": form}}, {"_id": 1})


def _visible(caller: Caller) -> Query:
    return {"project_id": {"$in": list(caller.project_ids)}}
