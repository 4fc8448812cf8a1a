"""The undertaker: what is parked becomes a document, once, and leaves its queue after that."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faststream.rabbit import RabbitBroker
from pymongo.errors import PyMongoError

from audio.errors import NotDecodableError
from chassis.broker import Publisher, create_broker
from chassis.documents import Database
from chassis.gate import Gate
from chassis.guard import Dependency, Guard
from chassis.outbox import OutboxRelay
from chassis.settings import ServiceSettings
from contracts.dead_letters import DEAD_LETTERS, DeadLetterDocument, DeadLetterState
from contracts.topology import DEAD_EXCHANGE, work_queue_name
from contracts.vocabulary import Lane, Scope
from services.gateway.burying import bury_the_dead
from services.gateway.dead_letters import DeadLetters
from services.gateway.keys import Caller
from tests.guarding import bring_back, take_away
from tests.guarding import guards as all_guards

from .consumers import EVENT, PARKED, SERVICE, Consumer, event_body, raising, send
from .polling import DEADLINE_S, eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
OPERATOR = Caller("operator", {}, frozenset(Scope))


class FullDatabase(DeadLetters):
    """Refuses to write, some times."""

    refusals = 2

    async def keep(self, letter: DeadLetterDocument) -> bool:
        if self.refusals:
            self.refusals -= 1
            raise PyMongoError("the disk is full")
        return await super().keep(letter)


class WatchedGate(Gate):
    """Says that somebody has come."""

    def __init__(self, guards: Mapping[Dependency, Guard], hold_s: float) -> None:
        super().__init__(guards, hold_s)
        self.reached = asyncio.Event()

    async def passed(self, *needs: Dependency) -> None:
        self.reached.set()
        await super().passed(*needs)


@pytest.fixture
def letters(database: Database) -> DeadLetters:
    """No dead letters."""
    return _letters(database)


async def test_what_is_no_event_is_kept_as_it_came_and_leaves_its_queue(
    consumer: Consumer, rabbit: Rabbit, letters: DeadLetters, database: Database, settings: ServiceSettings
) -> None:
    async with _undertaker(settings, rabbit, letters), consumer.doing(raising(ZeroDivisionError())):
        await send(rabbit, body=b"{]", headers={"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"})

        [letter] = await _kept(database, 1)

    assert (letter.service, letter.lane, letter.reason, letter.state) == (SERVICE, Lane.BULK, "rejected", "parked")
    assert (letter.body, letter.event_id, letter.trace_id) == (b"{]", "event-1", TRACE_ID)
    assert letter.error is not None
    assert letter.error.startswith("This message is no event of ours")
    assert (letter.project_id, letter.recording_id) == (None, None)
    assert await rabbit.count(PARKED) == 0


async def test_an_event_that_cannot_be_worked_on_belongs_to_its_project(
    consumer: Consumer, rabbit: Rabbit, letters: DeadLetters, database: Database, settings: ServiceSettings
) -> None:
    async with (
        _undertaker(settings, rabbit, letters),
        consumer.doing(raising(NotDecodableError("wav", "of no use"))),
    ):
        await send(rabbit, headers={"x-attempt": 2})

        [letter] = await _kept(database, 1)

    assert (letter.project_id, letter.recording_id) == (EVENT.project_id, EVENT.recording_id)
    assert (letter.error, letter.attempts, letter.replayable) == (None, 3, True)


async def test_the_same_message_that_dies_twice_is_one_letter(
    consumer: Consumer, rabbit: Rabbit, letters: DeadLetters, database: Database, settings: ServiceSettings
) -> None:
    async with consumer.doing(raising(ZeroDivisionError())):
        await send(rabbit, body=b"{]")
        first = await rabbit.taken(PARKED)
        async with _undertaker(settings, rabbit, letters):
            exchange = await rabbit.channel.get_exchange(DEAD_EXCHANGE)
            for _ in range(3):
                await exchange.publish(first, f"{SERVICE}.dead")
            await eventually(lambda: _is_empty(rabbit))
            [letter] = await _kept(database, 1)

    assert letter.deaths == 1


async def test_a_letter_that_could_not_be_written_comes_again(
    consumer: Consumer, rabbit: Rabbit, database: Database, settings: ServiceSettings
) -> None:
    full = FullDatabase(database[DEAD_LETTERS], _nobody, replays_per_minute=10, kept_days=1)
    async with _undertaker(settings, rabbit, full), consumer.doing(raising(ZeroDivisionError())):
        await send(rabbit, body=b"{]")

        [letter] = await _kept(database, 1)

    assert (full.refusals, letter.deaths) == (0, 1)


async def test_a_letter_waits_for_a_database_that_is_down_and_is_not_returned_meanwhile(
    consumer: Consumer, rabbit: Rabbit, database: Database, settings: ServiceSettings
) -> None:
    guards = all_guards()
    gate = WatchedGate(guards, hold_s=60)
    asked = FullDatabase(database[DEAD_LETTERS], _nobody, replays_per_minute=10, kept_days=1)
    take_away(guards[Dependency.MONGODB])
    async with _undertaker(settings, rabbit, asked, gate), consumer.doing(raising(ZeroDivisionError())):
        await send(rabbit, body=b"{]")
        await asyncio.wait_for(gate.reached.wait(), DEADLINE_S)
        refused_meanwhile = FullDatabase.refusals - asked.refusals
        await bring_back(guards[Dependency.MONGODB])

        await _kept(database, 1)

    assert refused_meanwhile == 0


async def test_two_undertakers_lose_nothing_and_keep_nothing_twice(
    consumer: Consumer, rabbit: Rabbit, letters: DeadLetters, database: Database, settings: ServiceSettings
) -> None:
    async with (
        _undertaker(settings, rabbit, letters),
        _undertaker(settings, rabbit, letters),
        consumer.doing(raising(ZeroDivisionError())),
    ):
        for number in range(40):
            await send(rabbit, body=b"{]", headers={"ce-id": f"event-{number}"})

        kept = await _kept(database, 40)

    assert sorted(letter.deaths for letter in kept) == [1] * 40
    assert await rabbit.count(PARKED) == 0


async def test_a_replayed_letter_goes_to_its_service_alone_and_begins_at_the_foot_of_the_ladder(
    consumer: Consumer,
    rabbit: Rabbit,
    broker: RabbitBroker,
    letters: DeadLetters,
    database: Database,
    settings: ServiceSettings,
) -> None:
    async with _undertaker(settings, rabbit, letters):
        async with consumer.doing(raising(NotDecodableError("wav", "of no use"))):
            await send(rabbit, headers={"x-attempt": 2, "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"})
            [letter] = await _kept(database, 1)
        # The other service's copy of the event.
        await rabbit.taken(work_queue_name("analysis", Lane.BULK))

        await letters.replay(OPERATOR, letter.id)
        await OutboxRelay(database[DEAD_LETTERS], Publisher(broker, 5), 1).drain()

        message = await rabbit.taken(work_queue_name(SERVICE, Lane.BULK))
    assert message.body == event_body()
    assert (message.headers["ce-id"], "x-attempt" in message.headers) == ("event-1", False)
    assert message.headers["traceparent"].split("-")[1] == TRACE_ID
    assert await rabbit.count(work_queue_name("analysis", Lane.BULK)) == 0
    seen = await letters.get(OPERATOR, letter.id)
    assert (seen.state, seen.replays, seen.outbox) == (DeadLetterState.REPLAYED, 1, ())


async def test_a_replayed_letter_that_dies_again_is_parked_again(
    consumer: Consumer,
    rabbit: Rabbit,
    broker: RabbitBroker,
    letters: DeadLetters,
    database: Database,
    settings: ServiceSettings,
) -> None:
    async with (
        _undertaker(settings, rabbit, letters),
        consumer.doing(raising(NotDecodableError("wav", "of no use"))),
    ):
        await send(rabbit)
        [letter] = await _kept(database, 1)

        await letters.replay(OPERATOR, letter.id)
        await OutboxRelay(database[DEAD_LETTERS], Publisher(broker, 5), 1).drain()
        await consumer.has_heard(2)

        async def parked_again() -> bool:
            return (await letters.get(OPERATOR, letter.id)).state is DeadLetterState.PARKED

        await eventually(parked_again)
    again = await letters.get(OPERATOR, letter.id)
    assert (again.replays, again.first_at, again.forgotten_at) == (1, letter.first_at, None)


@asynccontextmanager
async def _undertaker(
    settings: ServiceSettings, rabbit: Rabbit, letters: DeadLetters, gate: Gate | None = None
) -> AsyncIterator[None]:
    broker = create_broker(ServiceSettings(**{**settings.model_dump(), "amqp_url": rabbit.url}))
    bury_the_dead(broker, letters, gate or Gate(all_guards(), hold_s=60), pause_s=0.05)
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()


def _letters(database: Database) -> DeadLetters:
    return DeadLetters(database[DEAD_LETTERS], _nobody, replays_per_minute=100, kept_days=1)


def _nobody() -> None:
    return


async def _kept(database: Database, count: int) -> list[DeadLetterDocument]:
    async def rows() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await database[DEAD_LETTERS].find().to_list(None)
        return found if len(found) >= count else []

    return [DeadLetterDocument.model_validate(raw) for raw in await eventually(rows)]


async def _is_empty(rabbit: Rabbit) -> bool:
    return await rabbit.count(PARKED) == 0
