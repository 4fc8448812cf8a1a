"""The routes of dead letters: what no service could work on, seen to by owners of its project and by operators."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, post
from litestar.params import PathParameter, QueryParameter
from pydantic import BaseModel, ConfigDict, Field

from contracts.dead_letters import DeadLetterDocument, DeadLetterState
from contracts.vocabulary import Lane

from .access import INSPECT, SETTLE
from .dead_letters import DeadLetters, LetterFilters
from .keys import Caller
from .projects import opened_project

PAGE_MAX = 200
REPLAYED_MAX = 1000

LetterId = Annotated[str, PathParameter(max_length=64)]
Text = Annotated[str | None, QueryParameter(max_length=200)]


class DeadLetterSummary(BaseModel):
    """A message that no service could work on."""

    id: str = Field(examples=["7e2f0d5a1c9b4e6f8a3d2c1b0f9e8d7c"])
    status: DeadLetterState
    service: str = Field(description="Whose message it was.", examples=["spectrogram"])
    lane: Lane | None
    reason: str = Field(description="The broker's: `rejected`, or `delivery_limit`.", examples=["rejected"])
    error: str | None = Field(description="Why it is no event of ours; null where it is one.")
    attempts: int
    deaths: int = Field(description="How often it came to be parked.")
    event_id: str | None
    event_type: str | None = Field(examples=["recording.uploaded.v1"])
    recording: str | None
    project: str | None = Field(description="Null where the message is no event of ours: operators alone see it.")
    trace_id: str | None
    first_at: datetime
    last_at: datetime
    replayable: bool = Field(description="Whether it can be sent again: it is whole here, and text.")
    replays: int
    replayed_at: datetime | None
    discarded_at: datetime | None


class DeadLetterView(DeadLetterSummary):
    """A message with what it says."""

    headers: dict[str, str]
    body: str = Field(description="Its first 256,000 bytes; what is no text is shown as U+FFFD.")
    body_size_bytes: int


class DeadLetterPage(BaseModel):
    """A part of the list, what died last first."""

    items: list[DeadLetterSummary]
    next_cursor: str | None


class ReplayWish(BaseModel):
    """Which parked messages are to be sent again; a dry run only counts them."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = Field(default=None, max_length=200)
    project: str | None = Field(default=None, max_length=200)
    event_type: str | None = Field(default=None, max_length=200)
    recording: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=100, ge=1, le=REPLAYED_MAX)
    dry_run: bool = True


class ReplayResult(BaseModel):
    """What was sent again, or would be."""

    dry_run: bool
    matching: int = Field(description="Parked, whole and as wanted.")
    allowed: int = Field(description="As many of them may go now: `limit`, and what the minute has left.")
    replayed: list[str]


class DeadLetterController(Controller):
    """What owners and operators do with dead letters."""

    path = "/dead-letters"
    tags = ("dead letters",)

    @get(operation_id="listDeadLetters", needs=INSPECT, problems=(404,))
    async def page(
        self,
        request: Request[Caller, Any, Any],
        dead_letters: DeadLetters,
        service: Text = None,
        project: Text = None,
        event_type: Text = None,
        recording: Text = None,
        status: DeadLetterState = DeadLetterState.PARKED,
        cursor: Annotated[str | None, QueryParameter(max_length=500)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)] = 50,
    ) -> DeadLetterPage:
        """List the dead letters of projects that you own, or all of them for operators; those that wait by default."""
        _check_project(request.user, project)
        filters = LetterFilters(status, service, project, event_type, recording)
        letters, next_cursor = await dead_letters.page(request.user, filters, cursor, limit)
        return DeadLetterPage(items=[DeadLetterSummary(**facts(each)) for each in letters], next_cursor=next_cursor)

    @post("/replay", operation_id="replayDeadLetters", needs=SETTLE, problems=(404,), status_code=200)
    async def replay_many(
        self, request: Request[Caller, Any, Any], dead_letters: DeadLetters, data: ReplayWish
    ) -> ReplayResult:
        """Send parked messages to their service again, those that died first before the others.

        A dry run unless `dry_run` is false. What a minute does not allow stays parked: ask again later.
        """
        _check_project(request.user, data.project)
        filters = LetterFilters(DeadLetterState.PARKED, data.service, data.project, data.event_type, data.recording)
        done = await dead_letters.replay_all(request.user, filters, data.limit, dry_run=data.dry_run)
        return ReplayResult(dry_run=data.dry_run, matching=done.matching, allowed=done.allowed, replayed=list(done.ids))

    @get("/{letter_id:str}", operation_id="getDeadLetter", needs=INSPECT)
    async def one(
        self, request: Request[Caller, Any, Any], dead_letters: DeadLetters, letter_id: LetterId
    ) -> DeadLetterView:
        """Show a dead letter with its headers and body."""
        return view(await dead_letters.get(request.user, letter_id))

    @post("/{letter_id:str}/replay", operation_id="replayDeadLetter", needs=SETTLE, problems=(409,), status_code=200)
    async def replay(
        self, request: Request[Caller, Any, Any], dead_letters: DeadLetters, letter_id: LetterId
    ) -> DeadLetterView:
        """Send a parked message to its service again; it begins with its first attempt."""
        return view(await dead_letters.replay(request.user, letter_id))

    @delete("/{letter_id:str}", operation_id="discardDeadLetter", needs=SETTLE, problems=(409,))
    async def discard(self, request: Request[Caller, Any, Any], dead_letters: DeadLetters, letter_id: LetterId) -> None:
        """Say that a dead letter is of no use; it is forgotten after `DAWNCHORUS_DEAD_LETTERS_KEPT_DAYS`."""
        await dead_letters.discard(request.user, letter_id)


def view(letter: DeadLetterDocument) -> DeadLetterView:
    """Return all that is shown of a letter."""
    return DeadLetterView(
        **facts(letter),
        headers=letter.headers,
        body=letter.body.decode(errors="replace"),
        body_size_bytes=letter.body_size_bytes,
    )


def facts(letter: DeadLetterDocument) -> dict[str, Any]:
    """Return what a list says of a letter."""
    own = letter.model_dump(include=set(DeadLetterSummary.model_fields))
    return {**own, "project": letter.project_id, "recording": letter.recording_id, "status": letter.state}


def _check_project(caller: Caller, project: str | None) -> None:
    if project is not None and not caller.operates:
        opened_project(caller, project)
