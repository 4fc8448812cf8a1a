"""Opens everything that tells of events: the history and its follower, live streams, webhooks."""

from contextlib import AsyncExitStack

from faststream.rabbit import RabbitBroker
from litestar.datastructures import State

from chassis.broker import start_patiently
from chassis.documents import Database
from chassis.health import Health
from chassis.outward import OutwardClient, OutwardRules

from .deliveries import Deliveries
from .following import Hear, HistoryFollower, HistoryStream
from .history import History
from .live import LiveHub
from .sending import Ladder, WebhookSender
from .settings import GatewaySettings
from .telling import Teller
from .tickets import Tickets
from .webhooks import Webhooks

FROM_STATE = ("teller", "history", "webhooks", "deliveries", "sender", "outward", "tickets")


def open_history(
    state: State, database: Database, settings: GatewaySettings, hub: LiveHub, health: Health, hear: Hear
) -> HistoryFollower:
    """Put into `state` what the routes of events need; return what follows the stream and feeds them."""
    state.tickets = Tickets(database)
    state.history = History(database, settings.history_days)
    stream = HistoryStream(settings.amqp_url.get_secret_value(), settings.publish_timeout_s)
    follower = HistoryFollower(stream, state.history, hub, hear, state.sender.note)
    state.teller = Teller(hub, state.history, follower, health, settings)
    return follower


def open_webhooks(stack: AsyncExitStack, state: State, database: Database, settings: GatewaySettings) -> WebhookSender:
    """Put into `state` what the routes of webhooks need; return what makes the deliveries."""
    rules = OutwardRules(settings.outward_networks, http=settings.outward_http)
    state.outward = OutwardClient(rules, settings.webhook_timeout_s)
    stack.push_async_callback(state.outward.close)
    webhooks = Webhooks(database)
    deliveries = Deliveries(database, webhooks, settings.history_days)
    ladder = Ladder(settings.webhook_delays_s, settings.webhook_disable_after_s)
    lease_s = 2 * settings.webhook_timeout_s + settings.mongodb_timeout_s
    sender = WebhookSender(webhooks, deliveries, state.outward, ladder, slots=settings.webhook_slots, lease_s=lease_s)
    state.update({"webhooks": webhooks, "deliveries": deliveries, "sender": sender})
    return sender


async def follow(broker: RabbitBroker, follower: HistoryFollower) -> None:
    """Follow the history from when the broker is there: the first to connect declares the stream."""
    await start_patiently(broker)
    await follower.run()
