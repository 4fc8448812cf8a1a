"""The one list of recordings: what it is narrowed by, how it is sorted, and where a page ends."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import ANALYSES, RECORDINGS, SEARCH, SPECTROGRAMS
from contracts.vocabulary import State

from .features import NEWEST_FIRST, UPLOADED_AT, Condition, Feature, Order, Query, feature_at
from .keys import Caller
from .reads import Reads
from .standing import has_failed, standing

Stage = dict[str, Any]

_BADLY_ENDED = frozenset(each for each in State if each.is_terminal) - {State.COMPLETED}
# Where tasks decide: so many recordings are looked at together, and for one page.
_BATCH = 500
_BATCHES_MAX = 10
# More than these are found sooner by looking at all.
_CANDIDATES_MAX = 20_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Filters:
    """What recordings must be like; None and empty: anything goes. Bounds are included."""

    project: str | None = None
    states: Sequence[State] = ()
    has_failed: bool | None = None
    name: str | None = None
    tags: Sequence[str] = ()
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    duration_min_s: float | None = None
    duration_max_s: float | None = None
    deleted: bool = False

    @property
    def query(self) -> Query:
        """What of it a recording's own document says, in MongoDB's words."""
        query: Query = {"deleted_at": {"$ne": None} if self.deleted else None}
        if self.name is not None:
            query["name"] = {"$regex": re.escape(self.name), "$options": "i"}
        if self.tags:
            query["tags"] = {"$all": list(self.tags)}
        query |= _between("recorded_at.sorted_by", self.recorded_from, self.recorded_to)
        return query | _between("audio.duration_claimed_s", self.duration_min_s, self.duration_max_s)

    @property
    def is_of_tasks(self) -> bool:
        """Whether where its tasks stand decides, which a recording's own document does not say."""
        return bool(self.states) or self.has_failed is not None

    @property
    def is_of_failures(self) -> bool:
        """Whether only recordings can meet it of which something ended otherwise than well."""
        return self.has_failed is True or (bool(self.states) and _BADLY_ENDED.issuperset(self.states))

    def meets(self, recording: State, *tasks: State | None) -> bool:
        """Tell whether a recording stands as wanted."""
        stands = not self.states or standing(recording, *tasks) in self.states
        return stands and self.has_failed in (None, has_failed(recording, *tasks))


@dataclass(frozen=True)
class Wanted:
    """What a page is to be of."""

    filters: Filters = Filters()
    conditions: Sequence[Condition] = ()
    order: Order = NEWEST_FIRST


@dataclass(frozen=True)
class Line:
    """One recording of a page, with the features that were asked for."""

    recording_id: str
    features: dict[str, Feature]


class Listing:
    """Pages of the caller's recordings. A cursor names the last one seen, so that what comes meanwhile moves nothing.

    A list begins in the collection that has an index for its order. Where tasks decide, recordings are looked at in
    batches, and a page ends early where too few of many are as wanted: its cursor goes on from there.
    """

    def __init__(self, database: Database, reads: Reads) -> None:
        self._database = database
        self._reads = reads

    async def page(
        self, caller: Caller, wanted: Wanted, cursor: str | None, limit: int
    ) -> tuple[list[Line], str | None]:
        """Return up to `limit` recordings that are as wanted, in order, and the cursor of the next page."""
        visible = [each for each in caller.project_ids if wanted.filters.project in (None, each)]
        query: list[Query] = [{"project_id": {"$in": visible}}, _present(wanted.order)]
        if not wanted.filters.is_of_tasks:
            rows, last = await self._batch(wanted, query, cursor, limit)
            return [_line(wanted, each) for each in rows], last
        candidates = await self._failed(visible) if wanted.filters.is_of_failures else None
        if candidates is not None:
            query.append({"_id": {"$in": candidates}})
        kept: list[Query] = []
        for _ in range(_BATCHES_MAX):
            rows, last = await self._batch(wanted, query, cursor, _BATCH)
            states = await self._reads.task_states([each["_id"] for each in rows])
            kept += [each for each in rows if wanted.filters.meets(State(each["state"]), *states[each["_id"]])]
            if last is None or len(kept) > limit:
                break
            cursor = last
        more = _cursor(wanted.order, kept[limit - 1]) if len(kept) > limit else last
        return [_line(wanted, each) for each in kept[:limit]], more

    async def _batch(
        self, wanted: Wanted, query: Sequence[Query], cursor: str | None, limit: int
    ) -> tuple[list[Query], str | None]:
        order = wanted.order
        begun = [*query, _after(order, cursor)] if cursor is not None else list(query)
        direction = -1 if order.descending else 1
        searched = order.is_feature or (bool(wanted.conditions) and order.feature == UPLOADED_AT)
        stages = _of_search(wanted, begun) if searched else _of_recordings(wanted, begun)
        stages.insert(1, {"$sort": {order.field: direction, "_id": direction}})
        shown = {"features": 1, "state": 1, "sorted_by": f"${order.field}"}
        stages += [{"$limit": limit + 1}, {"$project": shown}]
        rows = await self._database[SEARCH if searched else RECORDINGS].aggregate(stages).to_list(limit + 1)
        return rows[:limit], _cursor(order, rows[limit - 1]) if len(rows) > limit else None

    async def _failed(self, project_ids: list[str]) -> list[str] | None:
        """Return the recordings of which anything ended badly; None where they are so many that they are not rare."""
        found: set[str] = set()
        badly = {"state": {"$in": sorted(_BADLY_ENDED)}}
        # Of what is cancelled the tasks say so only when their workers have come to see of it.
        places: list[tuple[str, str, Query]] = [
            (RECORDINGS, "_id", badly),
            (RECORDINGS, "_id", {"cancelled_at": {"$gt": _LONG_AGO}}),
            (SPECTROGRAMS, "recording_id", badly),
            (ANALYSES, "recording_id", badly),
        ]
        for collection, field, query in places:
            mine = {"project_id": {"$in": project_ids}, **query}
            rows = self._database[collection].find(mine, {field: 1}).limit(_CANDIDATES_MAX)
            ids = [raw[field] async for raw in rows]
            if len(ids) == _CANDIDATES_MAX:
                return None
            found.update(ids)
        return sorted(found)


