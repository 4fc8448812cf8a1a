"""Messages that somebody who reached the broker could publish, past every outbox."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from contracts.envelope import envelop, to_message
from contracts.events import Event, RecordingUploaded, SpectrogramRequested
from contracts.rendering import RenderParameters
from contracts.topology import EVENTS_EXCHANGE, RETRY_DELAYS_S, work_queue_name
from contracts.vocabulary import Lane

from .case import PARKED, PASSED_OVER, REFUSED, Case, Door

SERVICE = "spectrogram"
QUEUE = work_queue_name(SERVICE, Lane.BULK)
# To a queue by its name, through the exchange without one.
DIRECT = ""
REPLY_QUEUE = "corpus.replies"

# After this nobody waits for a replica that knows what this one does not.
LAST_RUNG = {"x-attempt": len(RETRY_DELAYS_S)}


@dataclass(frozen=True)
class Message:
    """What is published: to one queue, or to the exchange of events; `properties` are AMQP's own."""

    headers: dict[str, Any]
    body: bytes
    exchange: str = DIRECT
    routing_key: str = QUEUE
    properties: dict[str, Any] = field(default_factory=dict)
    copies: int = 1


Change = Callable[[Message], Message]
# Of an event about a recording that is here and done with.
Build = Callable[[RecordingUploaded], Message]


def messages() -> Iterator[Case]:
    """Yield every one of them; each takes the event of a recording that is here, and has ended."""
    for table, ends in (
        (_bodies(), {PARKED}),
        (_too_large(), {REFUSED}),
        (_headers(), {PARKED}),
        (_facts(), {PARKED}),
        (_properties(), {PASSED_OVER, PARKED}),
    ):
        for name, build in table.items():
            yield Case(f"message: {name}", "message", Door.MESSAGE, partial(partial, build), frozenset(ends))


def told(event: Event) -> Message:
    """Return the message of an event, as ingest's relay sends it, but to one queue."""
    message = to_message(envelop(event, source="corpus", id_=str(uuid.uuid4())))
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return Message(dict(message.headers), body)


def _bodies() -> dict[str, Build]:
    bodies: dict[str, bytes] = {
        "nothing": b"",
        "no JSON": b"{]",
        "half of it": b'{"recording_id": "0192f0c1',
        "bad UTF-8": b'{"recording_id": "\xff\xfe"}',
        "UTF-16": '{"recording_id": "x"}'.encode("utf-16"),
        "null": b"null",
        "a list": b"[]",
        "a number": b"9" * 5000,
        "NaN": b'{"recording_id": NaN}',
        "a hundred thousand brackets": b"[" * 100_000,
        "a hundred thousand objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "half a pair": b'{"recording_id": "\\ud800"}',
        "the schema of another": b'{"images": []}',
        "Python's pickle": b"\x80\x04\x95\x1a\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "3 MB of JSON": b"[" + b"0," * 1_500_000 + b"0]",
    }
    return {f"body of {name}": partial(_with, change=_body(body)) for name, body in bodies.items()}


def _too_large() -> dict[str, Build]:
    bodies = {"20 MB of JSON": b"[" + b"0," * 10_000_000 + b"0]", "100 MB of noughts": bytes(100_000_000)}
    return {f"body of {name}": partial(_with, change=_body(body)) for name, body in bodies.items()}


def _headers() -> dict[str, Build]:
    changes: dict[str, Change] = {
        "no headers": lambda each: replace(each, headers={}),
        "no id": lambda each: _without(each, "ce-id"),
        "no type": lambda each: _without(each, "ce-type"),
        "no version of CloudEvents": lambda each: _without(each, "ce-specversion"),
        "another version of CloudEvents": lambda each: _headed(each, {"ce-specversion": "9.9"}),
        "the next version": lambda each: _headed(
            each, {"ce-type": "recording.uploaded.v2", "x-attempt": len(RETRY_DELAYS_S)}
        ),
        "a type that is none": lambda each: _headed(each, {"ce-type": "recording.exploded.v1"}),
        "a type of ours that is not for it": lambda each: _headed(each, {"ce-type": "task.progressed.v1"}),
        "a type of 100 kB": lambda each: _headed(each, {"ce-type": "t" * 100_000}),
        "a type that is a number": lambda each: _headed(each, {"ce-type": 7}),
        "a time that is none": lambda each: _headed(each, {"ce-time": "never"}),
        "an id of nothing": lambda each: _headed(each, {"ce-id": ""}),
        "a thousand more headers": lambda each: _headed(
            _body(b"{]")(each), {f"x-{number}": "x" * 50 for number in range(1000)}
        ),
        "a header of tables": lambda each: _headed(_body(b"{[")(each), {"traceparent": {"a": [{"b": 1}]}}),
        "deaths of its own": lambda each: _headed(_body(b"{x")(each), {"x-death": ["once"], "x-delivery-count": -5}),
        "rungs that are none": lambda each: _headed(_body(b"{y")(each), {"x-attempt": "many"}),
    }
    return {name: partial(_with, change=change) for name, change in changes.items()}


