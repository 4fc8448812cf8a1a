"""Dead letters in MongoDB: kept, listed, replayed through the outbox, discarded."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.documents import Collection
from chassis.metrics import DEAD_LETTERS
from chassis.problems import ProblemError
from contracts.dead_letters import DeadLetterDocument, DeadLetterState
from contracts.documents import OutboxEntry
from contracts.topology import CONSUMERS, WORK_EXCHANGE, replay_key

from .keys import Caller

Query = dict[str, Any]

REPLAY_HEADER = "x-replay"
_MINUTE = timedelta(minutes=1)
# A letter that dies again keeps its first moment, and what became of it before.
_LASTING = {"id", "first_at", "deaths", "replays", "replayed_at", "discarded_at", "outbox"}


@dataclass(frozen=True)
class LetterFilters:
    """What letters must be like; None: anything goes."""

    state: DeadLetterState | None = DeadLetterState.PARKED
    service: str | None = None
    project: str | None = None
    event_type: str | None = None
    recording: str | None = None

    @property
    def query(self) -> Query:
        """What that is in MongoDB's words."""
        named = {
            "state": self.state,
            "service": self.service,
            "project_id": self.project,
            "event_type": self.event_type,
            "recording_id": self.recording,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Replayed:
    """What a replay of many came to: how many there are, how many may go now, and those that went."""

    matching: int
    allowed: int
    ids: Sequence[str]


class DeadLetters:
    """The dead letters that a caller may see: their projects', and all of them for operators.

    wake                says that something waits in the outbox
    replays_per_minute  bounds all replicas and the command line together; two that ask at once may exceed it
    kept_days           how long a letter is remembered that somebody has seen to
    """

    def __init__(
        self, collection: Collection, wake: Callable[[], None], *, replays_per_minute: int, kept_days: float
    ) -> None:
        self._collection = collection
        self._wake = wake
        self._replays_per_minute = replays_per_minute
        self._kept = timedelta(days=kept_days)

    async def prepare(self) -> None:
        """Make the indexes: the newest first, those replayed lately, and the one that forgets."""
        await self._collection.create_index([("state", 1), ("last_at", -1), ("_id", -1)], name="newest_first")
        await self._collection.create_index("replayed_at", sparse=True, name="by_replay")
        await self._collection.create_index("forgotten_at", expireAfterSeconds=0, name="forgotten")

    async def keep(self, letter: DeadLetterDocument) -> bool:
        """Keep a letter; return whether it is news: the same death told again changes nothing."""
        new = letter.model_dump(by_alias=True)
        inserted = await self._collection.update_one({"_id": letter.id}, {"$setOnInsert": new}, upsert=True)
        if inserted.upserted_id is not None:
            return True
        later = {"_id": letter.id, "death": {"$ne": letter.death}, "last_at": {"$lte": letter.last_at}}
        again = letter.model_dump(exclude=_LASTING)
        result = await self._collection.update_one(later, {"$set": again, "$inc": {"deaths": 1}})
        return result.modified_count == 1

    async def get(self, caller: Caller, letter_id: str) -> DeadLetterDocument:
        """Return a letter; one that is unknown, or somebody else's, is a 404; too little a role a 403."""
        raw = await self._collection.find_one({"_id": letter_id, **_seen(caller)})
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no dead letter {letter_id[:64]} here.")
        letter = DeadLetterDocument.model_validate(raw)
        if letter.project_id is not None and not caller.operates:
            caller.check(letter.project_id)
        return letter

    async def page(
        self, caller: Caller, filters: LetterFilters, cursor: str | None, limit: int
    ) -> tuple[list[DeadLetterDocument], str | None]:
        """Return up to `limit` letters, that died last first, and the cursor of the next page."""
        query: Query = {"$and": [filters.query, _owned(caller), _after(cursor) if cursor is not None else {}]}
        order = [("last_at", -1), ("_id", -1)]
        rows = await self._collection.find(query, {"outbox": 0}).sort(order).limit(limit + 1).to_list(limit + 1)
        letters = [DeadLetterDocument.model_validate(raw) for raw in rows]
        return letters[:limit], _cursor(letters[limit - 1]) if len(letters) > limit else None

    async def count(self, filters: LetterFilters) -> int:
        """Return how many letters there are."""
        return await self._collection.count_documents(filters.query)

    async def look(self) -> None:
        """Tell the metrics how many letters nobody has seen to."""
        parked: list[Query] = [
            {"$match": {"state": DeadLetterState.PARKED}},
            {"$group": {"_id": "$service", "count": {"$sum": 1}}},
        ]
        found = {each["_id"]: each["count"] async for each in self._collection.aggregate(parked)}
        for service in CONSUMERS:
            DEAD_LETTERS.labels(service).set(found.get(service, 0))

    async def replay(self, caller: Caller, letter_id: str) -> DeadLetterDocument:
        """Send a parked letter to its service once more, as if it had never failed; return what is known of it then.

        Raises a problem of status 409 where it is not parked, or not whole, and 429 where too many were of late.
        """
        letter = await self.get(caller, letter_id)
        if letter.state is not DeadLetterState.PARKED:
            raise _settled(letter)
        if not letter.replayable:
            raise _not_replayable(letter)
        if await self._allowed() == 0:
            raise _too_many(self._replays_per_minute)
        if not await self._send(letter):
            raise _settled(letter)
        return await self.get(caller, letter_id)

    async def replay_all(self, caller: Caller, filters: LetterFilters, limit: int, *, dry_run: bool) -> Replayed:
        """Replay those parked letters that died first, as many as may go now; a dry run only says how many."""
        parked = {**filters.query, "state": DeadLetterState.PARKED, "replayable": True}
        query = {"$and": [parked, _owned(caller)]}
        matching = await self._collection.count_documents(query)
        allowed = min(matching, limit, await self._allowed())
        if dry_run or allowed == 0:
            return Replayed(matching, allowed, ())
        rows = await self._collection.find(query).sort([("last_at", 1), ("_id", 1)]).limit(allowed).to_list(allowed)
        letters = [DeadLetterDocument.model_validate(raw) for raw in rows]
        return Replayed(matching, allowed, [each.id for each in letters if await self._send(each)])

    async def discard(self, caller: Caller, letter_id: str) -> None:
        """Say that a letter is of no use; 409 where it was replayed."""
        letter = await self.get(caller, letter_id)
        if letter.state is DeadLetterState.DISCARDED:
            return
        now = datetime.now(UTC)
        changes = {"state": DeadLetterState.DISCARDED, "discarded_at": now, "forgotten_at": now + self._kept}
        result = await self._collection.update_one(_parked(letter), {"$set": changes})
        if result.modified_count == 0:
            raise _settled(letter)

    async def _send(self, letter: DeadLetterDocument) -> bool:
        """Put a letter into its outbox; False where somebody else has seen to it meanwhile."""
        now = datetime.now(UTC)
        changes = {"state": DeadLetterState.REPLAYED, "replayed_at": now, "forgotten_at": now + self._kept}
        sent = {"$set": changes, "$inc": {"replays": 1}, "$push": {"outbox": _entry(letter).model_dump()}}
        result = await self._collection.update_one(_parked(letter), sent)
        self._wake()
        return result.modified_count == 1

    async def _allowed(self) -> int:
        since = datetime.now(UTC) - _MINUTE
        lately = await self._collection.count_documents({"replayed_at": {"$gt": since}})
        return max(0, self._replays_per_minute - lately)


def _entry(letter: DeadLetterDocument) -> OutboxEntry:
    if letter.lane is None:
        raise _not_replayable(letter)
    ours = {name: value for name, value in letter.headers.items() if name.startswith("ce-")}
    return OutboxEntry(
        event_id=f"{letter.id}/{letter.replays + 1}",
        # Not to where events go: the other services have done their part.
        exchange=WORK_EXCHANGE,
        routing_key=replay_key(letter.service, letter.lane),
        headers={**ours, REPLAY_HEADER: str(letter.replays + 1)},
        body=letter.body.decode(),
        trace={name: value for name, value in letter.headers.items() if name.startswith("trace")},
    )


def _parked(letter: DeadLetterDocument) -> Query:
    return {"_id": letter.id, "state": DeadLetterState.PARKED, "death": letter.death}


def _seen(caller: Caller) -> Query:
    return {} if caller.operates else {"project_id": {"$in": caller.seen_project_ids}}


def _owned(caller: Caller) -> Query:
    return {} if caller.operates else {"project_id": {"$in": caller.project_ids}}


def _cursor(last: DeadLetterDocument) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.last_at.isoformat(), last.id]).encode()).decode()


