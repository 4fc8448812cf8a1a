import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from contracts.canonical import canonical_json
from contracts.envelope import (
    BODY_BYTES_MAX,
    Envelope,
    MalformedEventError,
    envelop,
    event_id,
    from_message,
    to_json,
    to_message,
)
from contracts.events import RecordingDeleted
from contracts.vocabulary import Lane

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DELETED = RecordingDeleted(
    recording_id="0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10", project_id="default", lane=Lane.BULK, deleted_at=NOON
)
OTHER = DELETED.model_copy(update={"recording_id": "0192f0c1-5b7e-4a51-9a52-000000000000"})


def test_the_headers_and_the_body_are_those_of_binary_mode() -> None:
    message = to_message(_envelope())

    assert message.headers == {
        "ce-specversion": "1.0",
        "ce-id": "id-1",
        "ce-source": "dawnchorus/test",
        "ce-type": "recording.deleted.v1",
        "ce-subject": DELETED.recording_id,
        "ce-time": "2026-11-21T12:00:00Z",
        "ce-dataschema": "urn:dawnchorus:schema:recording.deleted.v1",
    }
    assert message.content_type == "application/json"
    assert json.loads(_body(message)) == {
        "recording_id": DELETED.recording_id,
        "project_id": "default",
        "lane": "bulk",
        "batch_id": None,
        "deleted_at": "2026-11-21T12:00:00Z",
    }


def test_other_systems_read_our_events_with_the_cloudevents_package() -> None:
    message = to_message(_envelope())

    read = from_binary(RabbitMQMessage(message.headers, message.content_type, message.body), JSONFormat(), CloudEvent)

    assert (read.get_id(), read.get_type(), read.get_subject()) == (
        "id-1",
        "recording.deleted.v1",
        DELETED.recording_id,
    )
    assert read.get_time() == NOON
    assert read.get_data() == DELETED.model_dump(mode="json")


def test_we_read_an_event_that_the_cloudevents_package_wrote() -> None:
    attributes = {"id": "a", "source": "elsewhere", "type": "recording.deleted.v1", "time": NOON, "specversion": "1.0"}
    written = to_binary(CloudEvent(attributes, DELETED.model_dump(mode="json")), JSONFormat())

    read = from_message(written.headers, _body(written))

    assert read.event == DELETED
    assert (read.id, read.source, read.time) == ("a", "elsewhere", NOON)


def test_the_structured_form_is_a_cloud_event_too() -> None:
    read = JSONFormat().read(CloudEvent, json.dumps(to_json(_envelope())))

    assert (read.get_id(), read.get_time()) == ("id-1", NOON)
    assert read.get_data() == DELETED.model_dump(mode="json")


def test_what_brokers_and_tracers_add_to_the_headers_is_no_hindrance() -> None:
    message = to_message(_envelope())
    added: dict[str, Any] = {"traceparent": "00-1-2-01", "x-attempt": 2, "x-death": [{"count": 1, "time": NOON}]}

    assert from_message({**message.headers, **added}, _body(message)) == _envelope()


def test_the_routing_key_is_type_and_lane() -> None:
    assert _envelope().routing_key == "recording.deleted.v1.bulk"


def test_equal_facts_have_equal_ids() -> None:
    later = DELETED.model_copy(update={"deleted_at": datetime.now(UTC)})

    assert event_id(later, parameters_id="p") == event_id(DELETED, parameters_id="p")


@pytest.mark.parametrize(
    "other",
    [
        lambda: event_id(DELETED, parameters_id="p", run=2),
        lambda: event_id(DELETED, parameters_id="q"),
        lambda: event_id(OTHER, parameters_id="p"),
    ],
    ids=["another run", "other parameters", "another recording"],
)
def test_other_facts_have_other_ids(other: Callable[[], str]) -> None:
    assert other() != event_id(DELETED, parameters_id="p")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"ce-type": "recording.deleted.v9"}, None),
        ({"ce-type": "invoice.paid.v1"}, None),
        ({"ce-id": None}, None),
        ({"ce-type": None}, None),
        ({"ce-source": None}, None),
        ({"ce-specversion": "0.3"}, None),
        ({"ce-time": "noon"}, None),
        ({}, b"{}"),
        ({}, b'{"recording_id": 7}'),
        ({}, b"[1, 2]"),
        ({}, b"null"),
        ({}, b""),
        ({}, b'{"recording_id": '),
        ({}, b"\xff\xfe\x00"),
        ({}, b"[" * 100_000),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_message_that_is_no_event_of_ours_is_called_malformed(
    headers: dict[str, str | None], body: bytes | None
) -> None:
    good = to_message(_envelope())
    changed = {name: value for name, value in {**good.headers, **headers}.items() if value is not None}

    with pytest.raises(MalformedEventError):
        from_message(changed, _body(good) if body is None else body)


def test_a_message_without_any_header_is_called_malformed() -> None:
    with pytest.raises(MalformedEventError):
        from_message({}, _body(to_message(_envelope())))


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": [1, {"d": "ä", "c": 2}], "a": None}) == '{"a":null,"b":[1,{"c":2,"d":"ä"}]}'


def _envelope() -> Envelope:
    return envelop(DELETED, source="test", id_="id-1", time=NOON)


def _body(message: RabbitMQMessage) -> bytes:
    return message.body if isinstance(message.body, bytes) else str(message.body).encode()


def test_a_body_larger_than_any_event_is_not_even_read() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "test", "ce-type": "recording.uploaded.v1"}

    with pytest.raises(MalformedEventError, match=f"more than {BODY_BYTES_MAX}"):
        from_message(headers, b" " * (BODY_BYTES_MAX + 1))
