"""Events on the wire: CloudEvents 1.0, binary mode, in RabbitMQ headers."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_binary, to_binary
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from .events import BY_VERSIONED_TYPE, Event

CONTENT_TYPE = "application/json"
SCHEMA_BASE = "urn:dawnchorus:schema:"

# Ours have some kilobytes; what is larger is not even read.
BODY_BYTES_MAX = 2_000_000

_REQUIRED = {"ce-specversion", "ce-id", "ce-source", "ce-type"}

# A namespace of our own, so that ids of equal facts are equal wherever they are made.
_NAMESPACE = uuid.UUID("6f0b2a3e-7f0c-5d27-9a64-1d1f0c9f2f55")


class MalformedEventError(ValueError):
    """The message is no event of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"This message is no event of ours: {self.args[0]}."


class UnknownVersionError(MalformedEventError):
    """The message is a newer version of an event of ours: who is rolled out next may know it."""


@dataclass(frozen=True)
class Envelope:
    """The attributes around an event's data."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    event: Event

    @property
    def routing_key(self) -> str:
        """Type and lane, for example `recording.uploaded.v1.bulk`."""
        return f"{self.type}.{self.event.lane}"


def event_id(event: Event, *, parameters_id: str = "", run: int = 1) -> str:
    """Return the UUIDv5 of type, recording, parameters and run: a repeated fact has the same id."""
    facts = (event.versioned_type(), event.recording_id, parameters_id, str(run))
    return str(uuid.uuid5(_NAMESPACE, "/".join(facts)))


def envelop(event: Event, *, source: str, id_: str, time: datetime | None = None) -> Envelope:
    """Put the attributes of CloudEvents around `event`."""
    return Envelope(
        id=id_,
        source=f"dawnchorus/{source}",
        type=event.versioned_type(),
        subject=event.recording_id,
        time=time or datetime.now(UTC),
        event=event,
    )


def to_message(envelope: Envelope) -> RabbitMQMessage:
    """Return headers, content type and body for the broker."""
    attributes = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time,
        "dataschema": f"{SCHEMA_BASE}{envelope.type}",
        "datacontenttype": CONTENT_TYPE,
    }
    return to_binary(CloudEvent(attributes, envelope.event.model_dump(mode="json")), JSONFormat())


def from_message(headers: Mapping[str, Any], body: bytes) -> Envelope:
    """Read an event back; a type or version that is not ours, or wrong data, raises `MalformedEventError`."""
    attributes = {name: str(value) for name, value in headers.items() if name.lower().startswith("ce-")}
    if len(body) > BODY_BYTES_MAX:
        raise MalformedEventError(f"it has {len(body)} bytes, more than {BODY_BYTES_MAX}")
    # The package would make up an id, and then no redelivery could be told from a new event.
    if missing := _REQUIRED - {name.lower() for name in attributes}:
        raise MalformedEventError(f"it has no {', '.join(sorted(missing))}")
    try:
        cloud_event = from_binary(RabbitMQMessage(attributes, CONTENT_TYPE, body), JSONFormat(), CloudEvent)
        event = _model(cloud_event.get_type()).model_validate(cloud_event.get_data())
    except MalformedEventError:
        raise
    except (BaseCloudEventException, CloudEventValidationError, ValueError, RecursionError) as error:
        raise MalformedEventError(str(error)) from error
    return Envelope(
        id=cloud_event.get_id(),
        source=cloud_event.get_source(),
        type=cloud_event.get_type(),
        subject=cloud_event.get_subject() or event.recording_id,
        time=cloud_event.get_time() or datetime.now(UTC),
        event=event,
    )


def _model(type_: str) -> type[Event]:
    model = BY_VERSIONED_TYPE.get(type_)
    if model is not None:
        return model
    name, _, version = type_.rpartition(".v")
    known = [each.version for each in BY_VERSIONED_TYPE.values() if each.type == name]
    if known and version.isascii() and version.isdecimal() and len(version) < 5 and int(version) > max(known):
        raise UnknownVersionError(f"version {version} of {name} is not known here yet")
    raise MalformedEventError(f"unknown type '{type_}'")


def to_json(envelope: Envelope) -> dict[str, Any]:
    """Return the structured form, for people and for Server-Sent Events."""
    return {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time.isoformat().replace("+00:00", "Z"),
        "data": envelope.event.model_dump(mode="json"),
    }
