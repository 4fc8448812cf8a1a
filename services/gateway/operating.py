"""Opens what operators need: the undertaker, dead letters and their relay, queues, health."""

from contextlib import AsyncExitStack

import httpx
from faststream.rabbit import RabbitBroker
from litestar.datastructures import State

from chassis.broker import Publisher
from chassis.documents import Database
from chassis.gate import Gate
from chassis.guards import Guards
from chassis.health import Health
from chassis.outbox import OutboxRelay
from contracts.dead_letters import DEAD_LETTERS

from .burying import HOLD_S, bury_the_dead
from .dead_letters import DeadLetters
from .health_checks import HealthBoard
from .queue_counts import QueueCounts
from .queues import QueueBoard
from .settings import GatewaySettings

FROM_STATE = ("dead_letters", "queue_board", "health_board")


def open_gate(guards: Guards, health: Health) -> Gate:
    """Return where parked messages wait for the servers that they need; nobody does when the process leaves."""
    gate = Gate(guards.each, HOLD_S)
    health.on_leaving.append(gate.shut)
    return gate


def open_dead_letters(
    state: State, database: Database, broker: RabbitBroker, publisher: Publisher, gate: Gate, settings: GatewaySettings
) -> OutboxRelay:
    """Put dead letters into `state` and have parked messages kept; return the relay that replays them."""
    collection = database[DEAD_LETTERS]
    relay = OutboxRelay(collection, publisher, settings.outbox_poll_s)
    state.dead_letters = DeadLetters(
        collection,
        relay.wake,
        replays_per_minute=settings.replays_per_minute,
        kept_days=settings.dead_letters_kept_days,
    )
    bury_the_dead(broker, state.dead_letters, gate)
    return relay


async def open_boards(
    stack: AsyncExitStack,
    state: State,
    database: Database,
    broker: RabbitBroker,
    ingest: httpx.AsyncClient,
    guards: Guards,
    settings: GatewaySettings,
) -> None:
    """Put into `state` what says how the queues and the servers are; `state` has the object store."""
    management = await _open_management(stack, settings)
    counts = QueueCounts(broker, management, settings.amqp_url.get_secret_value(), settings.health_timeout_s)
    state.queue_board = QueueBoard(database, counts)
    state.health_board = HealthBoard(database, state.objects, ingest, counts, settings.health_timeout_s, guards)


async def _open_management(stack: AsyncExitStack, settings: GatewaySettings) -> httpx.AsyncClient | None:
    if settings.rabbitmq_management_url is None:
        return None
    url = settings.rabbitmq_management_url.get_secret_value()
    # So much sooner that the queues themselves can still be asked.
    client = httpx.AsyncClient(base_url=url, timeout=settings.health_timeout_s / 2)
    return await stack.enter_async_context(client)
