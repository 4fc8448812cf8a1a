"""When work will be done: what like it cost lately, and what waits before it; nothing where nothing was measured."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from chassis.documents import Database
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, TASKS, RecordingDocument, TaskDocument
from contracts.vocabulary import Lane, State

Heard = Callable[[TaskDocument], float | None]

MEASURED_FROM_MAX = 50
# Who stands further back hears that it is at least so far.
COUNTED_MAX = 10_000

Reason = Literal["nothing_measured", "length_unknown", "ended"]


class Forecast(BaseModel):
    """Where open work stands in its lane, and when it will probably be done."""

    lane: Lane
    position: int | None = Field(description="In the queue, 1 the next; 0: being worked on; null: it has ended.")
    ahead_audio_s: float = Field(description="Audio that waits before it, by the headers.")
    running: int = Field(description="Tasks of the lane that are being worked on now.")
    cost_per_audio_s: float | None = Field(description="Seconds of one slot per second of audio.")
    measured_from: int = Field(description="Tasks that the cost was measured on: the last that ended well.")
    finish_at: datetime | None = Field(
        description="Now, and the cost of what waits before it over what runs at once, and of itself."
    )
    reason: Reason | None = Field(description="Why there is no `finish_at`.")


class WorkForecast(BaseModel):
    """The same of a recording's images and of its analysis."""

    spectrogram: Forecast
    analysis: Forecast
    finish_at: datetime | None = Field(description="When both will be; null where one of them is not known.")


@dataclass(frozen=True)
class Cost:
    """Seconds of one slot per second of audio, over so many tasks; None: there is none that ended well."""

    per_audio_s: float | None
    tasks: int


@dataclass(frozen=True)
class _Ahead:
    tasks: int
    audio_s: float


class Forecasts:
    """Reads costs and queues out of the documents of tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self, recording: RecordingDocument, drawn: TaskDocument | None, analysed: TaskDocument | None, heard: Heard
    ) -> WorkForecast:
        """Return when a recording's own images and features will be there."""
        spectrogram = await self._forecast(SPECTROGRAMS, recording, drawn, heard)
        analysis = await self._forecast(ANALYSES, recording, analysed, heard)
        open_ones = [each for each in (spectrogram, analysis) if each.reason != "ended"]
        known = [each.finish_at for each in open_ones if each.finish_at is not None]
        finish_at = max(known) if known and len(known) == len(open_ones) else None
        return WorkForecast(spectrogram=spectrogram, analysis=analysis, finish_at=finish_at)

    async def cost(self, collection: str) -> Cost:
        """Return what the last tasks that ended well cost, from their claim to their end."""
        ended = {"completed_at": {"$ne": None}, "state": State.COMPLETED, "duration_decoded_s": {"$gt": 0}}
        spent_ms = {"$subtract": ["$completed_at", "$started_at"]}
        stages: list[dict[str, Any]] = [
            {"$match": ended},
            {"$sort": {"completed_at": -1}},
            {"$limit": MEASURED_FROM_MAX},
            {
                "$group": {
                    "_id": None,
                    "spent_ms": {"$sum": spent_ms},
                    "audio_s": {"$sum": "$duration_decoded_s"},
                    "tasks": {"$sum": 1},
                }
            },
        ]
        found = await self._database[collection].aggregate(stages).to_list(1)
        if not found:
            return Cost(None, 0)
        return Cost(found[0]["spent_ms"] / 1000 / found[0]["audio_s"], found[0]["tasks"])

    async def _forecast(
        self, collection: str, recording: RecordingDocument, task: TaskDocument | None, heard: Heard
    ) -> Forecast:
        lane, now = recording.lane, datetime.now(UTC)
        is_running = task is not None and task.state is State.PROCESSING
        has_ended = recording.state is State.FAILED or (task is not None and task.state.is_terminal)
        ahead = _Ahead(0, 0.0) if is_running or has_ended else await self._ahead(collection, recording)
        running, cost = await self._running(collection, lane, now), await self.cost(collection)
        length_s = recording.audio.duration_claimed_s if recording.audio is not None else None
        reason = _reason(cost, length_s, has_ended=has_ended)
        finish_at = None
        if reason is None and cost.per_audio_s is not None and length_s is not None:
            left = 1 - (heard(task) or 0.0) if task is not None and is_running else 1.0
            wait_s = ahead.audio_s * cost.per_audio_s / max(1, running)
            finish_at = now + timedelta(seconds=wait_s + length_s * cost.per_audio_s * left)
        return Forecast(
            lane=lane,
            position=None if has_ended else 0 if is_running else ahead.tasks + 1,
            ahead_audio_s=ahead.audio_s,
            running=running,
            cost_per_audio_s=cost.per_audio_s,
            measured_from=cost.tasks,
            finish_at=finish_at,
            reason=reason,
        )

    async def _running(self, collection: str, lane: Lane, now: datetime) -> int:
        query = {"lane": lane, "state": State.PROCESSING, "lease_until": {"$gt": now}}
        return await self._database[collection].count_documents(query)

    async def _ahead(self, collection: str, recording: RecordingDocument) -> _Ahead:
        """Count what was announced before, and after what was taken up last: a lane's queue keeps its order."""
        announced_at = max(recording.uploaded_at, recording.retried_at or recording.uploaded_at)
        taken = await self._database[collection].find_one(
            {"lane": recording.lane, "announced_at": {"$lt": announced_at}},
            {"announced_at": 1},
            sort=[("announced_at", -1)],
        )
        between: dict[str, Any] = {"$lt": announced_at}
        if taken is not None:
            between["$gt"] = taken["announced_at"]
        uploads = {"lane": recording.lane, "uploaded_at": between, "state": State.COMPLETED}
        living = {"deleted_at": None, "cancelled_at": None}
        wishes = {"lane": recording.lane, "requested_at": between, "request_id": {"$exists": collection == ANALYSES}}
        first = await self._total(RECORDINGS, {**uploads, **living}, "$audio.duration_claimed_s")
        second = await self._total(TASKS, wishes, "$audio_s")
        return _Ahead(first.tasks + second.tasks, first.audio_s + second.audio_s)

    async def _total(self, collection: str, query: dict[str, Any], length: str) -> _Ahead:
        total = {"_id": None, "tasks": {"$sum": 1}, "audio_s": {"$sum": length}}
        stages: list[dict[str, Any]] = [{"$match": query}, {"$limit": COUNTED_MAX}, {"$group": total}]
        found = await self._database[collection].aggregate(stages).to_list(1)
        return _Ahead(found[0]["tasks"], float(found[0]["audio_s"])) if found else _Ahead(0, 0.0)


def _reason(cost: Cost, length_s: float | None, *, has_ended: bool) -> Reason | None:
    if has_ended:
        return "ended"
    if cost.per_audio_s is None:
        return "nothing_measured"
    return "length_unknown" if length_s is None else None
