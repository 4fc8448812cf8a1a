import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chassis.metrics import LIVE_CLIENTS
from contracts.envelope import Envelope, envelop
from contracts.events import RecordingDeleted
from services.gateway.filters import EventFilter
from services.gateway.live import Listener, LiveHub, Shown, events_or_beats
from tests.figures import figure

ONE = "0192f0c1-5b7e-4a51-9a52-000000000001"
TWO = "0192f0c1-5b7e-4a51-9a52-000000000002"
ANNA = EventFilter(("field", "lab"))
BERT = EventFilter(("music",))


def test_a_listener_hears_the_events_of_its_projects_only() -> None:
    hub = LiveHub(backlog=10)
    with hub.listen(ANNA) as anna, hub.listen(BERT) as bert:
        for project_id in ("field", "music", "lab", "secret"):
            hub.show(_event(project_id=project_id))

        assert _projects(anna) == ["field", "lab"]
        assert _projects(bert) == ["music"]


def test_who_asks_for_one_recording_hears_of_no_other() -> None:
    hub = LiveHub(backlog=10)
    with hub.listen(replace(ANNA, recording_id=TWO)) as listener:
        hub.show(_event(recording_id=ONE))
        hub.show(_event(recording_id=TWO))

        assert [envelope.subject for envelope in _heard(listener)] == [TWO]


def test_asking_for_a_recording_by_name_opens_no_other_project() -> None:
    hub = LiveHub(backlog=10)
    with hub.listen(replace(BERT, recording_id=ONE)) as listener:
        hub.show(_event(recording_id=ONE, project_id="field"))

        assert _heard(listener) == []


def test_a_slow_listener_harms_nobody_else_and_is_counted_once() -> None:
    dropped = figure("dawnchorus_live_clients_dropped_total", reason="overrun")
    hub = LiveHub(backlog=3)
    with hub.listen(ANNA) as slow, hub.listen(ANNA) as quick:
        heard: list[Envelope] = []
        for _ in range(10):
            hub.show(_event())
            heard += _heard(quick)

        assert len(heard) == 10
        assert (slow.overrun.is_set(), quick.overrun.is_set()) == (True, False)
    assert figure("dawnchorus_live_clients_dropped_total", reason="overrun") == dropped + 1


def test_who_has_left_is_no_longer_shown_anything() -> None:
    hub = LiveHub(backlog=10)
    before = LIVE_CLIENTS._value.get()
    with hub.listen(ANNA) as listener:
        during = LIVE_CLIENTS._value.get()

    hub.show(_event())

    assert _heard(listener) == []
    assert (during - before, LIVE_CLIENTS._value.get()) == (1, before)


async def test_events_come_in_their_order() -> None:
    hub = LiveHub(backlog=10)
    with hub.listen(ANNA) as listener:
        for number in range(5):
            hub.show(_event(id_=str(number)))

        stream = _stream(listener)
        assert [await _next_id(stream) for _ in range(5)] == ["0", "1", "2", "3", "4"]


async def test_an_event_that_comes_while_waiting_is_yielded() -> None:
    hub = LiveHub(backlog=10)
    with hub.listen(ANNA) as listener:
        waiting = asyncio.create_task(_next_id(_stream(listener)))
        await asyncio.sleep(0)

        hub.show(_event(id_="late"))

        assert await waiting == "late"


async def test_silence_is_broken_by_heartbeats() -> None:
    hub = LiveHub(backlog=10)
    with hub.listen(ANNA) as listener:
        stream = _stream(listener, heartbeat_s=0.01)

        assert [await anext(stream) for _ in range(3)] == [None, None, None]


async def test_the_stream_of_a_listener_that_was_too_slow_ends() -> None:
    hub = LiveHub(backlog=2)
    with hub.listen(ANNA) as listener:
        for _ in range(3):
            hub.show(_event())

        assert listener.overrun.is_set()
        assert [envelope async for envelope in _stream(listener)] == []


async def test_a_draining_server_ends_its_streams() -> None:
    draining = False
    hub = LiveHub(backlog=2)
    with hub.listen(ANNA) as listener:
        stream = events_or_beats(listener, heartbeat_s=0.01, ended=lambda: draining)
        await anext(stream)

        draining = True

        with pytest.raises(StopAsyncIteration):
            await anext(stream)


def test_who_asks_for_types_or_a_batch_hears_nothing_else() -> None:
    hub = LiveHub(backlog=10)
    wanted = replace(ANNA, types=frozenset({"recording.deleted.v1"}), batch_id="night-1")
    with hub.listen(wanted) as listener, hub.listen(replace(wanted, types=frozenset({"x.v1"}))) as other:
        for batch_id in ("night-1", "night-2", None):
            hub.show(_event(batch_id=batch_id))

        assert [envelope.event.batch_id for envelope in _heard(listener)] == ["night-1"]
        assert _heard(other) == []


def _event(
    *, recording_id: str = ONE, project_id: str = "field", id_: str = "id", batch_id: str | None = None
) -> Shown:
    event = RecordingDeleted(
        recording_id=recording_id, project_id=project_id, batch_id=batch_id, deleted_at=datetime.now(UTC)
    )
    return Shown.of(envelop(event, source="test", id_=id_), 1)


def _heard(listener: Listener) -> list[Envelope]:
    return [listener.waiting.get_nowait().envelope for _ in range(listener.waiting.qsize())]


def _projects(listener: Listener) -> list[str]:
    return [envelope.event.project_id for envelope in _heard(listener)]


def _stream(listener: Listener, *, heartbeat_s: float = 60) -> AsyncIterator[Shown | None]:
    return events_or_beats(listener, heartbeat_s=heartbeat_s, ended=lambda: False)


async def _next_id(stream: AsyncIterator[Shown | None]) -> str:
    shown = await anext(stream)
    assert shown is not None
    return shown.envelope.id
