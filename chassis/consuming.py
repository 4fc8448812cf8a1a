"""What surrounds every handler: a span, a log context, a count, and the ladder for what may go better later."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from faststream import BaseMiddleware
from faststream.exceptions import NackMessage
from pydantic import ValidationError

from contracts.envelope import MalformedEventError, UnknownVersionError
from contracts.topology import RETRY_DELAYS_S, RETRY_EXCHANGE, WORK_EXCHANGE, replay_key, retry_key
from contracts.vocabulary import Lane

from .broker import Publisher
from .deaths import is_forged, without_deaths
from .departure import Departure, GivenBackError
from .errors import BrokerUnavailableError, LeaseHeldError, RecordingDeletedError, SlotsTakenError, UnprocessableError
from .gate import Gate, WaitedEnoughError
from .guard import Dependency
from .metrics import MESSAGE_SECONDS, MESSAGES_HANDLED, bounded, observe
from .outages import is_outage
from .tracing import SpanKind, extract, mark_failed, span

log = structlog.get_logger()

GIVEN_BACK_AFTER_S = 0.5
ATTEMPT_HEADER = "x-attempt"

CallNext = Callable[[Any], Awaitable[Any]]


class Telemetry(BaseMiddleware):
    """One CONSUMER span per message, child of its producer and linked to it; one count per outcome."""

    async def consume_scope(self, call_next: CallNext, msg: Any) -> Any:  # noqa: ANN401 (FastStream's seam)
        """Handle one message inside its span."""
        key = str(msg.raw_message.routing_key)
        destination = f"{msg.raw_message.exchange}:{key}"
        attributes = {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": destination,
            "messaging.rabbitmq.destination.routing_key": key,
            "messaging.message.id": str(msg.message_id),
        }
        with (
            structlog.contextvars.bound_contextvars(event_id=msg.message_id),
            span(f"process {destination}", kind=SpanKind.CONSUMER, attributes=attributes, parent=extract(msg.headers)),
        ):
            return await call_next(msg)


class Leaving:
    """Makes the middleware that gives a message back to the broker when its process leaves before it has ended."""

    def __init__(self, service: str, departure: Departure) -> None:
        self._service = service
        self._departure = departure

    def __call__(self, msg: Any, /, *, context: Any) -> "_Passenger":  # noqa: ANN401 (FastStream's seam)
        """Return the middleware of one message."""
        return _Passenger(msg, context=context, leaving=self)

    async def handled(self, call_next: CallNext, msg: Any) -> Any:  # noqa: ANN401
        """Handle a message, or give it back."""
        if self._departure.is_leaving:
            # What is given back comes again at once, and only so often, until RabbitMQ has heard that we take nothing.
            await asyncio.sleep(GIVEN_BACK_AFTER_S)
        try:
            async with self._departure.stay():
                return await call_next(msg)
        except GivenBackError as error:
            MESSAGES_HANDLED.labels(self._service, "given_back").inc()
            log.info("message_given_back")
            raise NackMessage from error


class _Passenger(BaseMiddleware):
    def __init__(self, msg: Any, /, *, context: Any, leaving: Leaving) -> None:  # noqa: ANN401
        super().__init__(msg, context=context)
        self._leaving = leaving

    async def consume_scope(self, call_next: CallNext, msg: Any) -> Any:  # noqa: ANN401
        return await self._leaving.handled(call_next, msg)


class RetryLadder:
    """Makes the middleware that sends a message back later when its handler failed for a passing reason."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.publisher: Publisher | None = None
        self.gate: Gate | None = None

    def __call__(self, msg: Any, /, *, context: Any) -> "_Rung":  # noqa: ANN401 (FastStream's seam)
        """Return the middleware of one message."""
        return _Rung(msg, context=context, ladder=self)

    async def retry_later(self, msg: Any, error: Exception) -> None:  # noqa: ANN401
        """Publish the message again, to come back after the delay of its rung."""
        attempt = _attempt(msg)
        climbs = not isinstance(error, LeaseHeldError | SlotsTakenError) and not is_outage(error)
        lane = (error.other_lane if isinstance(error, SlotsTakenError) else None) or _lane(msg)
        delay = list(RETRY_DELAYS_S)[min(attempt, len(RETRY_DELAYS_S) - 1) if climbs else 0]
        if self.publisher is None:
            raise error
        try:
            await self.publisher.publish(
                msg.body,
                exchange=RETRY_EXCHANGE,
                routing_key=retry_key(self._service, delay, Lane(lane)),
                headers={**without_deaths(msg.headers), ATTEMPT_HEADER: attempt + int(climbs)},
            )
        except BrokerUnavailableError as unavailable:
            log.warning("message_returned", attempt=attempt, reason=str(error) or repr(error))
            await self._hold()
            raise NackMessage from unavailable
        log.warning("message_postponed", delay=delay, attempt=attempt, reason=str(error) or repr(error))

    async def clean(self, msg: Any) -> None:  # noqa: ANN401
        """Put a message into its queue again without the deaths that its sender made up."""
        if self.publisher is None:
            raise NackMessage
        try:
            await self.publisher.publish(
                msg.body,
                exchange=WORK_EXCHANGE,
                routing_key=replay_key(self._service, _lane(msg)),
                headers=without_deaths(msg.headers),
            )
        except BrokerUnavailableError as unavailable:
            await self._hold()
            raise NackMessage from unavailable
        log.warning("forged_deaths_removed")

    async def _hold(self) -> None:
        # What is returned comes again at once, and only so often before it is dead.
        if self.gate is not None:
            with suppress(WaitedEnoughError):
                await self.gate.passed(Dependency.RABBITMQ)

    def count(self, msg: Any, outcome: str, duration_s: float) -> None:  # noqa: ANN401
        """Count one message, and how long it took."""
        MESSAGES_HANDLED.labels(self._service, outcome).inc()
        lane = bounded(_last_word(msg), list(Lane))
        observe(MESSAGE_SECONDS.labels(self._service, lane, outcome), duration_s)


