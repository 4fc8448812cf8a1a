"""The route of live events."""

import json
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from chassis.health import Health
from contracts.envelope import to_json

from .access import STREAM
from .keys import Caller
from .live import Listener, LiveHub, events_or_beats
from .progress import ProgressBoard
from .reads import Reads
from .settings import GatewaySettings
from .views import view

RESYNC = "You were too slow for the events; read the status and listen again."


@get(
    "/events",
    operation_id="listenToEvents",
    needs=STREAM,
    problems=(404,),
    tags=["events"],
    media_type="text/event-stream",
)
async def listen(
    request: Request[Caller, Any, Any],
    reads: Reads,
    hub: LiveHub,
    progress: ProgressBoard,
    health: Health,
    settings: GatewaySettings,
    recording: str | None = None,
) -> ServerSentEvent:
    """Listen to events as they happen (Server-Sent Events), of one recording or of all.

    A stream about one recording begins with its status, so that nothing is missed before the first event.
    """
    if recording is not None:
        await reads.recording(request.user, recording)

    async def messages() -> AsyncIterator[ServerSentEventMessage]:
        with hub.listen(request.user, recording) as listener:
            if recording is not None:
                yield await _status_now(reads, request.user, recording, progress)
            async for message in _live(listener, settings, health):
                yield message

    return ServerSentEvent(messages(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _status_now(
    reads: Reads, caller: Caller, recording_id: str, progress: ProgressBoard
) -> ServerSentEventMessage:
    found = await reads.recording(caller, recording_id)
    status = view(found.recording, found.spectrogram, found.analysis, progress.of)
    return ServerSentEventMessage(event="status", data=status.model_dump_json())


async def _live(listener: Listener, settings: GatewaySettings, health: Health) -> AsyncIterator[ServerSentEventMessage]:
    yield ServerSentEventMessage(comment="listening", data=None)
    stream = events_or_beats(listener, heartbeat_s=settings.heartbeat_s, ended=lambda: health.draining)
    async for envelope in stream:
        if envelope is None:
            yield ServerSentEventMessage(comment="heartbeat", data=None)
        else:
            yield ServerSentEventMessage(id=envelope.id, event=envelope.type, data=json.dumps(to_json(envelope)))
    if listener.overrun.is_set():
        yield ServerSentEventMessage(event="resync", data=json.dumps({"reason": RESYNC}))
