"""Live events over a WebSocket: the same messages and filters as the Server-Sent Events."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

import structlog
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import QueryParameter

from chassis.metrics import LIVE_CLIENTS_DROPPED
from chassis.problems import ProblemError

from .access import STREAM
from .events import status_of
from .filters import TYPES_MAX, checked_filter
from .keys import Caller
from .progress import ProgressBoard
from .reads import Reads
from .settings import GatewaySettings
from .telling import Message, Teller

log = structlog.get_logger()

Socket = WebSocket[Caller, Any, Any]

# Private codes of the protocol: 4000 and the status that HTTP would have answered.
REFUSED = 4000
GOING_AWAY = 1001


@websocket("/ws", needs=STREAM, takes_ticket=True)
async def listen_by_socket(
    socket: Socket,
    reads: Reads,
    teller: Teller,
    progress: ProgressBoard,
    settings: GatewaySettings,
    project: str | None = None,
    recording: str | None = None,
    batch: str | None = None,
    types: Annotated[list[str] | None, QueryParameter(name="type", max_items=TYPES_MAX)] = None,
    last_event_id: Annotated[str | None, QueryParameter(max_length=200)] = None,
) -> None:
    """Listen to events as they happen; each message is `{"type", "id", "data"}`, and what a client sends is ignored."""
    await socket.accept()
    try:
        wanted = await checked_filter(
            socket.user, reads, project=project, recording=recording, batch=batch, types=types
        )
        first = await status_of(reads, socket.user, recording, progress) if last_event_id is None else None
    except ProblemError as refusal:
        await socket.close(code=REFUSED + refusal.status, reason=refusal.code)
        return
    await _until_either_ends(socket, teller.tell(wanted, last_event_id, first), settings.listener_stall_s)


async def _until_either_ends(socket: Socket, messages: AsyncGenerator[Message, None], stall_s: float) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(_tell(socket, messages, stall_s))
            await _wait_for_leave(socket)
            telling.cancel()
    except* TimeoutError:
        LIVE_CLIENTS_DROPPED.labels("stalled").inc()
        log.warning("listener_stalled")
    except* OSError as errors:
        log.debug("listener_left", reason=repr(errors.exceptions[0]))


async def _tell(socket: Socket, messages: AsyncGenerator[Message, None], stall_s: float) -> None:
    async with aclosing(messages):
        async for message in messages:
            async with asyncio.timeout(stall_s):
                await socket.send_text(_frame(message))
    async with asyncio.timeout(stall_s):
        await socket.close(code=GOING_AWAY)


async def _wait_for_leave(socket: Socket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_data(mode="text")


def _frame(message: Message) -> str:
    head = {"type": message.kind, **({"id": message.id} if message.id is not None else {})}
    # The text is JSON already, made once for everybody.
    return json.dumps(head) if not message.text else f'{json.dumps(head)[:-1]}, "data": {message.text}}}'
