"""One trace from the upload to the image, in the spans that real processes exported."""

import re
from pathlib import Path

import pytest

from deploy.local.waiting import wait_until
from tests.audio import tone, write
from tests.spans import ReceivedSpan, SpanSink, edges, tree
from tests.system import System

pytestmark = pytest.mark.servers

UPLOAD = "gateway: POST /v1/recordings"
TAKE = "ingest: POST /recordings"
UPLOADED = "dawnchorus.events:recording.uploaded.v1.interactive"
SEND = f"ingest: send {UPLOADED}"

FILE_NAME = "screech-owl-by-the-pond"

EXPECTED_EDGES = {
    (UPLOAD, "gateway: POST"),
    ("gateway: POST", TAKE),
    (TAKE, "ingest: S3.PutObject"),
    (TAKE, "ingest: probe"),
    (TAKE, SEND),
    (SEND, f"spectrogram: process {UPLOADED}"),
    (SEND, f"analysis: process {UPLOADED}"),
    ("spectrogram: spectrogram fetch", "spectrogram: S3.GetObject"),
    ("spectrogram: spectrogram store", "spectrogram: S3.PutObject"),
    ("analysis: analysis store", "analysis: S3.PutObject"),
    (f"spectrogram: process {UPLOADED}", "spectrogram: spectrogram compute"),
    (
        f"spectrogram: process {UPLOADED}",
        "spectrogram: send dawnchorus.events:spectrogram.completed.v1.interactive",
    ),
    (f"analysis: process {UPLOADED}", "analysis: send dawnchorus.events:analysis.completed.v1.interactive"),
}


def test_one_trace_runs_from_the_upload_to_both_results(system: System, sink: SpanSink, tmp_path: Path) -> None:
    found = system.ended(system.upload(write(tmp_path / "traced.wav", tone(505.0))).json()["id"])

    wait_until(lambda: not EXPECTED_EDGES - edges(sink.of_trace(found["trace_id"])), timeout_s=20)

    spans = sink.of_trace(found["trace_id"])
    print(tree(spans))  # noqa: T201 (shown by `pytest -s`: the trace of one recording)
    assert EXPECTED_EDGES - edges(spans) == set()
    assert [_is_mongodb(name) for _, name in edges(spans)].count(True) >= 3
    consumers = [span for span in spans if span.name.startswith("process ")]
    senders = {span.span_id for span in spans if span.name.startswith("send ")}
    assert all(set(span.links) & senders for span in consumers)


def test_a_span_says_which_recording_and_which_attempt_and_never_a_name_or_a_query(
    system: System, sink: SpanSink, tmp_path: Path
) -> None:
    named = system.upload(write(tmp_path / "x.wav", tone(508.0)), name=f"{FILE_NAME}.wav", tags=FILE_NAME).json()
    found = system.ended(named["id"])
    system.client.get(f"/v1/recordings/{found['id']}", params={"q": FILE_NAME})
    system.client.get(f"/{FILE_NAME}.php", params={"q": FILE_NAME})

    wait_until(lambda: len(_consumed(sink, found["trace_id"])) == 2, timeout_s=20)

    for consumed in _consumed(sink, found["trace_id"]):
        attributes = consumed.attributes
        assert attributes["recording.id"] == found["id"]
        assert (attributes["task.attempt"], attributes["task.lane"]) == ("1", "interactive")
        assert attributes["messaging.destination.name"] == UPLOADED
    system.until(lambda: bool(sink.named("GET unmatched")), within_s=20)
    assert [each.name for each in sink.all() if FILE_NAME in each.text or "url.query" in each.attributes] == []


def test_two_recordings_have_two_traces(system: System, tmp_path: Path) -> None:
    answers = [system.upload(write(tmp_path / f"{hz}.wav", tone(hz))) for hz in (506.0, 507.0)]

    assert len({answer.json()["trace_id"] for answer in answers}) == 2


def _consumed(sink: SpanSink, trace_id: str) -> list[ReceivedSpan]:
    return [each for each in sink.of_trace(trace_id) if each.name.startswith("process ")]


def _is_mongodb(label: str) -> bool:
    return re.search(r": (find|insert|update|findAndModify) \w+$", label) is not None
