import asyncio
from typing import Any

import pytest

from audio.errors import NotDecodableError
from chassis.broker import lane_subscriber
from chassis.consuming import ATTEMPT_HEADER
from chassis.errors import LeaseHeldError, SlotsTakenError, TransientError
from chassis.tracing import trace_id
from contracts.events import RecordingUploaded
from contracts.topology import RETRY_DELAYS_S, RETRY_EXCHANGE, retry_key, work_queue_name
from contracts.vocabulary import Lane
from tests.fakes import FakePublisher
from tests.figures import figure
from tests.recorded_spans import SpanRecorder

from .consumers import EVENT, PARKED, SERVICE, Consumer, all_counts, event_body, nothing, raising, send
from .polling import DEADLINE_S, eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


async def test_an_event_is_handed_over_as_it_was_written(consumer: Consumer, rabbit: Rabbit) -> None:
    async with consumer.doing(nothing):
        await send(rabbit)
        await consumer.has_heard(1)

    assert consumer.heard == [EVENT]
    assert await all_counts(rabbit) == {}


async def test_a_passing_failure_waits_on_the_first_rung(consumer: Consumer, rabbit: Rabbit) -> None:
    async with consumer.doing(raising(TransientError("busy"))):
        await send(rabbit)

        message = await rabbit.taken(f"{SERVICE}.retry.5s")

    assert message.body == event_body()
    assert message.headers[ATTEMPT_HEADER] == 1
    assert (message.headers["ce-id"], message.routing_key) == ("event-1", "spectrogram.5s.bulk")


async def test_a_defect_of_ours_waits_on_the_ladder_too(consumer: Consumer, rabbit: Rabbit) -> None:
    async with consumer.doing(raising(ZeroDivisionError())):
        await send(rabbit)

        assert (await rabbit.taken(f"{SERVICE}.retry.5s")).body == event_body()


@pytest.mark.parametrize(("attempt", "rung"), [(0, "5s"), (1, "30s"), (2, "2m"), (3, "10m"), (9, "10m")])
async def test_every_failure_waits_longer(consumer: Consumer, rabbit: Rabbit, attempt: int, rung: str) -> None:
    async with consumer.doing(raising(TransientError("busy"))):
        await send(rabbit, headers={ATTEMPT_HEADER: attempt})

        message = await rabbit.taken(f"{SERVICE}.retry.{rung}")

    assert message.headers[ATTEMPT_HEADER] == attempt + 1


@pytest.mark.parametrize("error", [LeaseHeldError("task"), SlotsTakenError()], ids=["lease held", "slots taken"])
async def test_what_only_has_to_wait_is_asked_about_again_soon_and_does_not_climb(
    consumer: Consumer, rabbit: Rabbit, error: TransientError
) -> None:
    async with consumer.doing(raising(error)):
        await send(rabbit, headers={ATTEMPT_HEADER: 3})

        message = await rabbit.taken(f"{SERVICE}.retry.5s")

    assert message.headers[ATTEMPT_HEADER] == 3


async def test_what_has_no_slots_in_this_process_goes_on_in_the_lane_that_has(
    consumer: Consumer, rabbit: Rabbit
) -> None:
    async with consumer.doing(raising(SlotsTakenError(Lane.INTERACTIVE))):
        await send(rabbit)

        message = await rabbit.taken(f"{SERVICE}.retry.5s")

    assert message.routing_key == "spectrogram.5s.interactive"


async def test_a_postponed_event_comes_back_on_its_lane_and_can_be_postponed_again(
    consumer: Consumer, rabbit: Rabbit
) -> None:
    async with consumer.doing(raising(TransientError("busy"))):
        await send(rabbit)

        message = await rabbit.taken(f"{SERVICE}.retry.30s")

    assert len(consumer.heard) == 2
    assert consumer.heard[0] == consumer.heard[1] == EVENT
    assert (message.headers[ATTEMPT_HEADER], message.routing_key) == (2, "spectrogram.30s.bulk")


async def test_what_no_retry_helps_against_is_parked_with_its_body(consumer: Consumer, rabbit: Rabbit) -> None:
    async with consumer.doing(raising(NotDecodableError("wav", "no frame"))):
        await send(rabbit)

        parked = await rabbit.taken(PARKED)

    assert parked.body == event_body()
    assert parked.headers["ce-id"] == "event-1"
    assert len(consumer.heard) == 1
    assert await all_counts(rabbit) == {}


@pytest.mark.parametrize("deaths", [["once"], "once", [{"queue": 1}]])
async def test_deaths_that_a_sender_made_up_keep_nothing_from_being_parked_or_tried_again(
    consumer: Consumer, rabbit: Rabbit, deaths: object
) -> None:
    async with consumer.doing(raising(TransientError("busy"))):
        await send(rabbit, headers={"x-death": deaths, "x-delivery-count": -5})
        await send(rabbit, headers={"x-death": deaths}, body=b"no event")

        postponed = await rabbit.taken(f"{SERVICE}.retry.5s")
        parked = await rabbit.taken(PARKED)

    assert (postponed.body, "x-death" in postponed.headers) == (event_body(), False)
    assert parked.body == b"no event"
    assert parked.headers["x-death"][0]["queue"] == work_queue_name(SERVICE, Lane.BULK)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b'{"recording_id": '),
        ({}, b"\xff\xfe"),
        ({}, b"[" * 100_000),
        ({}, b'{"recording_id": 7}'),
        ({"ce-type": "invoice.paid.v1"}, b"{}"),
        ({"ce-type": "recording.uploaded.v9", ATTEMPT_HEADER: len(RETRY_DELAYS_S)}, None),
        ({"ce-id": None}, None),
        ({"ce-type": None, "ce-id": None, "ce-source": None, "ce-specversion": None}, None),
    ],
    ids=[
        "broken JSON",
        "no text",
        "deep",
        "wrong data",
        "no type of ours",
        "a version that nobody knew",
        "no id",
        "no headers",
    ],
)
async def test_a_message_that_is_no_event_of_ours_is_parked_with_its_body_and_not_tried_again(
    consumer: Consumer, rabbit: Rabbit, headers: dict[str, Any], body: bytes | None
) -> None:
    sent = event_body() if body is None else body
    async with consumer.doing(nothing):
        await send(rabbit, headers=headers, body=sent)

        parked = await rabbit.taken(PARKED)

    assert parked.body == sent
    assert consumer.heard == []
    assert await all_counts(rabbit) == {}


