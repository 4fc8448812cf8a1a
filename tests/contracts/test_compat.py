import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from contracts.compat import breaking_changes
from contracts.published import PUBLISHED, schema_of
from contracts.vocabulary import Fault, Lane

Change = Callable[[dict[str, Any]], object]


class Example(BaseModel):
    """One field of every kind that events have."""

    id: str = Field(pattern="^[0-9a-f]+$", min_length=1)
    lane: Lane
    share: float = Field(ge=0, le=1)
    length_s: float | None = Field(default=None, ge=0)
    error: Fault
    cause: Fault | None = None
    faults: tuple[Fault, ...] = ()


SCHEMA = Example.model_json_schema(mode="serialization")
ANY_PUBLISHED = st.sampled_from(sorted(PUBLISHED))
NAMES = st.text(min_size=1).filter(lambda name: name not in SCHEMA["properties"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s["properties"].pop("lane"), "lane was removed"),
        (lambda s: s["$defs"]["Fault"]["properties"].pop("code"), "error.code was removed"),
        (
            lambda s: s["properties"].update(new={"type": "string"}) or s["required"].append("new"),
            "new became required",
        ),
        (lambda s: s["required"].remove("share"), "share is no longer always there"),
        (lambda s: s["properties"]["share"].update(type="string"), "share changed its type"),
        (lambda s: s["properties"]["id"].update(pattern=".*"), "id changed its pattern"),
        (lambda s: s["properties"]["id"].pop("pattern"), "id changed its pattern"),
        (lambda s: s["properties"]["id"].pop("minLength"), "id changed its minLength"),
        (lambda s: s["$defs"]["Lane"]["enum"].append("urgent"), "lane changed its enum"),
        (lambda s: s["$defs"]["Lane"]["enum"].pop(), "lane changed its enum"),
        (lambda s: s["properties"]["share"].update(minimum=-1), "share changed its minimum"),
        (lambda s: s["properties"]["share"].update(maximum=100), "share changed its maximum"),
        (lambda s: s["properties"]["length_s"]["anyOf"][0].pop("minimum"), "length_s changed its minimum"),
        (lambda s: s["properties"]["length_s"]["anyOf"].pop(), "length_s changed its type"),
        (lambda s: s["$defs"]["Fault"]["required"].remove("code"), "cause.code is no longer always there"),
        (lambda s: s["$defs"]["Fault"]["properties"]["code"].update(type="integer"), "faults[].code changed its type"),
    ],
)
def test_a_change_that_breaks_readers_is_told(change: Change, told: str) -> None:
    changes = breaking_changes(SCHEMA, _changed(change))

    assert any(sentence.startswith(told) for sentence in changes), changes


@given(NAMES, st.sampled_from(["string", "integer", "array", "null"]))
def test_an_added_optional_field_breaks_nobody(name: str, type_: str) -> None:
    changed = _changed(lambda schema: schema["properties"].update({name: {"type": type_}}))

    assert breaking_changes(SCHEMA, changed) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(description="said better"),
        lambda s: s["properties"]["id"].update(title="Another", examples=["abc"]),
        lambda s: s["$defs"].update(Unused={"type": "string"}),
        lambda s: s["required"].reverse(),
    ],
)
def test_words_and_order_break_nobody(change: Change) -> None:
    assert breaking_changes(SCHEMA, _changed(change)) == []


@given(ANY_PUBLISHED)
def test_what_is_published_is_compatible_with_itself(name: str) -> None:
    assert breaking_changes(schema_of(name), json.loads(json.dumps(schema_of(name)))) == []


@given(ANY_PUBLISHED, st.data())
def test_no_published_field_can_be_removed_in_silence(name: str, data: st.DataObject) -> None:
    schema = schema_of(name)
    field = data.draw(st.sampled_from(sorted(schema["properties"])))
    changed = copy.deepcopy(schema)
    changed["properties"].pop(field)

    assert f"{field} was removed" in breaking_changes(schema, changed)


def _changed(change: Change) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    change(schema)
    return schema
