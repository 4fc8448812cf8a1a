import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from faststream.rabbit import RabbitBroker
from pydantic import SecretStr

from chassis.broker import declare_topology
from chassis.documents import Database
from chassis.health import Health
from contracts.envelope import envelop, to_message
from contracts.events import Event, RecordingDeleted
from contracts.topology import HISTORY_QUEUE
from services.gateway.filters import EventFilter
from services.gateway.following import HistoryFollower, HistoryStream
from services.gateway.history import History, Position
from services.gateway.live import LiveHub, Shown
from services.gateway.settings import GatewaySettings
from services.gateway.telling import Message, Teller

from .polling import eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
FIELD = EventFilter(("field",))
AFTER_ALL = 2**62


@dataclass
class Replica:
    """One gateway's part in the history."""

    history: History
    hub: LiveHub
    follower: HistoryFollower
    teller: Teller
    heard: list[Event] = field(default_factory=list)

    async def listening(self, count: int, last_id: str | None = None, wanted: EventFilter = FIELD) -> list[Message]:
        """Return the first messages that are no heartbeats."""
        told: list[Message] = []
        async with asyncio.timeout(20), contextlib.aclosing(self.teller.tell(wanted, last_id)) as messages:
            async for message in messages:
                told += [message] if message.text else []
                if len(told) == count:
                    break
        return told

    async def kept(self) -> list[str]:
        return [event.id for event in await self.history.page(FIELD, -1, AFTER_ALL, 1000)]


@dataclass
class Place:
    """Servers of this test's own, and settings over them."""

    database: Database
    settings: GatewaySettings
    rabbit: Rabbit

    @asynccontextmanager
    async def replica(self, **changed: Any) -> AsyncIterator[Replica]:
        """Follow the stream for a while."""
        settings = self.settings.model_copy(update=changed)
        history, hub = History(self.database, settings.history_days), LiveHub(settings.listener_backlog)
        await history.prepare()
        heard: list[Event] = []
        follower = HistoryFollower(HistoryStream(self.rabbit.url, 5), history, hub, heard.append, _tell_nobody)
        teller = Teller(hub, history, follower, Health(), settings)
        following = asyncio.create_task(follower.run())
        try:
            yield Replica(history, hub, follower, teller, heard)
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def happen(self, *ids: str, project_id: str = "field") -> None:
        """Publish one event of each id."""
        for id_ in ids:
            event = RecordingDeleted(recording_id=RECORDING, project_id=project_id, deleted_at=datetime.now(UTC))
            message = to_message(envelop(event, source="test", id_=id_))
            await self.rabbit.send(event.model_dump_json().encode(), message.headers, "recording.deleted.v1.bulk")


@pytest.fixture
def place(database: Database, settings: Any, rabbit: Rabbit) -> Place:
    """An empty history over an empty stream."""
    return Place(database, GatewaySettings(**settings.model_dump(), internal_token=SecretStr("between")), rabbit)


async def test_every_event_is_kept_once_and_in_order_although_it_comes_twice(place: Place) -> None:
    async with place.replica() as replica:
        await place.happen("a", "b", "a", "c", "b")
        await _has_kept(replica, 3)

        assert await replica.kept() == ["a", "b", "c"]
        assert len(replica.heard) == 3


async def test_what_happened_while_no_replica_ran_is_kept_by_the_next(place: Place) -> None:
    async with place.replica() as first:
        await place.happen("a")
        await _has_kept(first, 1)
    await place.happen("b", "c")

    async with place.replica() as second:
        await _has_kept(second, 3)

        assert await second.kept() == ["a", "b", "c"]
        assert len(second.heard) == 2


async def test_two_replicas_keep_the_same_events_once(place: Place) -> None:
    async with place.replica() as one, place.replica() as other:
        await place.happen(*(f"event-{number:03}" for number in range(300)))
        await _has_kept(one, 300)
        await eventually(lambda: _is(len(other.heard) == 300))

        assert await one.kept() == [f"event-{number:03}" for number in range(300)]


