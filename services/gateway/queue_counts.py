"""How much is in RabbitMQ's queues: from its management interface, or, with less to say, from the queues themselves."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import structlog
from faststream.rabbit import RabbitBroker

from chassis.broker import CONNECTION_ERRORS, is_connected
from chassis.errors import BrokerUnavailableError
from contracts.topology import CONSUMERS, RETRY_DELAYS_S, dead_queue_name, retry_queue_name, work_queue_name
from contracts.vocabulary import Lane

log = structlog.get_logger()

_COLUMNS = "name,messages_ready,messages_unacknowledged,consumers,message_stats.ack_details.rate"


class Source(StrEnum):
    """Who said it: the queues themselves know neither what is running nor how fast it goes."""

    MANAGEMENT = "management"
    QUEUES = "queues"


@dataclass(frozen=True)
class QueueCount:
    """What is in one queue, and who consumes it; None: the source does not know."""

    waiting: int
    running: int | None
    consumers: int
    handled_per_s: float | None


@dataclass(frozen=True)
class Counts:
    """What is in every queue of the services, by name."""

    source: Source
    queues: Mapping[str, QueueCount]


class QueueCounts:
    """Asks RabbitMQ; `management` is None where there is no such interface."""

    def __init__(
        self, broker: RabbitBroker, management: httpx.AsyncClient | None, amqp_url: str, timeout_s: float
    ) -> None:
        self._broker = broker
        self._management = management
        self._vhost = urlsplit(amqp_url).path.removeprefix("/") or quote("/", safe="")
        self._timeout_s = timeout_s

    @property
    def is_degraded_by(self) -> Source | None:
        """Return the source that is only a way out, where there is a better one."""
        return Source.QUEUES if self._management is not None else None

    async def now(self) -> Counts:
        """Return what is in the queues now. Raises `BrokerUnavailableError` where nobody can say."""
        if self._management is not None:
            try:
                return Counts(Source.MANAGEMENT, await self._managed(self._management))
            except (httpx.HTTPError, ValueError, KeyError) as error:
                log.warning("management_silent", reason=repr(error))
        return Counts(Source.QUEUES, await self._declared())

    async def _managed(self, management: httpx.AsyncClient) -> dict[str, QueueCount]:
        answer = await management.get(f"/api/queues/{self._vhost}", params={"columns": _COLUMNS})
        answer.raise_for_status()
        rows = {raw["name"]: raw for raw in answer.json()}
        # A queue whose figures are not there yet is not an empty one: the queues are asked then.
        return {name: _of_management(rows[name]) for name in queue_names()}

    async def _declared(self) -> dict[str, QueueCount]:
        if not is_connected(self._broker):
            raise BrokerUnavailableError("there is no connection")
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._broker.connect()
                async with connection.channel() as channel:
                    return {name: await _passively(channel, name) for name in queue_names()}
        except CONNECTION_ERRORS as error:
            raise BrokerUnavailableError(repr(error)) from error


def queue_names() -> list[str]:
    """Return the queues of the services."""
    names: list[str] = []
    for service in CONSUMERS:
        names += [work_queue_name(service, lane) for lane in Lane]
        names += [retry_queue_name(service, delay) for delay in RETRY_DELAYS_S]
        names.append(dead_queue_name(service))
    return names


def _of_management(raw: Mapping[str, Any]) -> QueueCount:
    # Whose messages nobody has acknowledged yet has no such figure: the rate is not known.
    # An object without members is an empty list here.
    acknowledged = (raw.get("message_stats") or {}).get("ack_details") or {}
    rate = acknowledged.get("rate")
    return QueueCount(raw["messages_ready"], raw["messages_unacknowledged"], raw["consumers"], rate)


async def _passively(channel: Any, name: str) -> QueueCount:  # noqa: ANN401 (aio-pika's abstract channel)
    said = (await channel.declare_queue(name, passive=True)).declaration_result
    return QueueCount(said.message_count, None, said.consumer_count, None)
