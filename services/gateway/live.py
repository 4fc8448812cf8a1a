"""Live events: one queue per replica, fanned out to its listeners; a slow one is dropped and harms nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.metrics import LIVE_CLIENTS
from contracts.envelope import Envelope

from .keys import Caller


@dataclass(eq=False)
class Listener:
    """One client: what it may and wants to hear, and what waits for it."""

    caller: Caller
    recording_id: str | None
    waiting: asyncio.Queue[Envelope]
    overrun: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, envelope: Envelope) -> bool:
        """Tell whether an event is of the caller's projects and of the recording asked for."""
        if envelope.event.project_id not in self.caller.project_ids:
            return False
        return self.recording_id in (None, envelope.event.recording_id)


class LiveHub:
    """Everyone who listens to this replica."""

    def __init__(self, backlog: int) -> None:
        self._backlog = backlog
        self._listeners: set[Listener] = set()

    def show(self, envelope: Envelope) -> None:
        """Hand an event to everyone who wants it; never waits."""
        for listener in self._listeners:
            if listener.wants(envelope):
                try:
                    listener.waiting.put_nowait(envelope)
                except asyncio.QueueFull:
                    listener.overrun.set()

    @contextmanager
    def listen(self, caller: Caller, recording_id: str | None) -> Iterator[Listener]:
        """Be a listener for a while."""
        listener = Listener(caller, recording_id, asyncio.Queue(self._backlog))
        self._listeners.add(listener)
        with LIVE_CLIENTS.track_inprogress():
            try:
                yield listener
            finally:
                self._listeners.discard(listener)


async def events_or_beats(
    listener: Listener, *, heartbeat_s: float, ended: Callable[[], bool]
) -> AsyncIterator[Envelope | None]:
    """Yield events as they come, None at every silent heartbeat; end when the client is too slow or `ended`."""
    silent_s = 0.0
    # A short look-out, so that a draining server does not wait for a whole heartbeat.
    lookout_s = min(1.0, heartbeat_s)
    while not ended() and not listener.overrun.is_set():
        try:
            async with asyncio.timeout(lookout_s):
                envelope = await listener.waiting.get()
        except TimeoutError:
            silent_s += lookout_s
            if silent_s >= heartbeat_s:
                silent_s = 0.0
                yield None
            continue
        silent_s = 0.0
        yield envelope
