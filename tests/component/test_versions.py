"""Replicas of two releases side by side, on the queue that they share."""

import json
from typing import Any, ClassVar

import pytest

from chassis.consuming import ATTEMPT_HEADER
from contracts.envelope import envelop, to_message
from contracts.events import BY_VERSIONED_TYPE, RecordingUploaded
from contracts.topology import EVENTS_EXCHANGE, RETRY_DELAYS_S, work_queue_name
from contracts.vocabulary import Lane

from .consumers import EVENT, PARKED, SERVICE, Consumer, all_counts, event_body, nothing, send
from .rabbit import Rabbit

pytestmark = pytest.mark.servers


class RecordingUploadedV2(RecordingUploaded):
    """The next version of an event: what was optional is required, and something is new."""

    version: ClassVar[int] = 2

    duration_claimed_s: float
    moon: str


NEWER = RecordingUploadedV2(**EVENT.model_dump(exclude={"duration_claimed_s"}), duration_claimed_s=1.0, moon="full")


@pytest.fixture
def _a_release_that_knows_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BY_VERSIONED_TYPE, RecordingUploadedV2.versioned_type(), RecordingUploadedV2)


async def test_an_old_replica_reads_what_a_new_producer_adds_to_the_version_that_it_knows(
    consumer: Consumer, rabbit: Rabbit
) -> None:
    async with consumer.doing(nothing):
        await send(rabbit, body=json.dumps({**json.loads(event_body()), "moon": "full"}).encode())
        await consumer.has_heard(1)

    assert consumer.heard == [EVENT]
    assert await all_counts(rabbit) == {}


async def test_an_old_replica_leaves_a_version_that_it_does_not_know_to_a_new_one(
    consumer: Consumer, rabbit: Rabbit
) -> None:
    await _bound(rabbit)
    async with consumer.doing(nothing):
        await _send_newer(rabbit)
        await send(rabbit)

        message = await rabbit.taken(f"{SERVICE}.retry.5s")
        await consumer.has_heard(1)

    assert (message.headers["ce-type"], message.headers[ATTEMPT_HEADER]) == ("recording.uploaded.v2", 1)
    assert message.body == _body()
    assert consumer.heard == [EVENT]


async def test_a_version_that_nobody_knows_is_parked_when_the_ladder_ends(consumer: Consumer, rabbit: Rabbit) -> None:
    await _bound(rabbit)
    async with consumer.doing(nothing):
        await _send_newer(rabbit, **{ATTEMPT_HEADER: len(RETRY_DELAYS_S)})

        assert (await rabbit.taken(PARKED)).body == _body()


@pytest.mark.usefixtures("_a_release_that_knows_both")
async def test_a_new_replica_reads_both_versions_and_needs_neither(consumer: Consumer, rabbit: Rabbit) -> None:
    await _bound(rabbit)
    async with consumer.doing(nothing):
        await send(rabbit)
        await _send_newer(rabbit)
        await consumer.has_heard(2)

    assert sorted(consumer.heard, key=lambda event: event.version) == [EVENT, NEWER]
    assert await all_counts(rabbit) == {}


async def _bound(rabbit: Rabbit) -> None:
    """Bind the queue as the new release does when it starts."""
    queue = await rabbit.channel.get_queue(work_queue_name(SERVICE, Lane.BULK))
    await queue.bind(EVENTS_EXCHANGE, f"{NEWER.versioned_type()}.{Lane.BULK}")


async def _send_newer(rabbit: Rabbit, **headers: Any) -> None:
    message = to_message(envelop(NEWER, source="test", id_="event-2"))
    await rabbit.send(_body(), {**message.headers, **headers}, f"{NEWER.versioned_type()}.{Lane.BULK}")


def _body() -> bytes:
    body = to_message(envelop(NEWER, source="test", id_="event-2")).body
    return body if isinstance(body, bytes) else str(body).encode()
