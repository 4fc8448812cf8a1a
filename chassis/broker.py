"""RabbitMQ through FastStream, with the defaults that lose messages mended in one place.

FastStream publishes non-persistent, to classic queues, silent about what no queue took, and ignores
`publish(timeout=)`; here a publish is persistent, mandatory, confirmed, and bounded.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import structlog
from aio_pika import RobustConnection, connect_robust
from aio_pika.abc import TimeoutType
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from faststream import AckPolicy
from faststream.exceptions import FastStreamException
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue

from contracts.envelope import CONTENT_TYPE, from_message
from contracts.topology import RETRY_EXCHANGE, Queue, exchanges, queues, work_queue_name
from contracts.vocabulary import Lane

from .errors import BrokerUnavailableError, MessageRefusedError, OpenBreakerError, says_outage
from .guard import Dependency, Guard, Symptoms
from .metrics import PUBLISH_SECONDS, timed
from .settings import ServiceSettings

log = structlog.get_logger()

# What using a connection raises that is lost. aio-pika's own list has RuntimeError in it, which defects raise, too.
CONNECTION_ERRORS = (AMQPError, ChannelInvalidStateError, OSError)
RECONNECT_S = 1.0
HEARTBEAT_S = 10


def create_broker(settings: ServiceSettings, middlewares: Iterable[Any] = ()) -> RabbitBroker:
    """Return a broker that reads events only, and raises when nobody takes what it publishes."""
    return _ClosingBroker(
        _with_heartbeat(settings.amqp_url.get_secret_value()),
        timeout=settings.publish_timeout_s,
        reconnect_interval=RECONNECT_S,
        graceful_timeout=settings.drain_timeout_s,
        default_channel=Channel(on_return_raises=True),
        decoder=_decode_event,
        middlewares=tuple(middlewares),
        logger=None,
        app_id="dawnchorus",
    )


async def start_patiently(broker: RabbitBroker) -> None:
    """Connect, declare the topology, start the consumers; while the broker is down, keep trying."""
    while True:
        try:
            await broker.connect()
            await declare_topology(broker)
            await broker.start()
        except CONNECTION_ERRORS as error:
            log.warning("broker_unreachable", reason=repr(error))
            await asyncio.sleep(RECONNECT_S)
        else:
            log.info("broker_connected")
            return


async def declare_topology(broker: RabbitBroker) -> None:
    """Declare what is not there yet; what is there already must have the same arguments."""
    connection = await broker.connect()
    # FastStream would consume a queue that it declared on the channel of the declaration, whatever prefetch was asked.
    async with connection.channel() as channel:
        for name in exchanges():
            await channel.declare_exchange(name, "topic", durable=True)
        for queue in queues():
            declared = await channel.declare_queue(queue.name, durable=True, arguments=queue.arguments)
            for binding in queue.bindings:
                await declared.bind(binding.exchange, routing_key=binding.routing_key)


def topic(name: str) -> RabbitExchange:
    """Return a durable topic exchange."""
    return RabbitExchange(name, type=ExchangeType.TOPIC, durable=True)


def durable(queue: Queue) -> RabbitQueue:
    """Return a contract's queue in FastStream's words, for who consumes it; `declare_topology` alone declares it.

    aio-pika would declare a queue anew that somebody deleted, without its bindings, and consume from it for ever.
    """
    arguments: Any = {key: value for key, value in queue.arguments.items() if key != "x-queue-type"}
    # The overloads want one literal queue type each; a contract's queue may be any.
    make: Any = RabbitQueue
    kind = QueueType(queue.arguments["x-queue-type"])
    made: RabbitQueue = make(queue.name, queue_type=kind, arguments=arguments, declare=False)
    return made


def is_connected(broker: RabbitBroker) -> bool:
    """Tell whether the connection to the broker stands now."""
    connection = broker._connection  # noqa: SLF001 (ping() opens a channel; this must not wait)
    return connection is not None and connection.connected.is_set()


def lane_subscriber(broker: RabbitBroker, service: str, lane: Lane, slots: int) -> Any:  # noqa: ANN401 (a decorator)
    """Return the decorator for a handler of one lane: as many messages at once as slots, rejected ones parked.

    `slots` is one or more: to RabbitMQ, 0 means no limit.
    """
    [queue] = [each for each in queues() if each.name == work_queue_name(service, lane)]
    return broker.subscriber(
        durable(queue),
        channel=Channel(prefetch_count=slots),
        ack_policy=AckPolicy.REJECT_ON_ERROR,
        # An incoming reply_to would have our result published wherever it says.
        no_reply=True,
    )


class BrokerDownError(OpenBreakerError, BrokerUnavailableError):
    """The broker takes no messages; it was not even asked."""


def publishing_guard(settings: ServiceSettings) -> Guard:
    """Return what is to stand before publishing."""
    symptoms = Symptoms((BrokerUnavailableError,), says_outage, BrokerDownError)
    return Guard(Dependency.RABBITMQ, symptoms, settings.breaker_rules, idle_s=settings.ping_idle_s)


class Publisher:
    """Publishes bytes: persistent, mandatory, confirmed, within a bound on waiting.

    guard  what every message passes; None: nothing
    """

    def __init__(self, broker: RabbitBroker, timeout_s: float, guard: Guard | None = None) -> None:
        self._broker = broker
        self._timeout_s = timeout_s
        self._guard = guard

    async def publish(
        self, body: bytes, *, exchange: str, routing_key: str, headers: Mapping[str, Any], persist: bool = True
    ) -> None:
        """Return when the broker has the message; raise `BrokerUnavailableError` otherwise.

        A publish that timed out may still arrive: consumers deduplicate.
        """
        with timed(PUBLISH_SECONDS, exchange), self._call():
            async with asyncio.timeout(self._timeout_s):
                await self._broker.publish(
                    body,
                    exchange=topic(exchange),
                    routing_key=routing_key,
                    headers=dict(headers),
                    content_type=CONTENT_TYPE,
                    message_id=headers.get("ce-id"),
                    persist=persist,
                    mandatory=persist,
                )

    async def ping(self, within_s: float) -> None:
        """Return when the broker takes messages; raise `BrokerUnavailableError` where it does not.

        One is sent that no queue takes: a broker whose memory or disk runs out still answers everything else.
        """
        with self._call():
            async with asyncio.timeout(within_s):
                await self._broker.publish(b"", exchange=topic(RETRY_EXCHANGE), routing_key="ping", mandatory=False)

    async def usable(self) -> None:
        """Return when there is no reason to believe that the next message would not be taken."""
        if self._guard is not None:
            await self._guard.usable()

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._guard.call() if self._guard is not None else nullcontext():
            try:
                if not is_connected(self._broker):
                    raise BrokerUnavailableError("there is no connection")
                yield
            except DeliveryError as error:
                raise MessageRefusedError(repr(error)) from error
            except (*CONNECTION_ERRORS, FastStreamException) as error:
                raise BrokerUnavailableError(repr(error)) from error


class _ClosingBroker(RabbitBroker):
    """Closes what it has opened, whatever fails.

    A connection of aio-pika's that nobody closes tries to come back for ever, holds off cancellation, and with it the
    end of the process.
    """

    async def _connect(self) -> RobustConnection:
        settings: dict[str, Any] = {**self._connection_kwargs, "connection_class": _ClosingConnection}
        connection = cast("RobustConnection", await connect_robust(**settings))
        try:
            self.config.connect(connection)
            self._channel = await self.config.channel_manager.get_channel()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def stop(self, *error: Any) -> None:  # noqa: ANN401 (FastStream's seam)
        try:
            await super().stop(*error)
        finally:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()


class _ClosingConnection(RobustConnection):
    async def connect(self, timeout: TimeoutType = None) -> None:  # noqa: ASYNC109 (aio-pika's seam)
        try:
            await super().connect(timeout)
        except BaseException:
            await self.close()
            raise


async def _decode_event(message: Any) -> Any:  # noqa: ANN401 (FastStream's seam)
    return from_message(message.headers, message.body).event


def _with_heartbeat(url: str) -> str:
    if "heartbeat=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}heartbeat={HEARTBEAT_S}"
