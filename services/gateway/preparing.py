"""The indexes of the gateway."""

import asyncio

from chassis.documents import Collection, Database
from chassis.outbox import prepare_outbox
from chassis.reconciling import prepare_watch
from contracts.dead_letters import DEAD_LETTERS
from contracts.documents import API_KEYS, RATES, TASKS

from .batches import Batches
from .dead_letters import DeadLetters
from .deliveries import Deliveries
from .history import History
from .keys import KeyRing
from .limits import RateLimits
from .members import Members
from .searchables import Searchables
from .settings import GatewaySettings
from .tickets import Tickets
from .webhooks import Webhooks


async def prepare_indexes(database: Database, settings: GatewaySettings) -> None:
    """Make those that are not there yet."""
    webhooks = Webhooks(database)
    stores = (
        *(KeyRing(database[API_KEYS]), Members(database), RateLimits(database[RATES], settings.quotas)),
        *(Tickets(database), History(database, settings.history_days), Searchables(database), Batches(database)),
        *(webhooks, Deliveries(database, webhooks, settings.history_days)),
        _dead_letters(database[DEAD_LETTERS], settings),
    )
    await asyncio.gather(*(store.prepare() for store in stores))
    await asyncio.gather(
        prepare_tasks(database[TASKS]),
        prepare_outbox(database[TASKS]),
        prepare_watch(database[TASKS], forgets=True),
        prepare_outbox(database[DEAD_LETTERS]),
    )


async def prepare_tasks(collection: Collection) -> None:
    """Make the indexes of wishes."""
    await collection.create_index([("recording_id", 1), ("requested_at", -1)], name="by_recording")
    await collection.create_index([("lane", 1), ("requested_at", 1)], name="by_lane")


def _dead_letters(collection: Collection, settings: GatewaySettings) -> DeadLetters:
    return DeadLetters(
        collection,
        lambda: None,
        replays_per_minute=settings.replays_per_minute,
        kept_days=settings.dead_letters_kept_days,
    )
