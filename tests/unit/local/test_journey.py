import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import AsyncClient, Credentials
from client.unfinished import UnfinishedUploads
from deploy.local.__main__ import recordings_in
from deploy.local.demo import output_names
from deploy.local.journey import Guide, Journey
from deploy.local.logs import prefixed
from deploy.local.summary import measured

PROBLEM = {"content-type": "application/problem+json"}


class Seen:
    """A display that remembers."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str, float]] = []

    def show(self, name: str, part: str, stage: str, share: float) -> None:
        self.shown.append((name, part, stage, share))


async def test_a_recording_that_completes_leaves_its_three_images(tmp_path: Path) -> None:
    seen = Seen()

    journey = await _led(tmp_path, _completing, seen)

    assert journey.is_complete
    assert [path.name for path in journey.images] == ["dawn.thumbnail.png", "dawn.standard.png", "dawn.full.png"]
    assert journey.images[2].read_bytes() == b"PNG full"
    assert ("dawn", "spectrogram", "completed", 1.0) in seen.shown


async def test_live_events_are_shown_as_progress(tmp_path: Path) -> None:
    seen = Seen()

    await _led(tmp_path, _completing, seen)

    assert ("dawn", "analysis", "compute", 0.4) in seen.shown


async def test_a_refusal_is_told_in_the_gateways_words(tmp_path: Path) -> None:
    problem = {"code": "unsupported", "detail": "This is text.", "next_step": "Send audio."}

    def refusing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.method == "HEAD" else httpx.Response(415, json=problem, headers=PROBLEM)

    journey = await _led(tmp_path, refusing, Seen())

    fault = journey.faults[0]
    assert not journey.is_complete
    assert (fault.code, fault.sentence, fault.next_step) == ("unsupported", "This is text.", "Send audio.")


def test_recordings_of_one_stem_get_images_of_their_own() -> None:
    assert output_names([Path("a/x.wav"), Path("b/x.flac"), Path("y.ogg")]) == ["x.wav", "x.flac", "y"]


def test_a_name_with_blanks_is_one_recording_if_it_exists(tmp_path: Path) -> None:
    odd = tmp_path / "my dawn.wav"
    odd.touch()

    assert recordings_in(str(odd)) == [odd]
    assert recordings_in("one.wav 'two of them.wav'") == [Path("one.wav"), Path("two of them.wav")]
    assert recordings_in("") == []


@pytest.mark.parametrize(
    ("measure", "shown"),
    [
        ({"value": 119.97, "unit": "BPM", "reason": None}, "120 BPM"),
        ({"value": None, "unit": "BPM", "reason": "no_periodicity"}, "– (no_periodicity)"),
        ({"value": 0.25, "unit": "ratio", "reason": None}, "0.25"),
    ],
)
def test_a_measure_is_shown_with_its_unit_or_its_reason(measure: dict[str, Any], shown: str) -> None:
    manifest = {"extractors": [{"name": "tempo", "success": True, "payload": {"bpm": measure}}]}

    assert measured(manifest, "tempo", "bpm", "value") == shown


def test_an_extractor_that_failed_is_shown_with_its_code() -> None:
    manifest = {"extractors": [{"name": "tempo", "success": False, "error": {"code": "extractor_failed"}}]}

    assert measured(manifest, "tempo", "bpm", "value") == "– (extractor_failed)"


def test_log_lines_stand_behind_their_services_name() -> None:
    lines = ["==> /x/logs/ingest.log <==\n", "started\n", "\n", "==> /x/logs/gateway.log <==\n", "ready\n"]

    assert list(prefixed(lines)) == ["ingest      | started", "gateway     | ready"]


async def _led(folder: Path, gateway: Any, seen: Seen) -> Journey:
    recording = folder / "dawn.wav"
    recording.write_bytes(b"RIFF")
    transport = httpx.MockTransport(gateway)
    credentials, unfinished = Credentials("http://gateway", "key"), UnfinishedUploads("http://gateway", folder)
    async with AsyncClient(credentials, transport=transport) as client, asyncio.TaskGroup() as tasks:
        return await Guide(client, unfinished, seen, folder / "output", tasks).lead(recording, "dawn")


async def _completing(request: httpx.Request) -> httpx.Response:
    match request.method, request.url.path:
        case "HEAD", "/v1/recordings":
            return httpx.Response(404)
        case "POST", "/v1/recordings":
            return httpx.Response(202, json={"id": "r1", "status": "queued"})
        case _, "/v1/events":
            data = {"data": {"task": "analysis", "stage": "compute", "progress": 0.4}}
            return httpx.Response(200, text=f"event: task.progressed.v1\ndata: {json.dumps(data)}\n\n")
        case _, "/v1/recordings/r1":
            # The real gateway answers from MongoDB; here the listener gets its turn before the end.
            await asyncio.sleep(0)
            ended = {"status": "completed"}
            return httpx.Response(
                200, json={"id": "r1", **ended, "spectrogram": ended, "analysis": ended, "errors": []}
            )
        case _, "/v1/recordings/r1/analysis":
            return httpx.Response(200, json={"extractors": []})
        case _:
            return httpx.Response(200, content=f"PNG {request.url.params['resolution']}".encode())
