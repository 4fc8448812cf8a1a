"""What happened: every event once, in order, as long as it is kept; the gateway is the only writer."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.documents import Database, DuplicateKeyError, insert_new
from contracts.event_documents import EVENTS, HISTORY_PROGRESS, EventDocument, HistoryProgressDocument

from .filters import EventFilter
from .live import Shown

PROGRESS_ID = "stream"

_PAGE = 500


@dataclass(frozen=True)
class Position:
    """A place in the history: where, and of which event."""

    number: int
    event_id: str

    def __str__(self) -> str:
        return f"{self.number}.{self.event_id}"

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """Return the position that a client gives back; None when it is none of ours."""
        number, _, event_id = text.partition(".")
        if not (number.isascii() and number.isdigit() and len(number) < 19 and event_id):
            return None
        return cls(int(number), event_id)


class History:
    """The events in MongoDB."""

    def __init__(self, database: Database, kept_days: float) -> None:
        self._events = database[EVENTS]
        self._progress = database[HISTORY_PROGRESS]
        self._kept = timedelta(days=kept_days)

    async def prepare(self) -> None:
        """Make the indexes of replays and of a recording's events, and have old events removed."""
        await self._events.create_index([("project_id", 1), ("position", 1)], name="by_project")
        await self._events.create_index([("recording_id", 1), ("position", 1)], name="by_recording")
        await self._events.create_index([("position", -1)], name="by_position")
        await self._events.create_index("expires_at", expireAfterSeconds=0, name="expiry")

    async def progress(self) -> HistoryProgressDocument | None:
        """Return up to where the stream is recorded; None when nothing ever was."""
        raw = await self._progress.find_one({"_id": PROGRESS_ID})
        return HistoryProgressDocument.model_validate(raw) if raw is not None else None

    async def record(self, shown: Sequence[Shown]) -> None:
        """Keep events; those that are kept already stay as and where they are."""
        expires_at = datetime.now(UTC) + self._kept
        documents = [
            EventDocument(
                id=each.envelope.id,
                position=each.position,
                project_id=each.envelope.event.project_id,
                recording_id=each.envelope.event.recording_id,
                batch_id=each.envelope.event.batch_id,
                type=each.envelope.type,
                text=each.text,
                expires_at=expires_at,
            )
            for each in shown
            if each.position is not None
        ]
        await insert_new(self._events, [document.model_dump(by_alias=True) for document in documents])

    async def advance(self, base: int, to: Position) -> None:
        """Say that everything up to there is recorded; what another replica said of later stands."""
        later = HistoryProgressDocument(id=PROGRESS_ID, base=base, position=to.number, event_id=to.event_id)
        try:
            await self._progress.replace_one(
                {"_id": PROGRESS_ID, "base": base, "position": {"$lt": to.number}},
                later.model_dump(by_alias=True),
                upsert=True,
            )
        except DuplicateKeyError:
            return

    async def begin_anew(self, known: HistoryProgressDocument) -> None:
        """Give the events of a new stream the positions after the old one's; several replicas may say so."""
        await self._progress.update_one(
            {"_id": PROGRESS_ID, "base": known.base, "position": known.position},
            {"$set": {"base": known.position + 1, "event_id": ""}},
        )

    async def newest_ids(self, count: int) -> list[str]:
        """Return the ids of the newest events, the oldest of them first."""
        rows = self._events.find({}, {"_id": 1}).sort("position", -1).limit(count)
        return [raw["_id"] async for raw in rows][::-1]

    async def holds(self, position: Position) -> bool:
        """Tell whether an event is kept there, so that everything after it is kept, too."""
        return await self._events.find_one({"_id": position.event_id, "position": position.number}, {}) is not None

    async def count(self, wanted: EventFilter, after: int, until: int, most: int) -> int:
        """Return how many events a replay would have, and at most `most`."""
        return await self._events.count_documents(_query(wanted, after, until), limit=most)

    async def between(self, wanted: EventFilter, after: int, until: int) -> AsyncIterator[EventDocument]:
        """Yield the events after one position up to another, in order; a slow reader holds no cursor open."""
        while True:
            page = await self.page(wanted, after, until, _PAGE)
            for event in page:
                yield event
            if len(page) < _PAGE:
                return
            after = page[-1].position

    async def page(self, wanted: EventFilter, after: int, until: int, limit: int) -> list[EventDocument]:
        """Return the first `limit` events after one position up to another, in order."""
        rows = self._events.find(_query(wanted, after, until)).sort("position", 1).limit(limit)
        return [EventDocument.model_validate(raw) async for raw in rows]


def _query(wanted: EventFilter, after: int, until: int) -> dict[str, Any]:
    return {**wanted.query(), "position": {"$gt": after, "$lte": until}}
