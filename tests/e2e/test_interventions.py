"""Work that is stopped, and work that is done again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers

RATE_HZ = 44_100


def test_a_running_hour_is_cancelled_and_done_when_it_is_retried(system: System, tmp_path: Path) -> None:
    # Faint enough to be sent in one piece.
    minute = np.random.default_rng(11).normal(0, 1e-4, (RATE_HZ * 60, 1)).astype(np.float32)
    hour = write(tmp_path / "hour.flac", np.tile(minute, (60, 1)), subtype="PCM_16")
    recording_id = system.upload(hour, lane="bulk").json()["id"]
    system.until(lambda: system.recording(recording_id)["analysis"]["status"] == "processing")

    said = _post(system, recording_id, "cancel", 202)

    assert said["status"] == "cancelled"
    system.until(lambda: system.recording(recording_id)["analysis"]["completed_at"] is not None, within_s=20)
    found = system.recording(recording_id)
    assert found["analysis"]["status"] == "cancelled"
    # Its slots are free again.
    after = system.upload(write(tmp_path / "after.wav", tone(431.0)), lane="bulk").json()["id"]
    assert system.ended(after, within_s=120)["status"] == "completed"

    _post(system, recording_id, "retry", 202)

    system.until(lambda: system.recording(recording_id)["analysis"]["status"] == "processing")
    _post(system, recording_id, "cancel", 202)


def test_what_waits_is_cancelled_before_it_is_begun(system: System, tmp_path: Path) -> None:
    worker = system.services["spectrogram"]
    worker.stop()
    try:
        recording_id = system.upload(write(tmp_path / "waiting.wav", tone(617.0))).json()["id"]
        system.until(lambda: system.recording(recording_id)["analysis"]["status"] == "completed")
        _post(system, recording_id, "cancel", 202)
        waiting = system.recording(recording_id)["spectrogram"]["status"]
    finally:
        worker.start()
        worker.wait_until_ready()

    assert waiting == "cancelled"
    image = system.client.get(f"/v1/recordings/{recording_id}/spectrogram")
    assert image.status_code == 409
    system.until(lambda: system.recording(recording_id)["spectrogram"]["completed_at"] is not None)
    assert system.recording(recording_id)["status"] == "partial"

    assert _post(system, recording_id, "retry", 202)["spectrogram"]["status"] in ("queued", "processing")

    assert system.ended(recording_id)["status"] == "completed"


def test_only_what_failed_is_done_again(system: System, tmp_path: Path) -> None:
    recording_id = system.upload(write(tmp_path / "well.wav", tone(619.0))).json()["id"]
    done = system.ended(recording_id)

    refused = _post(system, recording_id, "retry", 409)

    assert refused["code"] == "nothing_failed"
    assert system.recording(recording_id)["analysis"]["completed_at"] == done["analysis"]["completed_at"]


def test_a_recording_is_rendered_and_analysed_in_another_way(system: System, tmp_path: Path) -> None:
    recording_id = system.upload(write(tmp_path / "again.wav", tone(631.0))).json()["id"]
    system.ended(recording_id)

    asked = _post(
        system,
        recording_id,
        "reprocess",
        202,
        {"rendering": {"window_size": 512}, "analysis": {"extractors": ["loudness"]}, "priority": 9},
    )

    status, analysis = asked["links"]["spectrogram"], asked["links"]["analysis"]
    system.until(lambda: system.client.get(status).json()["status"] == "completed")
    system.until(lambda: system.client.get(analysis).json()["rerun"]["status"] == "completed")
    assert system.client.get(analysis).json()["rerun"]["request_id"] == asked["request_id"]


def _post(system: System, recording_id: str, what: str, status: int, body: object = None) -> dict[str, Any]:
    answer = system.client.post(f"/v1/recordings/{recording_id}/{what}", json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said
