from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.documents import AnalysisDocument, AudioFacts, RecordingDocument, SpectrogramDocument, StoredImage
from contracts.vocabulary import Fault, Lane, State
from services.gateway.views import overall_status, summary, view

ID = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FAULT = Fault(code="poison", sentence="It failed.", next_step="Ask.")
AUDIO = AudioFacts(container="flac", codec="flac", rate_hz=44_100, channels=1, duration_claimed_s=60.0)

Q, P, C, A, F = State.QUEUED, State.PROCESSING, State.COMPLETED, State.PARTIAL, State.FAILED


@pytest.mark.parametrize(
    ("spectrogram", "analysis", "whole"),
    [
        (None, None, Q),
        (Q, None, Q),
        (P, None, P),
        (None, P, P),
        (P, P, P),
        (C, None, P),
        (None, C, P),
        (C, Q, P),
        (C, P, P),
        (F, P, P),
        (F, Q, P),
        (C, C, C),
        (C, A, A),
        (C, F, A),
        (F, C, A),
        (F, A, A),
        (F, F, F),
    ],
)
def test_one_word_says_where_the_whole_stands(spectrogram: State | None, analysis: State | None, whole: State) -> None:
    assert overall_status(_recording(), _spectrogram(spectrogram), _analysis(analysis)) is whole


@pytest.mark.parametrize("task", [None, Q, C])
def test_a_recording_that_was_refused_has_failed_whatever_else(task: State | None) -> None:
    assert overall_status(_recording(state=F), _spectrogram(task), _analysis(task)) is F


def test_nothing_is_done_for_a_recording_that_was_refused() -> None:
    shown = view(_recording(state=F, error=FAULT, audio=None), None, None)

    assert (shown.spectrogram.status, shown.analysis.status) == (State.SKIPPED, State.SKIPPED)
    assert shown.audio is None
    assert [(error.part, error.code) for error in shown.errors] == [("recording", "poison")]


def test_of_what_lies_beside_the_manifest_no_key_is_shown() -> None:
    series = {"uri": "series/r/x/spectral.parquet", "frames": 7, "units": {}, "size_bytes": 5}
    attachment = {"uri": "attachments/r/x/fingerprint", "media_type": "application/x", "size_bytes": 9}
    entries = ({"name": "spectral", "series": series}, {"name": "fingerprint", "attachment": attachment})

    shown = view(_recording(), None, _analysis(C, extractors=entries)).analysis.extractors

    assert shown[0]["series"]["href"] == f"/v1/recordings/{ID}/analysis/series/spectral.parquet"
    assert shown[1]["attachment"] == {"media_type": "application/x", "size_bytes": 9}
    assert "attachments/" not in str(shown)
    assert "x/spectral" not in str(shown)


def test_what_has_not_begun_is_queued_and_has_no_results() -> None:
    shown = view(_recording(), None, None)

    assert (shown.spectrogram.status, shown.analysis.status) == (Q, Q)
    assert (shown.spectrogram.images, shown.analysis.extractors, shown.errors) == ({}, [], [])
    assert shown.completed_at is None


def test_every_failed_part_says_why() -> None:
    shown = view(_recording(), _spectrogram(F, error=FAULT), _analysis(F, error=FAULT))

    assert [(error.part, error.sentence, error.next_step) for error in shown.errors] == [
        ("spectrogram", "It failed.", "Ask."),
        ("analysis", "It failed.", "Ask."),
    ]


def test_a_part_that_succeeded_has_no_error() -> None:
    shown = view(_recording(), _spectrogram(C), _analysis(F, error=FAULT))

    assert [error.part for error in shown.errors] == ["analysis"]


def test_an_image_that_is_rendered_anew_has_another_url() -> None:
    image = StoredImage(key="spectrograms/a/b.png", size_bytes=1000, geometry={"width": 800})
    tasks = [_spectrogram(C, images={"standard": image}, fence=fence) for fence in (1, 2, 2)]

    first, second, again = (view(_recording(), task, None).spectrogram.images["standard"].href for task in tasks)

    assert first != second == again


def test_images_link_to_where_they_are_served_and_never_to_storage() -> None:
    image = StoredImage(key="spectrograms/secret/key.png", size_bytes=1000, geometry={"width": 800})

    shown = view(_recording(), _spectrogram(C, images={"standard": image}), None)

    href = shown.spectrogram.images["standard"].href
    assert href.partition("&version=")[0] == f"/v1/recordings/{ID}/spectrogram?resolution=standard"
    assert shown.spectrogram.images["standard"].geometry == {"width": 800}
    assert "secret" not in shown.model_dump_json()


def test_a_claimed_duration_stands_beside_the_decoded_one() -> None:
    shown = view(_recording(), _spectrogram(C, duration_decoded_s=41.2), None)

    assert shown.audio is not None
    assert (shown.audio.duration_claimed_s, shown.audio.duration_decoded_s) == (60.0, 41.2)
    assert shown.duration_s == 41.2


def test_before_it_is_decoded_a_recording_is_as_long_as_its_header_says() -> None:
    assert summary(_recording(), None, None).duration_s == 60.0


def test_a_recording_without_sound_is_zero_seconds_long() -> None:
    assert summary(_recording(), _spectrogram(C, duration_decoded_s=0.0), None).duration_s == 0.0


def test_the_whole_is_completed_when_its_last_part_is() -> None:
    first, last = NOON + timedelta(seconds=2), NOON + timedelta(seconds=5)

    shown = view(_recording(), _spectrogram(C, completed_at=first), _analysis(C, completed_at=last))

    assert shown.completed_at == last
    assert shown.timings_s == {"images_after_upload": 2.0, "analysis_after_upload": 5.0}


def test_what_is_still_being_worked_on_is_not_completed() -> None:
    assert view(_recording(), _spectrogram(C, completed_at=NOON), _analysis(P)).completed_at is None


def test_nothing_of_the_outbox_is_shown() -> None:
    assert "outbox" not in view(_recording(), _spectrogram(C), _analysis(C)).model_dump_json()


def _recording(**facts: Any) -> RecordingDocument:
    known: dict[str, Any] = {
        "id": ID,
        "project_id": "default",
        "name": "dawn.flac",
        "lane": Lane.INTERACTIVE,
        "state": State.COMPLETED,
        "sha256": "0" * 64,
        "size_bytes": 1000,
        "audio": AUDIO,
        "uploaded_at": NOON,
        "trace_id": "f" * 32,
        "current": True,
    }
    return RecordingDocument(**known | facts)


def _spectrogram(state: State | None, **facts: Any) -> SpectrogramDocument | None:
    return None if state is None else SpectrogramDocument(**_task(state) | facts)


def _analysis(state: State | None, **facts: Any) -> AnalysisDocument | None:
    return None if state is None else AnalysisDocument(**_task(state) | facts)


def _task(state: State) -> dict[str, Any]:
    return {
        "id": f"{ID}/p",
        "recording_id": ID,
        "project_id": "default",
        "parameters_id": "p",
        "parameters": {},
        "state": state,
        "created_at": NOON,
    }