def _facts() -> dict[str, Build]:
    facts: dict[str, dict[str, Any]] = {
        "a recording that does not exist": {"recording_id": "00000000-0000-4000-8000-000000000000"},
        "a path for an id": {"recording_id": "../../../../etc/passwd/../../../aaaa"},
        "a query for an id": {"recording_id": {"$gt": ""}},
        "a recording of 36 dashes": {"recording_id": "-" * 36},
        "no recording": {"recording_id": None},
        "a project of 10 kB": {"project_id": "p" * 10_000},
        "no project": {"project_id": ""},
        "a hash that is none": {"sha256": "0"},
        "a size of nothing": {"size_bytes": 0},
        "a size below nothing": {"size_bytes": -1},
        "a rate of nothing": {"rate_hz": 0},
        "no channels": {"channels": 0},
        "a duration below nothing": {"duration_claimed_s": -1.0},
        "a lane that is none": {"lane": "fast"},
        "a day for a time": {"uploaded_at": "yesterday"},
        "a year that is none": {"uploaded_at": "99999-01-01T00:00:00Z"},
    }
    unknown = {
        "another project's recording": {"project_id": "another"},
        "another hash": {"sha256": "f" * 64},
        "a size of 2^200": {"size_bytes": 2**200},
        "a size of 10 TB": {"size_bytes": 10**13},
        "a size of one byte": {"size_bytes": 1},
    }
    # Nothing is left to do of the recording itself: of its copy under an id that nobody gave, everything would be.
    known = {name: partial(_saying, changed=changed) for name, changed in facts.items()}
    nobody = {name: partial(_of_nobody, changed=changed) for name, changed in unknown.items()}
    return known | nobody | {"another project's wish": _wish_of_another}


def _properties() -> dict[str, Build]:
    properties: dict[str, dict[str, Any]] = {
        "reply to": {"reply_to": REPLY_QUEUE, "correlation_id": "1"},
        "the highest priority": {"priority": 255},
        "a life of one millisecond": {"expiration": timedelta(milliseconds=1)},
        "a type in XML": {"content_type": "text/xml"},
        "a type of Python's pickle": {"content_type": "application/x-python-serialize"},
        "gzip that is none": {"content_encoding": "gzip"},
        "another application": {"app_id": "somebody", "type": "somebody.else"},
        "a time to come": {"timestamp": datetime(2100, 1, 1, tzinfo=UTC)},
        "a message id of 255 letters": {"message_id": "m" * 255},
    }
    builds: dict[str, Build] = {name: partial(_with, change=_proper(given)) for name, given in properties.items()}
    return builds | {
        "gzip that is some": partial(_with, change=_zipped),
        "the same a hundred times": partial(_with, change=lambda each: replace(each, copies=100)),
        "more in its data": partial(_saying, changed={"broker": "x", "equipment": None, "more": [1] * 1000}),
        "a duration of 1e308 s": partial(_saying, changed={"duration_claimed_s": 1e308}),
        "from the future": partial(_saying, changed={"uploaded_at": "9999-12-31T23:59:59Z"}),
        "from long ago": partial(_saying, changed={"uploaded_at": "0001-01-01T00:00:00Z"}),
        "to all who listen": partial(_with, change=_broadcast),
    }


def _with(event: RecordingUploaded, *, change: Change) -> Message:
    return change(told(event))


def _saying(event: RecordingUploaded, *, changed: dict[str, Any]) -> Message:
    message = told(event)
    return replace(message, body=json.dumps({**json.loads(message.body), **changed}).encode())


def _of_nobody(event: RecordingUploaded, *, changed: dict[str, Any]) -> Message:
    return _saying(event, changed={"recording_id": str(uuid.uuid4()), **changed})


def _wish_of_another(event: RecordingUploaded) -> Message:
    wish = SpectrogramRequested(
        **{**event.subject_facts(), "project_id": "another"},
        sha256=event.sha256,
        container=event.container,
        parameters=RenderParameters(window_size=512),
        requested_at=datetime.now(UTC),
    )
    return told(wish)


def _body(body: bytes) -> Change:
    return lambda message: replace(message, body=body)


def _headed(message: Message, headers: dict[str, Any]) -> Message:
    return replace(message, headers={**message.headers, **headers})


def _without(message: Message, name: str) -> Message:
    return replace(message, headers={key: value for key, value in message.headers.items() if key != name})


def _proper(properties: dict[str, Any]) -> Change:
    return lambda message: replace(message, properties=properties)


def _zipped(message: Message) -> Message:
    return replace(message, body=gzip.compress(message.body), properties={"content_encoding": "gzip"})


def _broadcast(message: Message) -> Message:
    return replace(
        _body(b'{"recording_id": 1}')(message), exchange=EVENTS_EXCHANGE, routing_key="recording.uploaded.v1.bulk"
    )
