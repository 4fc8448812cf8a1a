"""What a client that listens is told, by whichever protocol: what it missed, then what happens."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

from chassis.health import Health

from .filters import EventFilter
from .following import HistoryFollower
from .history import History, Position
from .live import LiveHub, Shown, events_or_beats
from .settings import GatewaySettings

# Another replica may have shown an event that this one has not heard of yet.
AHEAD_S = 5.0
SLOW = "You were too slow for the events; listen again with the last id to hear what you missed."
TOO_MUCH = "You missed more events than are repeated; read the status of what you show."
UNKNOWN = "The last id is none that is kept here; read the status of what you show."


@dataclass(frozen=True)
class Message:
    """One message of a stream; without an id where it is not kept, without a text at a heartbeat."""

    kind: str
    text: str = ""
    id: str | None = None


@dataclass(frozen=True)
class _Missed:
    """The part of the history that a client has not heard; or why it cannot be repeated."""

    after: int
    until: int
    problem: str | None = None


class Teller:
    """Tells listeners every event once and in order."""

    def __init__(
        self, hub: LiveHub, history: History, follower: HistoryFollower, health: Health, settings: GatewaySettings
    ) -> None:
        self._hub = hub
        self._history = history
        self._follower = follower
        self._health = health
        self._settings = settings

    async def tell(
        self, wanted: EventFilter, last_id: str | None, first: Message | None = None
    ) -> AsyncGenerator[Message, None]:
        """Yield `first`, or what came after `last_id`; then everything that happens, until the client is too slow.

        Also ends when this replica drains, and after the lifetime of a stream, so that access is checked again.
        """
        ended = self._end()
        heard = -1
        with self._hub.listen(wanted) as listener:
            if last_id is None and first is not None:
                yield first
            if last_id is not None:
                while (missed := await self._missed(wanted, last_id)) is None and not ended():
                    yield Message("heartbeat")
                if missed is not None:
                    heard = max(missed.after, missed.until)
                    async for message in self._repeated(wanted, missed):
                        yield message
            yield Message("listening")
            live = events_or_beats(listener, heartbeat_s=self._settings.heartbeat_s, ended=ended)
            async for shown in live:
                if shown is None:
                    yield Message("heartbeat")
                elif shown.position is None or shown.position > heard:
                    yield _message(shown)
            if listener.overrun.is_set():
                yield _resync(SLOW)

    async def _missed(self, wanted: EventFilter, last_id: str) -> _Missed | None:
        """Return what is to be repeated; None while this replica does not know yet."""
        position = Position.read(last_id)
        if position is None:
            return _Missed(-1, -1, UNKNOWN)
        try:
            async with asyncio.timeout(AHEAD_S):
                await self._follower.has_recorded(max(self._hub.position or -1, position.number))
        except TimeoutError:
            is_ahead = self._hub.position is not None and position.number > self._hub.position
            return _Missed(-1, -1, UNKNOWN) if is_ahead else None
        # What is shown from here on is in the listener's queue, too.
        until = self._follower.recorded or 0
        if not await self._history.holds(position):
            return _Missed(-1, -1, UNKNOWN)
        most = self._settings.replay_max
        if await self._history.count(wanted, position.number, until, most + 1) > most:
            return _Missed(until, until, TOO_MUCH)
        return _Missed(position.number, until)

    async def _repeated(self, wanted: EventFilter, missed: _Missed) -> AsyncIterator[Message]:
        if missed.problem is not None:
            yield _resync(missed.problem)
            return
        async for event in self._history.between(wanted, missed.after, missed.until):
            yield Message(event.type, event.text, str(Position(event.position, event.id)))

    def _end(self) -> Callable[[], bool]:
        clock = asyncio.get_running_loop().time
        last_s = clock() + self._settings.listener_lifetime_s
        return lambda: self._health.draining or clock() >= last_s


def _message(shown: Shown) -> Message:
    envelope = shown.envelope
    # Progress is not kept: without an id, a client goes on from the last event that is.
    id_ = str(Position(shown.position, envelope.id)) if shown.position is not None else None
    return Message(envelope.type, shown.text, id_)


def _resync(reason: str) -> Message:
    return Message("resync", json.dumps({"reason": reason}))
