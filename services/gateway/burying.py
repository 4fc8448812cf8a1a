"""The undertaker: takes parked messages from the dead-letter queues and keeps them as documents."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from faststream import AckPolicy
from faststream.exceptions import NackMessage
from faststream.rabbit import Channel, RabbitBroker
from faststream.rabbit.annotations import RabbitMessage

from chassis.broker import durable
from chassis.consuming import ATTEMPT_HEADER
from chassis.documents import PyMongoError
from chassis.gate import Gate, WaitedEnoughError
from chassis.guard import Dependency
from chassis.metrics import DEAD_LETTERS_KEPT, bounded
from contracts.dead_letters import BODY_BYTES_MAX, DeadLetterDocument
from contracts.envelope import Envelope, MalformedEventError, from_message
from contracts.topology import CONSUMERS, dead_queue_name, queues
from contracts.vocabulary import Lane

from .dead_letters import REPLAY_HEADER, DeadLetters

log = structlog.get_logger()

PREFETCH = 20
PAUSE_S = 5.0
# RabbitMQ takes a message away from a consumer that says nothing about it for half an hour.
HOLD_S = 1200.0
# Why the broker lets a message die; whoever publishes into a dead-letter queue may say anything.
REASONS = frozenset(("rejected", "expired", "maxlen", "delivery_limit", "unknown"))
_HEADER = re.compile(r"ce-[a-z0-9]{1,20}|traceparent|tracestate")
_HEADER_CHARACTERS_MAX = 4096
_FACT_CHARACTERS_MAX = 200
_ERROR_CHARACTERS_MAX = 2000
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Death:
    """What the broker says of a message's last death."""

    reason: str
    at: datetime
    lane: Lane | None
    mark: str


def bury_the_dead(broker: RabbitBroker, letters: DeadLetters, gate: Gate, pause_s: float = PAUSE_S) -> None:
    """Have every parked message kept as a document; several replicas share the queues.

    gate     where messages wait while MongoDB is down: from 4.0 to 4.2, RabbitMQ drops what was returned twenty times
    pause_s  how long a message is held that could not be kept, before the broker has it again
    """
    for service in CONSUMERS:
        [queue] = [each for each in queues() if each.name == dead_queue_name(service)]
        take = broker.subscriber(
            durable(queue),
            channel=Channel(prefetch_count=PREFETCH),
            ack_policy=AckPolicy.NACK_ON_ERROR,
            decoder=_as_it_is,
            no_reply=True,
        )
        take(_undertaker(service, letters, gate, pause_s))


def _undertaker(
    service: str, letters: DeadLetters, gate: Gate, pause_s: float
) -> Callable[[RabbitMessage], Awaitable[None]]:
    async def bury(message: RabbitMessage) -> None:
        """Keep a parked message as a document; it leaves its queue once a majority has it."""
        letter = dead_letter(service, message.headers, message.body, datetime.now(UTC))
        try:
            await gate.passed(Dependency.MONGODB)
            is_news = await letters.keep(letter)
        except (PyMongoError, WaitedEnoughError) as error:
            log.warning("dead_letter_not_kept", service=service, reason=str(error))
            await asyncio.sleep(pause_s)
            raise NackMessage from error
        if is_news:
            DEAD_LETTERS_KEPT.labels(service, bounded(letter.reason, REASONS)).inc()
            log.warning("dead_letter_kept", dead_letter_id=letter.id, service=service, reason=letter.reason)

    return bury


def dead_letter(service: str, headers: Mapping[str, Any], body: bytes, now: datetime) -> DeadLetterDocument:
    """Return what is kept of a parked message, whatever it is; `now` is said where the broker says no time."""
    kept, is_whole = _kept(headers)
    envelope, error = _read(headers, body)
    death = _death(headers, now)
    identity = (service, str(headers.get("ce-id", "")), hashlib.sha256(body).hexdigest())
    return DeadLetterDocument(
        id=hashlib.sha256("\0".join(identity).encode(errors="replace")).hexdigest()[:32],
        service=service,
        lane=death.lane,
        reason=death.reason,
        error=_text(error, _ERROR_CHARACTERS_MAX) if error is not None else None,
        attempts=_attempts(headers),
        event_id=kept.get("ce-id"),
        event_type=kept.get("ce-type"),
        recording_id=_text(envelope.event.recording_id) if envelope is not None else None,
        project_id=_text(envelope.event.project_id) if envelope is not None else None,
        trace_id=_trace_id(kept),
        headers=kept,
        body=body[:BODY_BYTES_MAX],
        body_size_bytes=len(body),
        replayable=is_whole and death.lane is not None and len(body) <= BODY_BYTES_MAX and _is_text(body),
        first_at=death.at,
        last_at=death.at,
        death=death.mark,
    )


def _kept(headers: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """Return the headers that an event has, and whether none of them had to be shortened."""
    ours = {name: str(value) for name, value in headers.items() if _HEADER.fullmatch(str(name))}
    kept = {name: _text(value, _HEADER_CHARACTERS_MAX) for name, value in ours.items()}
    return kept, kept == ours


def _read(headers: Mapping[str, Any], body: bytes) -> tuple[Envelope | None, str | None]:
    try:
        return from_message(headers, body), None
    except MalformedEventError as error:
        return None, str(error)


def _death(headers: Mapping[str, Any], now: datetime) -> Death:
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    queue, reason = _text(str(last.get("queue", ""))), _text(str(last.get("reason", "unknown")))
    at = last.get("time")
    moment = at.astimezone(UTC) if isinstance(at, datetime) else now
    # The broker's time is in seconds: what dies right after a replay differs in the number of the replay alone.
    mark = f"{queue}/{reason}/{last.get('count')}/{at}/{headers.get(REPLAY_HEADER)}"
    return Death(reason, moment, _lane(queue), _text(mark, _ERROR_CHARACTERS_MAX))


def _lane(queue: str) -> Lane | None:
    name = queue.rpartition(".")[-1]
    return Lane(name) if name in list(Lane) else None


def _attempts(headers: Mapping[str, Any]) -> int:
    rungs = headers.get(ATTEMPT_HEADER, 0)
    return 1 + rungs if isinstance(rungs, int) and 0 <= rungs < 2**31 else 1


def _trace_id(headers: Mapping[str, str]) -> str | None:
    found = _TRACE_PARENT.fullmatch(headers.get("traceparent", ""))
    return found[1] if found is not None else None


def _text(value: str, length: int = _FACT_CHARACTERS_MAX) -> str:
    # Half a surrogate pair, which JSON may hold, is nothing that MongoDB stores.
    return value[:length].encode(errors="replace").decode()


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _as_it_is(message: Any) -> Any:  # noqa: ANN401 (FastStream's seam)
    return message.body
