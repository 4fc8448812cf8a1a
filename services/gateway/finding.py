"""Recordings that are like another: by their vectors, or by sound that they share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.objects import ObjectStore
from chassis.problems import for_now

from .features import Condition
from .fingerprints import CommonInterval, Fingerprint, common_intervals, read_fingerprint
from .indexer import SearchIndexer
from .keys import Caller
from .reads import Found, Reads
from .searchables import Searchables
from .vectors import Neighbour, VectorIndex, VectorQuery

# Of the nearest, so many are asked whether they meet the conditions; then eight times as many, and so on.
_ASKED_FIRST = 256
_ASKED_FACTOR = 8
ASKED_MAX = 65_536
# So many recordings with most landmarks in common are compared landmark by landmark.
CANDIDATES_MAX = 50


@dataclass(frozen=True)
class Similar:
    """A recording, and the cosine of its vector and the one that was looked for."""

    found: Found
    similarity: float


@dataclass(frozen=True)
class Sharing:
    """A recording, and which parts of it are parts of the one that was looked for."""

    found: Found
    intervals: tuple[CommonInterval, ...]

    @property
    def landmarks(self) -> int:
        """How many landmarks both have, in all intervals."""
        return sum(each.landmarks for each in self.intervals)


@dataclass(frozen=True)
class Neighbours:
    """The nearest recordings, the nearest first.

    complete  false where more were far away than are asked for their features: others may meet the conditions
    """

    items: tuple[Similar, ...]
    complete: bool


class Finder:
    """Finds recordings of the caller's projects, and no others."""

    def __init__(
        self, reads: Reads, objects: ObjectStore, searchables: Searchables, vectors: VectorIndex, indexer: SearchIndexer
    ) -> None:
        self._reads = reads
        self._objects = objects
        self._searchables = searchables
        self._vectors = vectors
        self._indexer = indexer

    async def similar(
        self, caller: Caller, query: VectorQuery, meeting: Sequence[Condition], *, but_for: str | None
    ) -> Neighbours:
        """Return the recordings nearest to a vector that meet all conditions, `but_for` one.

        Raises a problem of status 503 until the vectors are loaded.
        """
        if not self._indexer.is_loaded:
            raise for_now(
                "search_loading",
                "The search is not ready: its vectors are still being loaded.",
                next_step="Send it again after Retry-After.",
            )
        nearest, complete = await self._nearest(caller, query, meeting, but_for)
        known = await self._reads.recordings(caller, [each.recording_id for each in nearest])
        items = [Similar(known[each.recording_id], each.similarity) for each in nearest if each.recording_id in known]
        return Neighbours(tuple(items), complete)

    async def sharing(self, caller: Caller, recording_id: str, key: str, limit: int) -> list[Sharing]:
        """Return the recordings that hold sound of this one, whose landmarks are the object `key`; the most first."""
        own = read_fingerprint(await self._objects.get(key))
        candidates = await self._searchables.sharing(caller, recording_id, own.looked_up, CANDIDATES_MAX)
        known = await self._reads.recordings(caller, [each.recording_id for each in candidates])
        found: list[Sharing] = []
        for each in candidates:
            if each.recording_id in known:
                content = await self._objects.get(each.key)
                intervals = await asyncio.to_thread(_compared, own, content)
                found.append(Sharing(known[each.recording_id], tuple(intervals)))
        matching = [each for each in found if each.intervals]
        return sorted(matching, key=lambda each: (-each.landmarks, each.found.recording.id))[:limit]

    async def _nearest(
        self, caller: Caller, query: VectorQuery, meeting: Sequence[Condition], but_for: str | None
    ) -> tuple[list[Neighbour], bool]:
        asked = _ASKED_FIRST if meeting else query.limit + 1
        while True:
            ranked = await self._vectors.nearest(replace(query, limit=asked))
            others = [each for each in ranked if each.recording_id != but_for]
            if meeting:
                ids = await self._searchables.meeting(caller, [each.recording_id for each in others], meeting)
                others = [each for each in others if each.recording_id in ids]
            exhausted = len(ranked) < asked
            if len(others) >= query.limit or exhausted or not meeting or asked >= ASKED_MAX:
                return others[: query.limit], exhausted or len(others) >= query.limit
            asked = min(ASKED_MAX, asked * _ASKED_FACTOR)


def _compared(own: Fingerprint, content: bytes) -> list[CommonInterval]:
    return common_intervals(own, read_fingerprint(content))