class _Rung(BaseMiddleware):
    def __init__(self, msg: Any, /, *, context: Any, ladder: RetryLadder) -> None:  # noqa: ANN401
        super().__init__(msg, context=context)
        self._ladder = ladder

    async def consume_scope(self, call_next: CallNext, msg: Any) -> Any:  # noqa: ANN401
        started = time.monotonic()
        if is_forged(msg.headers):
            await self._ladder.clean(msg)
            return
        try:
            await call_next(msg)
        except RecordingDeletedError as error:
            # Nobody waits for it; when the recording is restored, it is announced again.
            log.info("task_stopped", reason=str(error))
        except (UnprocessableError, MalformedEventError, ValidationError) as error:
            if isinstance(error, UnknownVersionError) and _attempt(msg) < len(RETRY_DELAYS_S):
                # While versions change replicas of both share the queue: this may be for one that comes yet.
                self._count(msg, "postponed", started)
                await self._ladder.retry_later(msg, error)
                return
            # Rejected: the queue's dead-letter exchange parks it.
            self._count(msg, "parked", started)
            log.error("message_parked", reason=str(error), exc_info=False)  # noqa: TRY400 (the reason is the whole story)
            raise
        except Exception as error:  # noqa: BLE001 (whatever failed may go better later; the ladder is where it is decided)
            self._count(msg, "postponed", started)
            mark_failed(error)
            await self._ladder.retry_later(msg, error)
            return
        self._count(msg, "handled", started)
        log.info("message_handled", duration_s=round(time.monotonic() - started, 4))

    def _count(self, msg: Any, outcome: str, started: float) -> None:  # noqa: ANN401
        self._ladder.count(msg, outcome, time.monotonic() - started)


def _attempt(msg: Any) -> int:  # noqa: ANN401
    return int(msg.headers.get(ATTEMPT_HEADER, 0))


def _lane(msg: Any) -> Lane:  # noqa: ANN401
    # The key is `recording.uploaded.v1.bulk` at first and `spectrogram.5s.bulk` on its way back: the lane is last.
    return Lane(_last_word(msg))


def _last_word(msg: Any) -> str:  # noqa: ANN401
    return str(msg.raw_message.routing_key).rsplit(".", 1)[-1]
