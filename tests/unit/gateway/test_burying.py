"""What is kept of a parked message, whatever it is."""

import math
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.dead_letters import BODY_BYTES_MAX, DeadLetterDocument
from contracts.envelope import envelop, to_message
from contracts.events import RecordingDeleted
from contracts.vocabulary import Lane
from services.gateway.burying import dead_letter

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIED = datetime(2026, 11, 21, 11, tzinfo=UTC)
RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
EVENT = RecordingDeleted(recording_id=RECORDING, project_id="night", deleted_at=NOW)
MESSAGE = to_message(envelop(EVENT, source="test", id_="e1"))
DEATH = {"count": 1, "queue": "analysis.work.interactive", "reason": "rejected", "time": DIED}

# Halves of surrogate pairs, too, which JSON may hold and MongoDB does not.
_text = st.text(st.characters(exclude_categories=()))
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | _text | st.binary() | st.just(NOW)
_anything = st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
_names = st.sampled_from(["ce-id", "ce-type", "ce-specversion", "ce-source", "x-death", "x-attempt", "traceparent"])


@example(headers={"ce-id": "\ud800", "x-death": [{"queue": "\ud800", "reason": "\ud800"}]}, body=b"")
@given(headers=st.dictionaries(_names | _text, _anything), body=st.binary())
def test_whatever_is_parked_can_be_kept(headers: dict[str, Any], body: bytes) -> None:
    letter = dead_letter("analysis", headers, body, NOW)

    kept = bson.decode(bson.encode(letter.model_dump(by_alias=True)))
    assert (kept["body"], kept["project_id"]) == (body, None)


def test_an_event_says_whose_it_was_and_where_it_died() -> None:
    letter = _letter()

    assert (letter.project_id, letter.recording_id, letter.event_id) == ("night", RECORDING, "e1")
    assert (letter.lane, letter.reason, letter.last_at) == (Lane.INTERACTIVE, "rejected", DIED)
    assert letter.error is None
    assert letter.replayable


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"\xff\xfe"},
        {"body": b"x" * (BODY_BYTES_MAX + 1)},
        {"x-death": None},
        {"ce-subject": "x" * 5000},
    ],
    ids=["no text", "too large", "nobody knows the lane", "a header too long"],
)
def test_what_is_not_whole_is_not_sent_again(change: dict[str, Any]) -> None:
    assert not _letter(**change).replayable


@pytest.mark.parametrize("attempts", [-1, True, 2**40, "7", math.nan, None])
def test_an_odd_count_of_attempts_counts_as_none_before(attempts: object) -> None:
    assert _letter(**{"x-attempt": attempts}).attempts in (1, 2)


def test_one_message_is_one_letter_and_another_death_of_it_has_another_mark() -> None:
    first, again = _letter(), _letter(**{"x-replay": "1"})

    assert first.id == again.id
    assert first.death != again.death
    assert _letter(**{"ce-id": "e2"}).id != first.id


def _letter(**changes: Any) -> DeadLetterDocument:
    body = changes.pop("body", MESSAGE.body)
    content = body if isinstance(body, bytes) else str(body).encode()
    headers = {**MESSAGE.headers, "x-death": [DEATH], **changes}
    return dead_letter("analysis", headers, content, NOW)
