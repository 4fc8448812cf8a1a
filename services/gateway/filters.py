"""Which events a client wants to hear; the same words for live events, replays and a recording's history."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request
from litestar.params import QueryParameter

from chassis.problems import ProblemError
from contracts.envelope import Envelope
from contracts.events import BY_VERSIONED_TYPE

from .keys import Caller
from .projects import opened_project
from .reads import Reads

TYPES_MAX = 50


@dataclass(frozen=True)
class EventFilter:
    """What a caller may and wants to hear; `types` empty: every one."""

    project_ids: tuple[str, ...]
    recording_id: str | None = None
    batch_id: str | None = None
    types: frozenset[str] = frozenset()

    def lets_through(self, envelope: Envelope) -> bool:
        """Tell whether an event is wanted."""
        event = envelope.event
        return (
            event.project_id in self.project_ids
            and self.recording_id in (None, event.recording_id)
            and self.batch_id in (None, event.batch_id)
            and (not self.types or envelope.type in self.types)
        )

    def query(self) -> dict[str, Any]:
        """Return the same as a query for event documents."""
        wanted: dict[str, Any] = {"project_id": {"$in": list(self.project_ids)}}
        if self.recording_id is not None:
            wanted["recording_id"] = self.recording_id
        if self.batch_id is not None:
            wanted["batch_id"] = self.batch_id
        if self.types:
            wanted["type"] = {"$in": sorted(self.types)}
        return wanted


async def asked_filter(
    request: Request[Caller, Any, Any],
    reads: Reads,
    project: str | None = None,
    recording: str | None = None,
    batch: str | None = None,
    types: Annotated[list[str] | None, QueryParameter(name="type", max_items=TYPES_MAX)] = None,
) -> EventFilter:
    """Return what a request asks for; a recording or project that the caller may not see is 404."""
    return await checked_filter(request.user, reads, project=project, recording=recording, batch=batch, types=types)


async def checked_filter(
    caller: Caller,
    reads: Reads,
    *,
    project: str | None,
    recording: str | None,
    batch: str | None,
    types: list[str] | None,
) -> EventFilter:
    """Return a filter of what the caller may see."""
    project_ids = caller.project_ids if project is None else (opened_project(caller, project),)
    if recording is not None:
        await reads.recording(caller, recording)
    return EventFilter(tuple(project_ids), recording, batch, checked_types(types or []))


def checked_types(types: list[str]) -> frozenset[str]:
    """Return the types; one that no event has is a 400."""
    for each in types:
        if each not in BY_VERSIONED_TYPE:
            raise ProblemError(
                400,
                "unknown_event_type",
                f"There is no event {each[:64]}.",
                next_step="Take the types from docs/events.md, with their version: spectrogram.completed.v1.",
            )
    return frozenset(types)
