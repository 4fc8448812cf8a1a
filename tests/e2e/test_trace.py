"""One trace from the upload to the image, in the spans that real processes exported."""

from pathlib import Path

import pytest

from deploy.local.waiting import wait_until
from tests.audio import tone, write
from tests.spans import SpanSink, edges, tree
from tests.system import System

pytestmark = pytest.mark.servers

UPLOAD = "gateway: POST /v1/recordings"
TAKE = "ingest: POST /recordings"
SEND = "ingest: send dawnchorus.events"

EXPECTED_EDGES = {
    (UPLOAD, "gateway: POST"),
    ("gateway: POST", TAKE),
    (TAKE, "ingest: S3.PutObject"),
    (TAKE, "ingest: probe"),
    (TAKE, SEND),
    (SEND, "spectrogram: process recording.uploaded.v1.interactive"),
    (SEND, "analysis: process recording.uploaded.v1.interactive"),
    ("spectrogram: spectrogram fetch", "spectrogram: S3.GetObject"),
    ("spectrogram: spectrogram store", "spectrogram: S3.PutObject"),
    ("analysis: analysis store", "analysis: S3.PutObject"),
    ("spectrogram: process recording.uploaded.v1.interactive", "spectrogram: spectrogram compute"),
    ("spectrogram: process recording.uploaded.v1.interactive", "spectrogram: send dawnchorus.events"),
    ("analysis: process recording.uploaded.v1.interactive", "analysis: send dawnchorus.events"),
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


def test_two_recordings_have_two_traces(system: System, tmp_path: Path) -> None:
    answers = [system.upload(write(tmp_path / f"{hz}.wav", tone(hz))) for hz in (506.0, 507.0)]

    assert len({answer.json()["trace_id"] for answer in answers}) == 2


def _is_mongodb(label: str) -> bool:
    return "dawnchorus." in label and "send" not in label
