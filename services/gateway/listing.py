"""The one list of recordings: what it is narrowed by, how it is sorted, and where a page ends."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import ANALYSES, RECORDINGS, SEARCH, SPECTROGRAMS
from contracts.vocabulary import State

from .features import NEWEST_FIRST, UPLOADED_AT, Condition, Feature, Order, Query, feature_at
from .keys import Caller

Stage = dict[str, Any]

_ENDED = [each.value for each in State if each.is_terminal]


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
    def tasks_query(self) -> Query:
        """What of it their tasks say: on the fields that `_TASK_STAGES` add."""
        query: Query = {"status": {"$in": list(self.states)}} if self.states else {}
        if self.has_failed is not None:
            query["has_failed"] = self.has_failed
        return query


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
    """Pages of the caller's recordings. A cursor names the last one shown, so that what comes meanwhile moves nothing.

    A list begins in the collection that has an index for its order; what the others say is looked up line by line,
    until a page is full.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, caller: Caller, wanted: Wanted, cursor: str | None, limit: int
    ) -> tuple[list[Line], str | None]:
        """Return up to `limit` recordings that are as wanted, in order, and the cursor of the next page."""
        order = wanted.order
        visible = [each for each in caller.project_ids if wanted.filters.project in (None, each)]
        query: list[Query] = [{"project_id": {"$in": visible}}, _present(order)]
        if cursor is not None:
            query.append(_after(order, cursor))
        direction = -1 if order.descending else 1
        searched = order.is_feature or (bool(wanted.conditions) and order.feature == UPLOADED_AT)
        stages = _of_search(wanted, query) if searched else _of_recordings(wanted, query)
        stages.insert(1, {"$sort": {order.field: direction, "_id": direction}})
        shown = {*(each.feature for each in wanted.conditions), *([order.feature] if order.is_feature else [])}
        stages += [{"$limit": limit + 1}, {"$project": {"features": 1, "sorted_by": f"${order.field}"}}]
        rows = await self._database[SEARCH if searched else RECORDINGS].aggregate(stages).to_list(limit + 1)
        lines = [Line(each["_id"], _shown(each.get("features", {}), shown)) for each in rows[:limit]]
        return lines, _cursor(order, rows[limit - 1]) if len(rows) > limit else None


def _of_recordings(wanted: Wanted, query: list[Query]) -> list[Stage]:
    stages: list[Stage] = [{"$match": {"$and": [*query, wanted.filters.query]}}]
    if wanted.conditions:
        meeting = {"$and": [each.query for each in wanted.conditions]}
        stages += [*_joined(SEARCH, meeting, {"features": 1}), {"$set": {"features": "$joined.features"}}]
    return [*stages, *_narrowed_by_tasks(wanted.filters, "$state")]


def _of_search(wanted: Wanted, query: list[Query]) -> list[Stage]:
    conditions = [each.query for each in wanted.conditions]
    joined = _joined(RECORDINGS, wanted.filters.query, {"state": 1})
    stages: list[Stage] = [{"$match": {"$and": [*query, *conditions]}}, *joined]
    return [*stages, *_narrowed_by_tasks(wanted.filters, "$joined.state")]


def _joined(collection: str, query: Query, fields: Query) -> list[Stage]:
    lookup = {
        "from": collection,
        "localField": "_id",
        "foreignField": "_id",
        "pipeline": [{"$match": query}, {"$project": fields}],
        "as": "joined",
    }
    return [{"$lookup": lookup}, {"$unwind": "$joined"}]


def _narrowed_by_tasks(filters: Filters, recording_state: str) -> list[Stage]:
    """Return the stages that know what `views.overall_status` says, in MongoDB's words; none where nobody asks."""
    if not filters.tasks_query:
        return []
    spectrogram, analysis = (_state_of(each) for each in ("spectrogram", "analysis"))
    refused = {"$eq": [recording_state, State.FAILED]}
    ended = {"$setIsSubset": [[spectrogram, analysis], _ENDED]}
    mixed = {"$cond": [ended, State.PARTIAL, State.PROCESSING]}
    whole = {"$cond": [{"$eq": [spectrogram, analysis]}, spectrogram, mixed]}
    failed = {"$setIntersection": [[spectrogram, analysis], [State.FAILED, State.PARTIAL]]}
    known = {
        "status": {"$cond": [refused, State.FAILED, whole]},
        "has_failed": {"$or": [refused, {"$ne": [failed, []]}]},
    }
    return [*_TASK_STAGES, {"$set": known}, {"$match": filters.tasks_query}]


def _newest(collection: str, name: str, stages: list[Stage]) -> Stage:
    pipeline = [*stages, {"$limit": 1}, {"$project": {"state": 1}}]
    fields = {"localField": "_id", "foreignField": "recording_id"}
    return {"$lookup": {"from": collection, **fields, "pipeline": pipeline, "as": name}}


# Which of several tasks counts is as in `Reads`.
_TASK_STAGES = [
    _newest(SPECTROGRAMS, "spectrogram", [{"$match": {"requested": {"$ne": True}}}, {"$sort": {"created_at": -1}}]),
    _newest(
        ANALYSES,
        "analysis",
        [
            {"$match": {"$or": [{"manifest_key": {"$ne": None}}, {"requested": {"$ne": True}}]}},
            {"$set": {"ended_at": {"$cond": [{"$gt": ["$manifest_key", None]}, "$completed_at", None]}}},
            {"$sort": {"ended_at": -1, "created_at": -1}},
        ],
    ),
]


def _state_of(task: str) -> Query:
    return {"$ifNull": [{"$first": f"${task}.state"}, State.QUEUED]}


def _present(order: Order) -> Query:
    # A wildcard index knows of `$exists` only.
    return {order.field: {"$exists": True} if order.is_feature else {"$ne": None}}


def _between(field: str, low: object, high: object) -> Query:
    bounds = {name: bound for name, bound in (("$gte", low), ("$lte", high)) if bound is not None}
    return {field: bounds} if bounds else {}


def _shown(features: dict[str, Any], names: set[str]) -> dict[str, Feature]:
    values = {name: feature_at(features, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


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
