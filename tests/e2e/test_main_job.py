"""A recording goes in, images and features come out: through the public interface, over real servers."""

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from contracts.published import SCHEMAS
from deploy.local.servers import Servers
from services.analysis.settings import AnalysisSettings
from tests.audio import encode, tone, transcode, write
from tests.e2e.listening import history, live_messages
from tests.muxing import mux
from tests.system import System

pytestmark = pytest.mark.servers

HEIGHTS = {"thumbnail": 200, "standard": 400, "full": 600}


def test_an_accepted_recording_says_where_it_is_and_which_trace_it_has(system: System, tmp_path: Path) -> None:
    answer = system.upload(write(tmp_path / "a.wav", tone(1100.0)))

    accepted = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == accepted["links"]["self"] == f"/v1/recordings/{accepted['id']}"
    assert accepted["status"] == "queued"
    assert re.fullmatch(r"(?!0{32})[0-9a-f]{32}", accepted["trace_id"])
    assert set(accepted["links"]) == {"self", "audio", "spectrogram", "analysis", "events"}


@pytest.mark.recordings
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a", ".opus", ".aac"])
def test_a_field_recording_in_any_codec_ends_with_images_and_features(
    system: System, recordings: Path, tmp_path: Path, suffix: str
) -> None:
    original = recordings / "spinetail.wav"
    path = original if suffix == ".wav" else transcode(original, tmp_path / f"spinetail{suffix}")

    found = system.ended(system.upload(path).json()["id"])

    assert found["status"] == "completed", found["errors"]
    assert found["audio"]["duration_decoded_s"] == pytest.approx(19.54, abs=0.15)
    assert found["audio"]["size_bytes"] == path.stat().st_size
    for resolution, height in HEIGHTS.items():
        image = _image(system, found["id"], resolution)
        geometry = found["spectrogram"]["images"][resolution]["geometry"]
        assert image.size == (geometry["width"], geometry["height"])
        assert image.height == height
        assert geometry["width"] * geometry["seconds_per_px"] == pytest.approx(19.54, abs=0.2)
    manifest = system.client.get(f"/v1/recordings/{found['id']}/analysis").json()
    asked = AnalysisSettings.model_fields["extractors"].default
    assert [(each["name"], each["success"]) for each in manifest["extractors"]] == [(name, True) for name in asked]
    assert manifest["input_sha256"] == found["audio"]["sha256"]


@pytest.mark.parametrize(
    ("suffix", "media_type", "codec", "video", "container"),
    [
        (".mp4", "video/mp4", "aac", "libx264", "mp4"),
        (".webm", "video/webm", "libopus", "libvpx", "matroska"),
    ],
)
def test_the_sound_of_a_film_ends_with_images_and_features(
    system: System, tmp_path: Path, suffix: str, media_type: str, codec: str, video: str, container: str
) -> None:
    sound = tone(3000.0, duration_s=2.0, rate_hz=48_000)
    film = mux(tmp_path / f"film{suffix}", [sound], 48_000, codec=codec, video=video)

    answer = system.client.post(
        "/v1/recordings", content=film.read_bytes(), headers={"Content-Type": media_type}, params={"name": film.name}
    )
    found = system.ended(answer.json()["id"])

    assert (found["status"], found["audio"]["container"]) == ("completed", container), found["errors"]
    assert found["audio"]["duration_decoded_s"] == pytest.approx(2.0, abs=0.05)
    geometry = found["spectrogram"]["images"]["standard"]["geometry"]
    column = np.asarray(_image(system, found["id"], "standard"))[::-1].mean(axis=1)
    assert column.argmax() == pytest.approx(3000 / geometry["hz_per_px"], abs=1)
    assert all(each["success"] for each in found["analysis"]["extractors"])


def test_low_frequencies_are_at_the_bottom_and_time_runs_to_the_right(system: System, tmp_path: Path) -> None:
    early_and_low = np.concatenate([tone(2000.0, duration_s=2.0), tone(9000.0, duration_s=2.0)])
    path = write(tmp_path / "two-tones.wav", early_and_low)

    found = system.ended(system.upload(path).json()["id"])

    image = np.asarray(_image(system, found["id"], "standard"))
    hz_per_px = found["spectrogram"]["images"]["standard"]["geometry"]["hz_per_px"]
    first_half, second_half = np.array_split(image[::-1], 2, axis=1)
    assert first_half.mean(axis=1).argmax() == pytest.approx(2000 / hz_per_px, abs=1)
    assert second_half.mean(axis=1).argmax() == pytest.approx(9000 / hz_per_px, abs=1)


@pytest.mark.recordings
def test_twelve_recordings_of_a_night_at_once_each_complete_exactly_once(
    system: System, recordings: Path, servers: Servers
) -> None:
    paths = sorted((recordings / "night").glob("*.wav"))

    ids = [system.upload(path, lane="bulk").json()["id"] for path in paths]
    ended = [system.ended(recording_id) for recording_id in ids]

    assert len(set(ids)) == len(paths) == 12
    assert {each["status"] for each in ended} == {"completed"}
    assert {each["spectrogram"]["attempts"] for each in ended} == {1}
    announced = _announced(system, servers, ids)
    for recording_id in ids:
        expected = {"recording.uploaded.v1": 1, "spectrogram.completed.v1": 1, "analysis.completed.v1": 1}
        assert announced[recording_id] == expected


