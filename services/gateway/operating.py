"""Opens what operators need: the undertaker, dead letters, and the relay that replays them."""

from collections.abc import Coroutine
from typing import Any

from faststream.rabbit import RabbitBroker
from litestar.datastructures import State

from chassis.broker import Publisher
from chassis.documents import Database
from chassis.outbox import OutboxRelay
from contracts.dead_letters import DEAD_LETTERS

from .burying import bury_the_dead
from .dead_letters import DeadLetters
from .settings import GatewaySettings

FROM_STATE = ("dead_letters",)


async def open_operations(
    state: State, database: Database, broker: RabbitBroker, settings: GatewaySettings
) -> Coroutine[Any, Any, None]:
    """Put into `state` what the routes need, have parked messages kept; return what replays them for ever."""
    relay = OutboxRelay(database[DEAD_LETTERS], Publisher(broker, settings.publish_timeout_s), settings.outbox_poll_s)
    state.dead_letters = DeadLetters(
        database[DEAD_LETTERS],
        relay.wake,
        replays_per_minute=settings.replays_per_minute,
        kept_days=settings.dead_letters_kept_days,
    )
    await relay.prepare()
    await state.dead_letters.prepare()
    bury_the_dead(broker, state.dead_letters, settings.outbox_poll_s)
    return relay.run()
