"""The routes of events: live by Server-Sent Events, and what happened to a recording."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import structlog
from litestar import Request, get
from litestar.params import HeaderParameter, Parameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send
from litestar.types import Message as AsgiMessage
from pydantic import BaseModel, Field

from chassis.metrics import LIVE_CLIENTS_DROPPED
from chassis.problems import ProblemError

from .access import READ, STREAM
from .filters import EventFilter
from .history import History, Position
from .keys import Caller
from .progress import ProgressBoard
from .reads import Reads
from .telling import Message, Teller
from .views import view

log = structlog.get_logger()

_PAGE_MAX = 1000
_END = 2**62
_TOLD = "told"


class HistoryPage(BaseModel):
    """A part of what happened to a recording, the oldest first."""

    events: list[dict[str, Any]] = Field(description="As they were shown live, each with its `position`.")
    next_cursor: str | None = Field(description="Leads to the next part; null at the end.")


def cut_off_stalled(app: ASGIApp) -> ASGIApp:
    """Give up on a client that takes nothing for longer than its patience; what it missed is repeated later."""

    async def cut_off(scope: Scope, receive: Receive, send: Send) -> None:
        stall_s: float = scope["litestar_app"].state.settings.listener_stall_s
        stalled = asyncio.Event()

        async def send_in_time(message: AsgiMessage) -> None:
            try:
                async with asyncio.timeout(stall_s):
                    await send(message)
            except TimeoutError:
                LIVE_CLIENTS_DROPPED.labels("stalled").inc()
                log.warning("listener_stalled")
                stalled.set()
                # Whoever streams listens for the end beside it, and cancels this.
                await asyncio.Event().wait()

        async def receive_or_give_up() -> ReceiveMessage:
            received, given_up = asyncio.ensure_future(receive()), asyncio.ensure_future(stalled.wait())
            try:
                await asyncio.wait([received, given_up], return_when=asyncio.FIRST_COMPLETED)
                return received.result() if received.done() else {"type": "http.disconnect"}
            finally:
                received.cancel()
                given_up.cancel()

        try:
            await app(scope, receive_or_give_up, send_in_time)
        finally:
            # Broken off between two messages, it would be a listener until the garbage is collected.
            if (told := scope["state"].get(_TOLD)) is not None:
                await told.aclose()

    return cut_off


@get(
    "/events",
    operation_id="listenToEvents",
    needs=STREAM,
    takes_ticket=True,
    problems=(404,),
    tags=["events"],
    media_type="text/event-stream",
    middleware=[cut_off_stalled],
)
async def listen(
    request: Request[Caller, Any, Any],
    reads: Reads,
    teller: Teller,
    progress: ProgressBoard,
    wanted: EventFilter,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=200)] = None,
    since: Annotated[str | None, QueryParameter(name="last_event_id", max_length=200)] = None,
) -> ServerSentEvent:
    """Listen to events as they happen (Server-Sent Events), all or those of a project, recording, batch or type.

    With `Last-Event-ID` (or `last_event_id` in the query) everything after that event comes first, once and in order.
    Without it, a stream about one recording begins with its status, so that nothing is missed before the first event.
    Progress has no id and is not repeated. An event `resync` says that something was missed: read the status.
    """
    last_id = last_event_id or since
    first = await status_of(reads, request.user, wanted.recording_id, progress) if last_id is None else None
    messages = teller.tell(wanted, last_id, first)
    request.scope["state"][_TOLD] = messages
    return ServerSentEvent(_encoded(messages), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


@get("/recordings/{recording_id:str}/history", operation_id="getRecordingHistory", needs=READ, tags=["events"])
async def get_history(
    request: Request[Caller, Any, Any],
    reads: Reads,
    history: History,
    recording_id: str,
    cursor: str | None = None,
    limit: Annotated[int, Parameter(ge=1, le=_PAGE_MAX)] = 200,
) -> HistoryPage:
    """Return every event of a recording, in the order in which they happened, as long as events are kept."""
    found = await reads.recording(request.user, recording_id)
    after = Position.read(cursor) if cursor is not None else Position(-1, "")
    if after is None:
        raise ProblemError(400, "bad_cursor", "This cursor is none of ours; begin again without one.")
    wanted = EventFilter((found.recording.project_id,), recording_id)
    events = await history.page(wanted, after.number, _END, limit + 1)
    shown = events[:limit]
    last = shown[-1] if len(events) > limit else None
    return HistoryPage(
        events=[{**json.loads(event.text), "position": str(Position(event.position, event.id))} for event in shown],
        next_cursor=str(Position(last.position, last.id)) if last is not None else None,
    )


async def status_of(reads: Reads, caller: Caller, recording_id: str | None, progress: ProgressBoard) -> Message | None:
    """Return what stands at the beginning of a stream about one recording."""
    if recording_id is None:
        return None
    found = await reads.recording(caller, recording_id)
    status = view(found.recording, found.spectrogram, found.analysis, progress.of)
    return Message("status", status.model_dump_json())


async def _encoded(messages: AsyncIterator[Message]) -> AsyncIterator[ServerSentEventMessage]:
    async for message in messages:
        if not message.text:
            yield ServerSentEventMessage(comment=message.kind, data=None)
        else:
            yield ServerSentEventMessage(id=message.id, event=message.kind, data=message.text)