def test_what_other_systems_hear_fits_the_published_schemas(system: System, servers: Servers, tmp_path: Path) -> None:
    found = system.ended(system.upload(write(tmp_path / "heard.wav", tone(700.0))).json()["id"])

    _announced(system, servers, [found["id"]])
    heard = [
        each for each in history(servers.environment()["AMQP_URL"]) if each.headers.get("ce-subject") == found["id"]
    ]

    assert len(heard) == 3
    for message in heard:
        schema = json.loads((SCHEMAS / f"{message.headers['ce-type']}.json").read_text())
        jsonschema.validate(json.loads(message.body), schema)
        assert message.headers["ce-specversion"] == "1.0"
        assert message.headers["ce-id"] == message.message_id
        assert str(message.headers["traceparent"]).split("-")[1] == found["trace_id"]
        assert message.routing_key == f"{message.headers['ce-type']}.interactive"


def test_the_same_bytes_again_are_the_same_recording(system: System, tmp_path: Path) -> None:
    path = write(tmp_path / "twice.wav", tone(1234.0))
    first = system.upload(path).json()["id"]
    system.ended(first)

    again = system.upload(path, name="another-name.wav")

    assert (again.status_code, again.json()["status"]) == (200, "completed")
    assert again.json()["id"] == again.json()["duplicate_of"] == first


def test_a_recording_can_be_the_body_itself(system: System, tmp_path: Path) -> None:
    body = write(tmp_path / "raw.flac", tone(1500.0)).read_bytes()

    answer = system.client.post("/v1/recordings?name=raw.flac", content=body, headers={"Content-Type": "audio/flac"})

    found = system.recording(answer.json()["id"])
    assert answer.status_code == 202
    assert (found["name"], found["audio"]["container"]) == ("raw.flac", "flac")


def test_live_events_tell_the_way_of_a_recording_with_ids_and_heartbeats(system: System, tmp_path: Path) -> None:
    path = encode(tmp_path / "live.mp3", tone(880.0, duration_s=30.0))
    recording_id = system.upload(path).json()["id"]

    heard: list[dict[str, Any]] = []
    for message in live_messages(system.client, recording_id):
        heard.append(message)
        if _is_settled(heard) and "heartbeat" in [each.get("comment") for each in heard]:
            break

    assert heard[0]["event"] == "status"
    assert heard[0]["data"]["id"] == recording_id
    events = [each for each in heard if each.get("id")]
    assert {each["data"]["data"]["recording_id"] for each in events} <= {recording_id}
    assert len({each["id"] for each in events}) == len(events)


def test_the_list_is_paged_newest_first(system: System, tmp_path: Path) -> None:
    ids = [system.upload(write(tmp_path / f"{hz}.wav", tone(hz))).json()["id"] for hz in (310.0, 320.0, 330.0)]

    first = system.client.get("/v1/recordings", params={"limit": 2}).json()
    second = system.client.get("/v1/recordings", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    listed = [each["id"] for each in (*first["items"], *second["items"])]
    assert listed[:3] == ids[::-1]
    assert len(set(listed)) == 4


def test_the_status_says_which_resolutions_exist(system: System, tmp_path: Path) -> None:
    found = system.ended(system.upload(write(tmp_path / "which.wav", tone(410.0))).json()["id"])

    status = system.client.get(f"/v1/recordings/{found['id']}/spectrogram/status").json()

    assert set(status["images"]) == set(HEIGHTS)
    for image in status["images"].values():
        assert system.client.get(image["href"]).headers["content-type"] == "image/png"


def test_an_image_that_has_not_changed_is_not_sent_again(system: System, tmp_path: Path) -> None:
    found = system.ended(system.upload(write(tmp_path / "cached.wav", tone(420.0))).json()["id"])
    url = f"/v1/recordings/{found['id']}/spectrogram"
    tag = system.client.get(url).headers["etag"]

    again = system.client.get(url, headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")


def test_the_interface_describes_itself(system: System) -> None:
    schema = system.client.get("/schema/openapi.json", headers={"Authorization": ""}).json()

    operations = {each["operationId"] for path in schema["paths"].values() for each in path.values()}
    assert {"uploadRecording", "getRecording", "getSpectrogram", "getAnalysis", "listenToEvents"} <= operations
    upload = schema["paths"]["/v1/recordings"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]


def _image(system: System, recording_id: str, resolution: str) -> Image.Image:
    answer = system.client.get(f"/v1/recordings/{recording_id}/spectrogram", params={"resolution": resolution})
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    assert image.mode == "P"
    return image


def _announced(system: System, servers: Servers, ids: list[str]) -> dict[str, dict[str, int]]:
    """Return how often each event of `ids` stands in the history, once all that is due has been announced."""
    amqp_url = servers.environment()["AMQP_URL"]
    seen: list[tuple[str, str]] = []

    def all_announced() -> bool:
        seen[:] = [
            (str(each.headers["ce-subject"]), str(each.headers["ce-type"]))
            for each in history(amqp_url)
            if each.headers.get("ce-subject") in ids
        ]
        return len(seen) >= 3 * len(ids)

    system.until(all_announced)
    return {one: dict(Counter(type_ for subject, type_ in seen if subject == one)) for one in ids}


def _is_settled(heard: list[dict[str, Any]]) -> bool:
    """Tell whether both results were seen: in an event, or already in the status at the start."""
    status = heard[0]["data"]
    names = {each.get("event") for each in heard}
    return all(
        status[part]["status"] == "completed" or f"{part}.completed.v1" in names for part in ("spectrogram", "analysis")
    )
