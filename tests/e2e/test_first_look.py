"""A long recording is seen before it has been rendered: a first look, progress, then the images."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chassis.ranged import STREAMED_FROM_BYTES
from services.spectrogram.first_look import COLUMNS
from tests.benchmarks.lengthened import lengthened
from tests.e2e.listening import live_messages
from tests.system import System

pytestmark = [pytest.mark.servers, pytest.mark.recordings]

PREVIEWED, COMPLETED = "spectrogram.previewed.v1", "spectrogram.completed.v1"


@pytest.mark.parametrize(
    ("name", "duration_s", "is_far"),
    [("fetched-first.flac", 600, False), ("seen-from-afar.wav", 900, True)],
)
@pytest.mark.usefixtures("recordings")
def test_a_long_recording_is_seen_before_its_images_are_there(
    system: System, tmp_path: Path, name: str, duration_s: int, *, is_far: bool
) -> None:
    lengthened(tmp_path / name, duration_s, 44_100)
    assert ((tmp_path / name).stat().st_size > STREAMED_FROM_BYTES) is is_far

    seen: list[tuple[dict[str, Any], Image.Image, str]] = []
    told: list[dict[str, Any]] = []
    for message in _heard_of_an_upload(system, tmp_path / name):
        told.append(message["data"])
        if message["event"] == PREVIEWED:
            seen.append(_seen_now(system, message["data"]["data"]["recording_id"]))

    types = [each["type"] for each in told]
    assert types.count(PREVIEWED) == types.count(COMPLETED) == 1
    assert types.index(PREVIEWED) < types.index(COMPLETED)
    [(status, look, approximate)] = seen
    assert status["status"] == "processing"
    assert status["first_look"]["approximate"] is True
    assert (look.size, approximate) == ((COLUMNS, 200), "true")
    _assert_progress_rises(told)
    _assert_the_images_took_over(system, told[0]["data"]["recording_id"], look)


def _heard_of_an_upload(system: System, path: Path) -> Iterator[dict[str, Any]]:
    """Yield what is heard about the spectrogram of an upload, from before it until the images are announced."""
    with ThreadPoolExecutor(1) as sender:
        uploads = []
        for message in live_messages(system.client):
            if message.get("comment") == "listening":
                uploads.append(sender.submit(system.upload, path))
            if uploads and uploads[0].done():
                assert uploads[0].result().status_code == 202, uploads[0].result().text
            if message.get("event", "").startswith(("spectrogram.", "task.")):
                yield message
            if message.get("event") == COMPLETED:
                break


def _seen_now(system: System, recording_id: str) -> tuple[dict[str, Any], Image.Image, str]:
    status = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/status").json()
    answer = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/first-look")
    assert answer.status_code == 200, answer.text
    return status, Image.open(io.BytesIO(answer.content)), answer.headers["dawnchorus-approximate"]


def _assert_progress_rises(told: list[dict[str, Any]]) -> None:
    shares = [
        each["data"]["progress"]
        for each in told
        if each["type"] == "task.progressed.v1" and each["data"]["task"] == "spectrogram"
    ]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 3
    assert shares[-1] == 0.95


def _assert_the_images_took_over(system: System, recording_id: str, look: Image.Image) -> None:
    found = system.ended(recording_id)
    assert (found["status"], found["spectrogram"]["first_look"]) == ("completed", None)
    url = f"/v1/recordings/{recording_id}/spectrogram"
    thumbnail, standard, full = (
        system.client.get(url, params={"resolution": name}) for name in ("thumbnail", "standard", "full")
    )
    assert [each.status_code for each in (thumbnail, standard, full)] == [200, 200, 200]
    later = system.client.get(f"{url}/first-look")
    assert (later.content, later.headers["dawnchorus-approximate"]) == (thumbnail.content, "false")
    # Few of the moments that make a column loud are looked at, but of each frequency's loudest some are.
    true = np.asarray(Image.open(io.BytesIO(thumbnail.content)))
    assert np.corrcoef(true.max(axis=1), np.asarray(look).max(axis=1))[0, 1] > 0.95
