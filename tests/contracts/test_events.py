import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from pydantic import ValidationError

from contracts.envelope import envelop, event_id, from_message, to_message
from contracts.events import BY_VERSIONED_TYPE, EVENTS, Event, RecordingUploaded
from contracts.published import EXAMPLES, SCHEMAS
from contracts.rendering import RenderParameters

CORPUS = sorted(path for path in EXAMPLES.glob("*/*.json") if path.parent.name in BY_VERSIONED_TYPE)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)

every_example = pytest.mark.parametrize("example", CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")

# What is computed without a parameter that was asked for would be the wrong image, or the wrong value.
STRICT = {"parameters", "rendering", "wish"}


def test_every_event_has_an_example() -> None:
    assert {path.parent.name for path in CORPUS} == {event.versioned_type() for event in EVENTS}


@every_example
def test_an_example_comes_back_from_the_wire_as_it_was(example: Path) -> None:
    event = _parsed(example)
    sent = envelop(event, source="test", id_=event_id(event))

    message = to_message(sent)

    assert from_message(message.headers, _bytes(message.body)) == sent


@every_example
def test_an_example_fits_the_published_schema(example: Path) -> None:
    schema = json.loads((SCHEMAS / f"{example.parent.name}.json").read_text())

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(example.read_text()))


@every_example
def test_what_is_written_fits_the_published_schema(example: Path) -> None:
    schema = json.loads((SCHEMAS / f"{example.parent.name}.json").read_text())

    Draft202012Validator(schema).validate(_parsed(example).model_dump(mode="json"))


def test_a_parameter_that_this_worker_does_not_know_is_refused_instead_of_left_out() -> None:
    newer = json.loads((EXAMPLES / "spectrogram.requested.v1" / "0001.json").read_text())
    newer["parameters"]["sharpen"] = True

    with pytest.raises(ValidationError, match="sharpen"):
        BY_VERSIONED_TYPE["spectrogram.requested.v1"].model_validate(newer)


def test_only_who_renders_an_upload_must_know_every_parameter_of_it() -> None:
    newer = json.loads((EXAMPLES / "recording.uploaded.v1" / "0002.json").read_text())
    newer["rendering"]["sharpen"] = True

    event = RecordingUploaded.model_validate(newer)

    with pytest.raises(ValidationError, match="sharpen"):
        RenderParameters.model_validate(event.rendering)


@given(st.sampled_from(CORPUS), st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_a_reader_ignores_what_a_newer_writer_adds(example: Path, added: dict[str, Any]) -> None:
    model = BY_VERSIONED_TYPE[example.parent.name]
    unknown = {name: value for name, value in added.items() if name not in model.model_fields}

    newer = _with_everywhere(json.loads(example.read_text()), unknown)

    assert model.model_validate(newer) == _parsed(example)


def test_an_event_is_a_fact_that_cannot_be_changed() -> None:
    event = _parsed(EXAMPLES / "recording.uploaded.v1" / "0001.json")

    with pytest.raises(ValidationError, match="frozen"):
        event.project_id = "another"  # type: ignore[misc]  # what must be refused


@pytest.mark.parametrize(
    "change",
    [
        {"recording_id": "../../etc/passwd"},
        {"recording_id": ""},
        {"project_id": ""},
        {"lane": "urgent"},
        {"sha256": "abc"},
        {"size_bytes": 0},
        {"rate_hz": -1},
        {"uploaded_at": "yesterday"},
    ],
    ids=str,
)
def test_an_event_with_impossible_facts_is_refused(change: dict[str, Any]) -> None:
    facts = json.loads((EXAMPLES / "recording.uploaded.v1" / "0001.json").read_text())

    with pytest.raises(ValidationError):
        RecordingUploaded.model_validate(facts | change)


def _parsed(example: Path) -> Event:
    return BY_VERSIONED_TYPE[example.parent.name].model_validate_json(example.read_bytes())


def _with_everywhere(value: Any, added: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_with_everywhere(each, added) for each in value]
    if not isinstance(value, dict):
        return value
    # The known fields come last, so that an added name never replaces one of a nested object.
    return added | {name: each if name in STRICT else _with_everywhere(each, added) for name, each in value.items()}


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode()
