"""Follows the history stream: shows each event once to those who listen, then keeps it."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from chassis.broker import CONNECTION_ERRORS, RECONNECT_S
from chassis.documents import PyMongoError
from chassis.stream_queue import Offset, StoredMessage, stored_messages
from contracts.envelope import MalformedEventError, from_message
from contracts.event_documents import HistoryProgressDocument
from contracts.events import Event
from contracts.topology import HISTORY_QUEUE

from .history import History, Position
from .live import LiveHub, Shown

log = structlog.get_logger()

# An event that comes a second time comes soon after the first: a relay that did not hear the confirmation repeats it.
REMEMBERED = 10_000
ATTACH_S = 5.0

Hear = Callable[[Event], None]
Tell = Callable[[Sequence[Shown]], Awaitable[None]]
Batches = AsyncGenerator[list[StoredMessage], None]

_NOTHING: list[StoredMessage] = []


@dataclass(frozen=True)
class HistoryStream:
    """Where the stream is, and how long to wait for the broker."""

    amqp_url: str
    timeout_s: float

    def read(self, offset: Offset) -> Batches:
        """Yield what is in the stream from there on, and what comes."""
        return stored_messages(self.amqp_url, HISTORY_QUEUE, offset, self.timeout_s)


class HistoryFollower:
    """Reads the stream from where all replicas together got to; whoever crashes repeats, and nothing is kept twice.

    `hear` is called with every event that is shown. `tell` is awaited with all that were read, also with those that
    were read before a crash, until the history says that they are recorded.
    """

    def __init__(self, stream: HistoryStream, history: History, hub: LiveHub, hear: Hear, tell: Tell) -> None:
        self._stream = stream
        self._history = history
        self._hub = hub
        self._hear = hear
        self._tell = tell
        self._known: OrderedDict[str, None] = OrderedDict()
        self._recorded = asyncio.Condition()
        self.recorded: int | None = None

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            try:
                await self._follow()
            except (*CONNECTION_ERRORS, PyMongoError) as error:
                log.warning("history_waiting", reason=str(error) or repr(error))
            await asyncio.sleep(RECONNECT_S)

    async def has_recorded(self, position: int) -> None:
        """Wait until everything up to there can be read from the history."""
        async with self._recorded:
            await self._recorded.wait_for(lambda: self.recorded is not None and self.recorded >= position)

    async def _follow(self) -> None:
        progress = await self._history.progress()
        self._remember(await self._history.newest_ids(REMEMBERED))
        if progress is None or not progress.event_id:
            await self._follow_from("first", progress)
        else:
            await self._follow_from(progress.position - progress.base, progress)

    async def _follow_from(self, offset: Offset, progress: HistoryProgressDocument | None) -> None:
        async with aclosing(self._stream.read(offset)) as batches:
            if isinstance(offset, int) and progress is not None and not await self._resume(batches, offset, progress):
                return
            await self._note_recorded(progress.position if progress is not None else -1)
            async for batch in batches:
                await self._take(batch, progress.base if progress is not None else 0)

    async def _resume(self, batches: Batches, offset: int, progress: HistoryProgressDocument) -> bool:
        """Take the message that was recorded last, and what came after it; return False when it is not there."""
        try:
            async with asyncio.timeout(ATTACH_S):
                batch = await anext(batches, _NOTHING)
        except TimeoutError:
            newest = await self._newest_offset()
            if newest is not None and newest < offset:
                await self._begin_anew(progress)
            return False
        if not batch:
            return False
        if batch[0].offset == offset and _event_id(batch[0]) != progress.event_id:
            await self._begin_anew(progress)
            return False
        if batch[0].offset > offset:
            log.error("history_has_gap", recorded=progress.position, goes_on=progress.base + batch[0].offset)
        await self._note_recorded(progress.position)
        await self._take(batch, progress.base)
        return True

    async def _newest_offset(self) -> int | None:
        async with aclosing(self._stream.read("last")) as batches:
            try:
                async with asyncio.timeout(ATTACH_S):
                    batch = await anext(batches, _NOTHING)
            except TimeoutError:
                return None
        return batch[-1].offset if batch else None

    async def _begin_anew(self, progress: HistoryProgressDocument) -> None:
        # The broker lost the stream and made another: what is recorded stays, and what comes is after it.
        log.error("history_began_anew", recorded=progress.position)
        await self._history.begin_anew(progress)

    async def _take(self, batch: Sequence[StoredMessage], base: int) -> None:
        read = [each for message in batch if (each := _shown(message, base)) is not None]
        for each in read:
            if each.envelope.id not in self._known:
                self._remember([each.envelope.id])
                self._hear(each.envelope.event)
                self._hub.show(each)
        await self._history.record(read)
        await self._tell(read)
        last = Position(base + batch[-1].offset, _event_id(batch[-1]))
        await self._history.advance(base, last)
        await self._note_recorded(last.number)

    async def _note_recorded(self, position: int) -> None:
        async with self._recorded:
            self.recorded = position
            self._hub.position = max(position, self._hub.position or -1)
            self._recorded.notify_all()

    def _remember(self, event_ids: Iterable[str]) -> None:
        for event_id in event_ids:
            self._known[event_id] = None
            self._known.move_to_end(event_id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _shown(message: StoredMessage, base: int) -> Shown | None:
    try:
        return Shown.of(from_message(message.headers, message.body), base + message.offset)
    except MalformedEventError as error:
        log.warning("history_unreadable", offset=message.offset, reason=str(error))
        return None


def _event_id(message: StoredMessage) -> str:
    return str(message.headers.get("ce-id") or "unknown")
