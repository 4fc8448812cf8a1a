"""Every verdict, found in a history that was made to earn it, and in no other."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .checker import VERDICTS, Verdict, check, orphans
from .outcome import outcome
from .recorded import Attempt, Heard, Observed, Stored, Upload

ID = "5b0fd0f8-0000-4000-8000-000000000001"
OTHER = "5b0fd0f8-0000-4000-8000-000000000002"
SHA = "aa" * 32
ACKNOWLEDGED = Attempt(1.0, 0.1, 202, recording_id=ID)
IMAGE_KEY = f"spectrograms/{ID}/p1/standard.png"
MANIFEST_KEY = f"manifests/{ID}/p2.json"
SERIES_KEY = f"series/{ID}/e1/spectral.parquet"
MANIFEST = {"recording_id": ID, "timestamp": "now", "extractors": [{"value": 1.5, "series": {"uri": SERIES_KEY}}]}


def test_a_run_in_which_all_is_well_passes() -> None:
    verdict = check(_observed())

    assert verdict.passed
    assert (verdict.attempted, verdict.acknowledged, verdict.completed) == (1, 1, 1)
    assert (verdict.duplicate_executions, verdict.repeated_events, verdict.conflicting_events) == (0, 0, 0)
    assert (verdict.orphans, verdict.parked) == (0, 0)


def test_an_acknowledged_recording_without_a_document_is_lost() -> None:
    assert _only(check(_observed(recordings=())), "lost")


def test_a_recording_of_which_no_worker_heard_is_lost() -> None:
    observed = _observed()

    assert _only(check(replace(observed, documents={**observed.documents, "analysis": ()})), "lost")


def test_a_recording_whose_event_waits_still_is_stuck() -> None:
    waiting = {**_recording(), "outbox": [{"event_id": "e0"}]}

    assert _only(check(_observed(recordings=(waiting,), documents={"spectrogram": (), "analysis": ()})), "stuck")


def test_an_end_that_nobody_was_told_is_lost() -> None:
    assert _only(check(_observed(heard=_heard()[:1])), "lost")


def test_an_end_that_waits_to_be_told_is_stuck() -> None:
    task = {**_task("analysis"), "outbox": [{"event_id": "e2"}]}

    assert _only(check(_with_task("analysis", task, heard=_heard()[:1])), "stuck")


@pytest.mark.parametrize("state", ["queued", "processing"])
def test_a_task_that_has_not_ended_is_stuck(state: str) -> None:
    assert _only(check(_with_task("spectrogram", {**_task("spectrogram"), "state": state})), "stuck")


def test_an_image_of_other_bytes_is_wrong() -> None:
    objects = {**_objects(), IMAGE_KEY: Stored("other")}

    assert _only(check(_observed(objects=objects)), "wrong")


def test_an_object_that_a_document_names_and_is_not_there_is_wrong() -> None:
    objects = {key: stored for key, stored in _objects().items() if key != SERIES_KEY}

    assert _only(check(_observed(objects=objects)), "wrong")


def test_audio_that_is_not_what_was_sent_is_wrong() -> None:
    assert _only(check(_observed(objects={**_objects(), f"audio/{ID}/original": Stored("cut")})), "wrong")


def test_a_value_that_differs_in_the_manifest_is_wrong() -> None:
    changed = {**MANIFEST, "extractors": [{"value": 1.6, "series": {"uri": SERIES_KEY}}]}
    objects = {**_objects(), MANIFEST_KEY: Stored("x", json.dumps(changed))}

    assert _only(check(_observed(objects=objects)), "wrong")


def test_times_that_differ_in_the_manifest_are_not() -> None:
    later = {**MANIFEST, "timestamp": "later", "extractors": [{**_entry(), "processing_time": 9.0}]}

    assert check(_observed(objects={**_objects(), MANIFEST_KEY: Stored("x", json.dumps(later))})).passed


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_undocumented_answer_is_unexpected(status: int) -> None:
    assert _only(check(_observed(attempts=[Attempt(0.0, 0.1, status, "internal"), ACKNOWLEDGED])), "unexpected")


@pytest.mark.parametrize("attempt", [Attempt(0.0, 9.0, None), Attempt(0.0, 0.1, 503), Attempt(0.0, 0.1, 507)])
def test_a_documented_refusal_for_now_is_not(attempt: Attempt) -> None:
    assert check(_observed(attempts=[attempt, ACKNOWLEDGED])).passed


def test_an_upload_that_is_never_taken_is_unexpected() -> None:
    assert _only(check(_observed(attempts=[Attempt(0.0, 0.1, 503)])), "unexpected")


def test_a_task_that_ended_as_poison_is_unexpected() -> None:
    task = {**_task("analysis"), "state": "failed", "error": {"code": "poison"}}

    verdict = check(_with_task("analysis", task))

    assert verdict.count("unexpected") == 1
    assert not verdict.passed


def test_a_service_that_ended_by_itself_is_unexpected() -> None:
    assert _only(check(_observed(deaths=("analysis-1: RuntimeError",))), "unexpected")


def test_a_refusal_that_the_reference_does_not_have_is_unexpected() -> None:
    assert _only(check(_observed(attempts=[Attempt(0.0, 0.1, 422, "not_decodable")])), "unexpected")


def test_a_refusal_as_in_the_reference_is_not() -> None:
    attempts = [Attempt(0.0, 0.1, 503), Attempt(0.0, 0.1, 422, "not_decodable")]

    verdict = check(_observed(attempts=attempts, recordings=(), reference={SHA: {"refused": "not_decodable"}}))

    assert verdict.passed
    assert (verdict.refused, verdict.acknowledged, verdict.completed) == (1, 0, 0)


def test_a_task_that_was_announced_by_two_events_ended_more_than_once() -> None:
    again = replace(_heard()[0], event_id="e9", type="spectrogram.failed.v1")

    assert _only(check(_observed(heard=(*_heard(), again))), "more_than_once")


def test_an_event_with_one_id_and_two_contents_ended_more_than_once() -> None:
    verdict = check(_observed(heard=(*_heard(), replace(_heard()[0], time="later"))))

    assert _only(verdict, "more_than_once")
    assert verdict.conflicting_events == 1


def test_a_repeated_event_is_counted_and_no_fault() -> None:
    verdict = check(_observed(heard=(*_heard(), *_heard())))

    assert verdict.passed
    assert verdict.repeated_events == 2


def test_an_upload_that_was_acknowledged_as_two_recordings_is_there_more_than_once() -> None:
    attempts = [ACKNOWLEDGED, replace(ACKNOWLEDGED, recording_id=OTHER)]
    twin = {**_recording(), "_id": OTHER}

    assert check(_observed(attempts=attempts, recordings=(_recording(), twin))).count("more_than_once") == 2


def test_attempts_beyond_the_first_are_counted_and_no_fault() -> None:
    verdict = check(_with_task("spectrogram", {**_task("spectrogram"), "attempts": 3}))

    assert verdict.passed
    assert verdict.duplicate_executions == 2


def test_an_object_that_nothing_names_is_an_orphan_and_no_fault() -> None:
    left = f"audio/{OTHER}/original"

    observed = _observed(objects={**_objects(), left: Stored("left")})

    assert check(observed).passed
    assert orphans(observed) == [left]


def _only(verdict: Verdict, name: str) -> bool:
    """Tell whether this verdict has findings, and no other has."""
    return not verdict.passed and {each for each in VERDICTS if verdict.count(each)} == {name}


def _observed(attempts: list[Attempt] | None = None, **changes: Any) -> Observed:
    upload = Upload("key", "default", "tone", SHA, attempts if attempts is not None else [ACKNOWLEDGED])
    observed = Observed(
        uploads=(upload,),
        recordings=(_recording(),),
        documents={kind: (_task(kind),) for kind in ("spectrogram", "analysis")},
        heard=_heard(),
        objects=_objects(),
        reference={},
    )
    return replace(observed, **{"reference": {SHA: outcome(_recording(), observed)}, **changes})


def _with_task(kind: str, task: dict[str, Any], **changes: Any) -> Observed:
    observed = _observed(**changes)
    return replace(observed, documents={**observed.documents, kind: (task,)})


def _recording() -> dict[str, Any]:
    return {
        "_id": ID,
        "project_id": "default",
        "sha256": SHA,
        "state": "completed",
        "current": True,
        "object_key": f"audio/{ID}/original",
        "outbox": [],
    }


def _task(kind: str) -> dict[str, Any]:
    named: dict[str, Callable[[], dict[str, Any]]] = {
        "spectrogram": lambda: {"parameters_id": "p1", "images": {"standard": {"key": IMAGE_KEY}}},
        "analysis": lambda: {"parameters_id": "p2", "manifest_key": MANIFEST_KEY, "extractors": [_entry()]},
    }
    return {"recording_id": ID, "state": "completed", "attempts": 1, "outbox": [], "error": None, **named[kind]()}


def _entry() -> dict[str, Any]:
    return {"value": 1.5, "series": {"uri": SERIES_KEY}}


def _heard() -> tuple[Heard, ...]:
    return (
        Heard("e1", "spectrogram.completed.v1", ID, "soon", {"parameters_id": "p1"}),
        Heard("e2", "analysis.completed.v1", ID, "soon", {"parameters_id": "p2"}),
    )


def _objects() -> dict[str, Stored]:
    return {
        f"audio/{ID}/original": Stored(SHA),
        IMAGE_KEY: Stored("image"),
        MANIFEST_KEY: Stored("manifest", json.dumps(MANIFEST)),
        SERIES_KEY: Stored("series"),
    }
