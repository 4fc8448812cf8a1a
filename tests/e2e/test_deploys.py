"""Workers are replaced while they work, and nobody notices."""

from pathlib import Path

import pytest

from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers

RESTARTS = 2
UPLOADS_PER_RESTART = 4


def test_a_worker_that_is_replaced_under_load_loses_nothing_and_burns_no_attempt(
    system: System, tmp_path: Path
) -> None:
    worker, sent = system.services["spectrogram"], []
    for restart in range(RESTARTS):
        sent += [
            _send(system, tmp_path, number + restart * UPLOADS_PER_RESTART) for number in range(UPLOADS_PER_RESTART)
        ]
        worker.stop()
        worker.start()
        worker.wait_until_ready()

    ended = [system.ended(recording_id) for recording_id in sent]

    assert [each["status"] for each in ended] == ["completed"] * len(sent)
    assert [each["spectrogram"]["attempts"] for each in ended] == [1] * len(sent)


def _send(system: System, folder: Path, number: int) -> str:
    samples = tone(3210.0 + number, duration_s=30)
    recording_id: str = system.upload(write(folder / f"{number}.wav", samples)).json()["id"]
    return recording_id
