"""Live events, fanned out to the listeners of this replica; a slow one is dropped and harms nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.metrics import LIVE_CLIENTS, LIVE_CLIENTS_DROPPED
from contracts.envelope import Envelope, to_json

from .filters import EventFilter


@dataclass(frozen=True)
class Shown:
    """An event, its place in the history (None: it has none, it is not kept), and its JSON text."""

    envelope: Envelope
    position: int | None
    text: str

    @classmethod
    def of(cls, envelope: Envelope, position: int | None) -> "Shown":
        """Return an event as it is shown; its text is made once, however many listen."""
        return cls(envelope, position, json.dumps(to_json(envelope)))


@dataclass(eq=False)
class Listener:
    """One client: what it may and wants to hear, and what waits for it."""

    wanted: EventFilter
    waiting: asyncio.Queue[Shown]
    overrun: asyncio.Event = field(default_factory=asyncio.Event)


class LiveHub:
    """Everyone who listens to this replica; `position` is of the last event that was shown here."""

    def __init__(self, backlog: int) -> None:
        self._backlog = backlog
        self._listeners: set[Listener] = set()
        self.position: int | None = None

    def show(self, shown: Shown) -> None:
        """Hand an event to everyone who wants it; never waits."""
        if shown.position is not None:
            self.position = shown.position
        for listener in self._listeners:
            if listener.wanted.lets_through(shown.envelope):
                try:
                    listener.waiting.put_nowait(shown)
                except asyncio.QueueFull:
                    _drop(listener)

    @contextmanager
    def listen(self, wanted: EventFilter) -> Iterator[Listener]:
        """Be a listener for a while."""
        listener = Listener(wanted, asyncio.Queue(self._backlog))
        self._listeners.add(listener)
        with LIVE_CLIENTS.track_inprogress():
            try:
                yield listener
            finally:
                self._listeners.discard(listener)


def _drop(listener: Listener) -> None:
    if not listener.overrun.is_set():
        LIVE_CLIENTS_DROPPED.labels("overrun").inc()
        listener.overrun.set()


async def events_or_beats(
    listener: Listener, *, heartbeat_s: float, ended: Callable[[], bool]
) -> AsyncIterator[Shown | None]:
    """Yield events as they come, None at every silent heartbeat; end when the client is too slow or `ended`."""
    silent_s = 0.0
    # A short look-out, so that a draining server does not wait for a whole heartbeat.
    lookout_s = min(1.0, heartbeat_s)
    while not ended() and not listener.overrun.is_set():
        try:
            async with asyncio.timeout(lookout_s):
                shown = await listener.waiting.get()
        except TimeoutError:
            silent_s += lookout_s
            if silent_s >= heartbeat_s:
                silent_s = 0.0
                yield None
            continue
        silent_s = 0.0
        yield shown