def _line(wanted: Wanted, row: Query) -> Line:
    names = {
        *(each.feature for each in wanted.conditions),
        *([wanted.order.feature] if wanted.order.is_feature else []),
    }
    values = {name: feature_at(row.get("features", {}), name) for name in names}
    return Line(row["_id"], {name: value for name, value in values.items() if value is not None})


def _of_recordings(wanted: Wanted, query: list[Query]) -> list[Stage]:
    stages: list[Stage] = [{"$match": {"$and": [*query, wanted.filters.query]}}]
    if wanted.conditions:
        meeting = {"$and": [each.query for each in wanted.conditions]}
        stages += [*_joined(SEARCH, meeting, {"features": 1}), {"$set": {"features": "$joined.features"}}]
    return stages


def _of_search(wanted: Wanted, query: list[Query]) -> list[Stage]:
    conditions = [each.query for each in wanted.conditions]
    joined = [*_joined(RECORDINGS, wanted.filters.query, {"state": 1}), {"$set": {"state": "$joined.state"}}]
    return [{"$match": {"$and": [*query, *conditions]}}, *joined]


def _joined(collection: str, query: Query, fields: Query) -> list[Stage]:
    lookup = {
        "from": collection,
        "localField": "_id",
        "foreignField": "_id",
        "pipeline": [{"$match": query}, {"$project": fields}],
        "as": "joined",
    }
    return [{"$lookup": lookup}, {"$unwind": "$joined"}]


def _present(order: Order) -> Query:
    # A wildcard index knows of `$exists` only.
    return {order.field: {"$exists": True} if order.is_feature else {"$ne": None}}


def _between(field: str, low: object, high: object) -> Query:
    bounds = {name: bound for name, bound in (("$gte", low), ("$lte", high)) if bound is not None}
    return {field: bounds} if bounds else {}


def _cursor(order: Order, last: dict[str, Any]) -> str:
    value = last["sorted_by"]
    told = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([order.feature, order.descending, told, last["_id"]]).encode()).decode()


def _after(order: Order, cursor: str) -> Query:
    try:
        feature, descending, told, last_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        # MongoDB takes no integer of more than 64 bits, and no half of a surrogate pair.
        f"{told}{last_id}".encode()
        value = datetime.fromisoformat(told) if order.is_moment else float(told) if isinstance(told, int) else told
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise _bad_cursor() from error
    if (feature, descending) != (order.feature, order.descending) or not isinstance(value, str | float | datetime):
        raise _bad_cursor()
    beyond = "$lt" if order.descending else "$gt"
    return {"$or": [{order.field: {beyond: value}}, {order.field: value, "_id": {beyond: str(last_id)}}]}


def _bad_cursor() -> ProblemError:
    return ProblemError(400, "bad_cursor", "This cursor is none of this list; begin again without one.")
