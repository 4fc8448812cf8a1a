import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio

from chassis.documents import Database
from chassis.outward import OutwardClient, OutwardRules
from chassis.problems import ProblemError
from contracts.envelope import envelop
from contracts.event_documents import DELIVERIES, DeliveryDocument, DeliveryState, WebhookDocument
from contracts.events import RecordingDeleted
from contracts.vocabulary import Role
from services.gateway.deliveries import Deliveries, LogCursor
from services.gateway.keys import Caller
from services.gateway.live import Shown
from services.gateway.sending import Ladder, WebhookSender
from services.gateway.signing import signed_headers
from services.gateway.webhooks import FORMER_KEPT, Webhooks, signing_secrets
from tests.receiver import Receiver, Reply, receiving

from .polling import eventually

pytestmark = pytest.mark.servers

ANNA = Caller("anna", {"field": Role.OWNER})
BERT = Caller("bert", {"music": Role.OWNER})
RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
DELETED = "recording.deleted.v1"


@dataclass
class Desk:
    """The webhooks of an empty database, and a server that is told."""

    database: Database
    webhooks: Webhooks
    deliveries: Deliveries
    receiver: Receiver

    async def hook(self, *types: str, project_id: str = "field", path: str = "/hook") -> WebhookDocument:
        return await self.webhooks.create(project_id, self.receiver.url + path, types, "")

    @asynccontextmanager
    async def sending(
        self,
        *,
        replicas: int = 1,
        delays_s: tuple[float, ...] = (),
        disable_after_s: float = 1000,
        timeout_s: float = 5,
    ) -> AsyncIterator[WebhookSender]:
        """Deliver for a while; yields the last of the senders."""
        client = OutwardClient(OutwardRules((ip_network("127.0.0.0/8"),), http=True), timeout_s)
        ladder = Ladder(delays_s, disable_after_s)
        senders = [
            WebhookSender(self.webhooks, self.deliveries, client, ladder, slots=4, lease_s=20) for _ in range(replicas)
        ]
        works = [asyncio.create_task(sender.run()) for sender in senders]
        try:
            yield senders[-1]
        finally:
            for work in works:
                work.cancel()
            await asyncio.wait(works)
            await client.close()

    async def of(self, webhook: WebhookDocument) -> list[DeliveryDocument]:
        return await self.deliveries.log(webhook.id, None, None, 100)

    async def ended(self, webhook: WebhookDocument, count: int = 1) -> list[DeliveryDocument]:
        """Return the deliveries once so many have ended."""

        async def enough() -> list[DeliveryDocument]:
            found = [each for each in await self.of(webhook) if each.state is not DeliveryState.WAITING]
            return found if len(found) >= count else []

        return await eventually(enough)