def _after(cursor: str) -> Mapping[str, Any]:
    try:
        told, last_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        moment = datetime.fromisoformat(told).astimezone(UTC)
        str(last_id).encode()
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise ProblemError(400, "bad_cursor", "This cursor is none of this list; begin again without one.") from error
    return {"$or": [{"last_at": {"$lt": moment}}, {"last_at": moment, "_id": {"$lt": str(last_id)}}]}


def _settled(letter: DeadLetterDocument) -> ProblemError:
    detail = f"This dead letter is not parked: it is {letter.state}, or died again just now."
    return ProblemError(409, "not_parked", detail, next_step="Look at it again: somebody has seen to it.")


def _not_replayable(letter: DeadLetterDocument) -> ProblemError:
    detail = f"This dead letter of {letter.body_size_bytes} bytes cannot be sent again: it is not whole, or no text."
    return ProblemError(409, "not_replayable", detail, next_step="Discard it; its sender has to send the event anew.")


def _too_many(replays_per_minute: int) -> ProblemError:
    return ProblemError(
        429,
        "too_many_replays",
        f"{replays_per_minute} dead letters were replayed within a minute.",
        next_step="Send it again after the time in Retry-After.",
        headers={"Retry-After": str(int(_MINUTE.total_seconds()))},
    )