async def test_a_client_goes_on_after_the_event_that_it_heard_last_at_another_replica(place: Place) -> None:
    async with place.replica() as first:
        await place.happen("a", "b")
        await _has_kept(first, 2)
        beginning = await _position(first, "a")
    await place.happen("c")

    async with place.replica() as second:
        going_on = asyncio.create_task(second.listening(4, beginning))
        await place.happen("d", "c", "e")

        assert _ids(await going_on) == ["b", "c", "d", "e"]


async def test_what_happens_while_it_is_repeated_is_told_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place.replica() as replica:
        await place.happen("a", "b")
        await _has_kept(replica, 2)
        has_recorded = replica.follower.has_recorded

        async def has_recorded_more(position: int) -> None:
            await place.happen("c")
            await _has_kept(replica, 3)
            await has_recorded(position + 1)
            await place.happen("d")

        # The client listens by now: what happens here is in its queue and in what is repeated.
        monkeypatch.setattr(replica.follower, "has_recorded", has_recorded_more)

        assert _ids(await replica.listening(3, await _position(replica, "a"))) == ["b", "c", "d"]


async def test_a_last_id_that_is_not_kept_is_answered_with_the_hint_to_read_the_status(place: Place) -> None:
    async with place.replica() as replica:
        await place.happen("a")
        await _has_kept(replica, 1)

        for unknown in ("0.of-another-event", "nonsense", "\u0661.a", "9" * 30 + ".a"):
            [told] = await replica.listening(1, unknown)
            assert told.kind == "resync"


async def test_too_much_to_repeat_is_answered_with_the_hint_and_what_happens_next(place: Place) -> None:
    async with place.replica(replay_max=2) as replica:
        await place.happen("a", "b", "c", "d")
        await _has_kept(replica, 4)
        going_on = asyncio.create_task(replica.listening(2, await _position(replica, "a")))
        await eventually(lambda: _is(bool(replica.hub._listeners)))
        await place.happen("e")

        hint, after_it = await going_on
        assert hint.kind == "resync"
        assert _ids([after_it]) == ["e"]
        assert _ids(await replica.listening(2, await _position(replica, "c"))) == ["d", "e"]


async def test_a_replay_has_what_the_caller_may_see_and_wants_to_hear_only(place: Place) -> None:
    async with place.replica() as replica:
        await place.happen("a")
        await place.happen("secret", project_id="music")
        await place.happen("b")
        await _has_kept(replica, 2)
        nothing = EventFilter(("field",), types=frozenset({"analysis.failed.v1"}))

        assert _ids(await replica.listening(1, await _position(replica, "a"))) == ["b"]
        assert await replica.history.page(nothing, -1, AFTER_ALL, 10) == []


async def test_after_the_broker_lost_its_stream_the_new_ones_events_come_after_the_old_ones(
    place: Place, broker: RabbitBroker
) -> None:
    async with place.replica() as replica:
        await place.happen("a", "b", "c")
        await _has_kept(replica, 3)
        last = await _position(replica, "c")
    await place.rabbit.channel.queue_delete(HISTORY_QUEUE)
    await declare_topology(broker)
    await place.happen("d", "e")

    async with place.replica() as replica:
        await _has_kept(replica, 5)

        assert await replica.kept() == ["a", "b", "c", "d", "e"]
        assert _ids(await replica.listening(2, last)) == ["d", "e"]


async def _tell_nobody(_: Sequence[Shown]) -> None:
    return


async def _has_kept(replica: Replica, count: int) -> None:
    await eventually(lambda: _is_true(replica, count))


async def _is_true(replica: Replica, count: int) -> bool:
    return len(await replica.kept()) >= count


async def _is(holds: bool) -> bool:
    return holds


async def _position(replica: Replica, id_: str) -> str:
    events = await replica.history.page(FIELD, -1, AFTER_ALL, 1000)
    return next(str(Position(event.position, event.id)) for event in events if event.id == id_)


def _ids(told: Sequence[Message]) -> list[str]:
    return [json.loads(message.text)["id"] for message in told]