@pytest_asyncio.fixture
async def desk(database: Database, receiver: Receiver) -> Desk:
    """Webhooks over an empty database."""
    webhooks = Webhooks(database)
    deliveries = Deliveries(database, webhooks, kept_days=1)
    await webhooks.prepare()
    await deliveries.prepare()
    return Desk(database, webhooks, deliveries, receiver)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on this machine."""
    with receiving() as listening:
        yield listening


async def test_an_event_is_told_signed_and_logged(desk: Desk) -> None:
    webhook = await desk.hook(DELETED)
    async with desk.sending() as sender:
        await sender.note([_event("a")])
        [delivery] = await desk.ended(webhook)

    [taken] = desk.receiver.taken
    assert json.loads(taken.body)["id"] == taken.headers["webhook-id"] == "a"
    signed = signed_headers("a", int(taken.headers["webhook-timestamp"]), taken.body, [webhook.secret])
    assert taken.headers["webhook-signature"] == signed["webhook-signature"]
    assert (delivery.state, delivery.attempts[0].status) == (DeliveryState.DELIVERED, 200)
    assert delivery.attempts[0].latency_s > 0


async def test_only_wanted_events_of_the_own_project_from_after_the_beginning_are_told(desk: Desk) -> None:
    # MongoDB keeps milliseconds.
    early = _event("early", before_s=1)
    webhook = await desk.hook(DELETED)
    other = await desk.hook("analysis.failed.v1")
    everything = await desk.hook()

    await desk.deliveries.note([early, _event("a"), _event("b", project_id="music")])

    assert [each.event_id for each in await desk.of(webhook)] == ["a"]
    assert [each.event_id for each in await desk.of(everything)] == ["a"]
    assert await desk.of(other) == []


async def test_each_of_many_events_is_told_once_over_all_replicas_that_hear_of_it(desk: Desk) -> None:
    webhook = await desk.hook()
    events = [_event(f"event-{number}") for number in range(40)]
    async with desk.sending(replicas=3) as sender:
        await asyncio.gather(*(sender.note(events) for _ in range(3)))
        await desk.ended(webhook, len(events))

    told = [taken.headers["webhook-id"] for taken in desk.receiver.taken]
    assert sorted(told) == sorted({each.envelope.id for each in events})


async def test_what_an_address_did_not_take_is_told_again_until_the_ladder_ends(desk: Desk) -> None:
    webhook = await desk.hook()
    desk.receiver.answering = lambda _: Reply(500 if len(desk.receiver.taken) < 3 else 204)
    async with desk.sending(delays_s=(0.01, 0.01)) as sender:
        await sender.note([_event("a")])
        [delivery] = await desk.ended(webhook)
        assert [attempt.status for attempt in delivery.attempts] == [500, 500, 204]
        assert len({taken.headers["webhook-id"] for taken in desk.receiver.taken}) == 1

        desk.receiver.answering = lambda _: Reply(500)
        await sender.note([_event("b")])
        ended = {each.event_id: each for each in await desk.ended(webhook, 2)}

    assert (ended["b"].state, len(ended["b"].attempts)) == (DeliveryState.FAILED, 3)


async def test_a_redirect_is_a_failure(desk: Desk) -> None:
    webhook = await desk.hook()
    desk.receiver.answering = lambda _: Reply(302, {"location": "/elsewhere"})
    async with desk.sending() as sender:
        await sender.note([_event("a")])
        [delivery] = await desk.ended(webhook)

    assert (delivery.state, delivery.attempts[0].status) == (DeliveryState.FAILED, 302)
    assert [taken.path for taken in desk.receiver.taken] == ["/hook"]


async def test_an_address_that_became_private_is_not_asked(desk: Desk) -> None:
    webhook = await desk.webhooks.create("field", "http://10.0.0.1/hook", (), "")
    async with desk.sending() as sender:
        await sender.note([_event("a")])
        [delivery] = await desk.ended(webhook)

    assert delivery.attempts[0].status is None
    assert "not public" in str(delivery.attempts[0].error)


async def test_an_address_that_takes_nothing_for_long_is_told_nothing_more(desk: Desk) -> None:
    webhook = await desk.hook()
    desk.receiver.answering = lambda _: Reply(500)
    async with desk.sending(disable_after_s=0) as sender:
        await sender.note([_event("a")])
        await eventually(lambda: _is_disabled(desk, webhook))
        await sender.note([_event("b")])
        assert [each.event_id for each in await desk.of(webhook)] == ["a"]

        desk.receiver.answering = lambda _: Reply()
        await desk.webhooks.change(webhook.id, {"enabled": True})
        await sender.note([_event("c")])
        await desk.ended(webhook, 2)

    found = await desk.webhooks.one(ANNA, webhook.id)
    assert (found.enabled, found.disabled_because, found.failing_since) == (True, None, None)


async def test_an_address_that_is_gone_is_told_nothing_more_at_once(desk: Desk) -> None:
    webhook = await desk.hook()
    desk.receiver.answering = lambda _: Reply(410)
    async with desk.sending(delays_s=(1000,)) as sender:
        await sender.note([_event("a")])
        await eventually(lambda: _is_disabled(desk, webhook))


async def test_a_slow_address_holds_up_no_other(desk: Desk) -> None:
    slow, quick = await desk.hook(path="/slow"), await desk.hook(path="/quick")
    released, loop = asyncio.Event(), asyncio.get_running_loop()

    def answer(taken: Any) -> Reply:
        if taken.path == "/slow":
            asyncio.run_coroutine_threadsafe(released.wait(), loop).result(timeout=30)
        return Reply()

    desk.receiver.answering = answer
    async with desk.sending(replicas=2, timeout_s=30) as sender:
        await sender.note([_event(f"event-{number}") for number in range(7)])
        try:
            await desk.ended(quick, 7)
            assert [each.state for each in await desk.of(slow)] == [DeliveryState.WAITING] * 7
        finally:
            released.set()
        await desk.ended(slow, 7)


async def test_what_a_dead_replica_had_begun_is_taken_over(desk: Desk) -> None:
    webhook = await desk.hook()
    await desk.deliveries.note([_event("a")])
    claimed = await desk.deliveries.claim([], lease_s=1000)
    assert claimed is not None
    assert await desk.deliveries.claim([], lease_s=1000) is None

    await desk.database[DELIVERIES].update_one({"_id": claimed.id}, {"$set": {"due_at": datetime.now(UTC)}})
    async with desk.sending():
        await desk.ended(webhook)

    assert len(desk.receiver.taken) == 1


async def test_a_ping_is_told_once_whatever_the_webhook_wants(desk: Desk) -> None:
    webhook = await desk.hook("analysis.failed.v1")
    desk.receiver.answering = lambda _: Reply(500)
    async with desk.sending(delays_s=(0.01,)) as sender:
        await desk.deliveries.ping(webhook)
        sender.wake()
        [delivery] = await desk.ended(webhook)

    assert (delivery.state, len(delivery.attempts)) == (DeliveryState.FAILED, 1)
    assert json.loads(desk.receiver.taken[0].body)["type"] == "webhook.ping"


async def test_a_failed_delivery_is_repeated_when_somebody_asks(desk: Desk) -> None:
    webhook = await desk.hook()
    desk.receiver.answering = lambda _: Reply(500)
    async with desk.sending() as sender:
        await sender.note([_event("a")])
        await desk.ended(webhook)
        desk.receiver.answering = lambda _: Reply()
        await desk.deliveries.repeat(webhook.id, "a")
        sender.wake()
        [delivery] = await desk.ended(webhook)

    assert [attempt.status for attempt in delivery.attempts] == [500, 200]
    assert delivery.state is DeliveryState.DELIVERED


async def test_two_secrets_sign_for_a_day_after_one_was_replaced(desk: Desk) -> None:
    webhook = await desk.hook()
    secret = await desk.webhooks.rotate(webhook)

    found = await desk.webhooks.one(ANNA, webhook.id)

    now = datetime.now(UTC)
    assert signing_secrets(found, now) == [secret, webhook.secret]
    assert signing_secrets(found, now + FORMER_KEPT + timedelta(seconds=1)) == [secret]


async def test_a_webhook_of_somebody_else_is_not_found(desk: Desk) -> None:
    webhook = await desk.hook()

    assert await desk.webhooks.of(BERT) == []
    with pytest.raises(ProblemError) as refusal:
        await desk.webhooks.one(BERT, webhook.id)
    assert refusal.value.status == 404


async def test_the_log_is_read_in_parts_the_newest_first(desk: Desk) -> None:
    webhook = await desk.hook()
    await desk.deliveries.note([_event(f"event-{number}") for number in range(5)])

    first = await desk.deliveries.log(webhook.id, None, None, 3)
    cursor = LogCursor.read(str(LogCursor(first[-1].created_at, first[-1].id)))
    second = await desk.deliveries.log(webhook.id, None, cursor, 3)

    assert len({each.id for each in (*first, *second)}) == 5
    assert await desk.deliveries.log(webhook.id, DeliveryState.FAILED, None, 3) == []


@pytest.mark.parametrize("cursor", ["", "nonsense", "9999-99-99 x", "0001-01-01T00:00:00+23:59 x", "\x00"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        LogCursor.read(cursor)

    assert refusal.value.status == 400


async def _is_disabled(desk: Desk, webhook: WebhookDocument) -> bool:
    return not (await desk.webhooks.one(ANNA, webhook.id)).enabled


def _event(id_: str, *, project_id: str = "field", before_s: float = 0) -> Shown:
    time = datetime.now(UTC) - timedelta(seconds=before_s)
    event = RecordingDeleted(recording_id=RECORDING, project_id=project_id, deleted_at=time)
    return Shown.of(envelop(event, source="test", id_=id_, time=time), 1)