async def test_a_message_that_could_not_be_read_does_not_stop_the_next(consumer: Consumer, rabbit: Rabbit) -> None:
    async with consumer.doing(nothing):
        await send(rabbit, body=b"{")
        await send(rabbit)

        await consumer.has_heard(1)


async def test_a_result_is_sent_nowhere_even_if_the_message_asks_for_it(consumer: Consumer, rabbit: Rabbit) -> None:
    asked = await rabbit.channel.declare_queue("answers", auto_delete=False)
    async with consumer.doing(nothing):
        await send(rabbit, reply_to="answers", correlation_id="1")
        await consumer.has_heard(1)

    assert await rabbit.count(asked.name) == 0


async def test_no_more_is_worked_on_at_once_than_there_are_slots(consumer: Consumer, rabbit: Rabbit) -> None:
    consumer.slots = 2
    at_once, most = 0, 0
    go_on = asyncio.Event()

    async def note_company(_: RecordingUploaded) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await go_on.wait()
        at_once -= 1

    for _ in range(6):
        await send(rabbit)
    async with consumer.doing(note_company):
        await consumer.has_heard(2)
        # What has not been taken can be counted: the broker holds the other four back.
        assert await rabbit.count(work_queue_name(SERVICE, Lane.BULK)) == 4
        go_on.set()
        await consumer.has_heard(6)

    assert most == 2


async def test_an_import_does_not_delay_a_person(consumer: Consumer, rabbit: Rabbit) -> None:
    go_on, personal = asyncio.Event(), asyncio.Event()

    async def import_slowly(_: RecordingUploaded) -> None:
        await go_on.wait()

    @lane_subscriber(consumer.broker, SERVICE, Lane.INTERACTIVE, 1)  # type: ignore[untyped-decorator]  # FastStream's
    async def take_personal(event: RecordingUploaded) -> None:
        personal.set()

    for _ in range(3):
        await send(rabbit)
    async with consumer.doing(import_slowly):
        await consumer.has_heard(1)
        await send(rabbit, lane=Lane.INTERACTIVE)

        await asyncio.wait_for(personal.wait(), DEADLINE_S)
        go_on.set()
        await consumer.has_heard(3)


async def test_while_the_ladder_cannot_be_reached_the_broker_keeps_the_event(
    consumer: Consumer, rabbit: Rabbit
) -> None:
    unreachable = FakePublisher()
    unreachable.failures = 2
    consumer.ladder.publisher = _as_publisher(unreachable)

    async with consumer.doing(raising(TransientError("busy"))):
        await send(rabbit)
        await eventually(lambda: _published(unreachable))

    assert len(consumer.heard) == 3
    assert unreachable.published[0].exchange == RETRY_EXCHANGE
    assert unreachable.published[0].routing_key == retry_key(SERVICE, next(iter(RETRY_DELAYS_S)), Lane.BULK)


async def test_an_event_that_a_stopping_service_had_is_given_to_the_next(consumer: Consumer, rabbit: Rabbit) -> None:
    begun = asyncio.Event()

    async def work_for_ever(_: RecordingUploaded) -> None:
        begun.set()
        await asyncio.Event().wait()

    consumer.broker.config.broker_config.graceful_timeout = 0.1
    async with consumer.doing(work_for_ever):
        await send(rabbit)
        await begun.wait()

    assert (await rabbit.taken(work_queue_name(SERVICE, Lane.BULK))).body == event_body()


async def test_handling_is_a_child_of_the_sender_and_linked_to_it(
    consumer: Consumer, rabbit: Rabbit, spans: SpanRecorder
) -> None:
    seen: list[str] = []

    async def note_trace(_: RecordingUploaded) -> None:
        seen.append(trace_id())

    async with consumer.doing(note_trace):
        await send(rabbit, headers={"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"})
        await consumer.has_heard(1)

    [handled] = spans.ended("process dawnchorus.events:recording.uploaded.v1.bulk")
    assert seen == [TRACE_ID]
    assert [link.context.trace_id for link in handled.links] == [int(TRACE_ID, 16)]


async def test_a_failed_attempt_is_seen_on_its_span_and_in_the_figures(
    consumer: Consumer, rabbit: Rabbit, spans: SpanRecorder
) -> None:
    labels = {"consumer": SERVICE, "lane": "bulk", "outcome": "postponed"}
    before = figure("dawnchorus_message_duration_seconds_count", **labels)

    async with consumer.doing(raising(TransientError("busy"))):
        await send(rabbit)
        await rabbit.taken(f"{SERVICE}.retry.5s")

    [handled] = [each for each in spans.ended() if each.name.startswith("process ")]
    assert (handled.attributes or {})["error.type"] == "TransientError"
    assert figure("dawnchorus_message_duration_seconds_count", **labels) == before + 1


async def _published(publisher: FakePublisher) -> bool:
    return bool(publisher.published)


def _as_publisher(fake: FakePublisher) -> Any:
    return fake
