"""Bad input gets a clear error with a stable code, and the services live on."""

from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers

LIMIT_BYTES = 100_000_000


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _text(path: Path) -> Path:
    path.write_text("These are notes about birds, not their song.\n" * 20)
    return path


def _header_only(path: Path) -> Path:
    return write(path, np.zeros((0, 1), np.float32))


def _flac_of_noise(path: Path) -> Path:
    path.write_bytes(b"fLaC" + np.random.default_rng(1).bytes(50_000))
    return path


def _too_large(path: Path) -> Path:
    silence = write(path, np.zeros((1000, 1), np.float32), subtype="PCM_16").read_bytes()
    with path.open("wb") as large:
        large.write(silence)
        large.truncate(101_000_000)
    return path


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (_empty, 422, "empty"),
        (_text, 415, "unsupported"),
        (_header_only, 422, "empty"),
        (_flac_of_noise, 422, "not_decodable"),
        (_too_large, 413, "too_large"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_own_code(
    system: System, tmp_path: Path, make: Callable[[Path], Path], status: int, code: str
) -> None:
    answer = system.upload(make(tmp_path / "recording.wav"))

    problem = _problem(answer, status, code)
    assert problem["next_step"]
    assert system.client.get("/v1/recordings").status_code == 200


def test_a_recording_refused_after_it_arrived_can_be_looked_up(system: System, tmp_path: Path) -> None:
    refused = system.upload(_flac_of_noise(tmp_path / "noise.flac")).json()

    found = system.recording(refused["recording_id"])

    assert found["status"] == "failed"
    assert found["errors"][0]["code"] == "not_decodable"
    image = system.client.get(f"/v1/recordings/{found['id']}/spectrogram")
    _problem(image, 409, "not_decodable")


@pytest.mark.recordings
def test_an_empty_recording_of_a_real_recorder_is_refused(system: System, recordings: Path) -> None:
    answer = system.upload(recordings / "empty_2c.wav")

    _problem(answer, 422, "empty")


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["stereo.wav", "veryshort.wav", "silence_10s.mp3"])
def test_what_is_short_or_silent_completes_without_invented_numbers(
    system: System, recordings: Path, name: str
) -> None:
    found = system.ended(system.upload(recordings / name).json()["id"])

    manifest = system.client.get(f"/v1/recordings/{found['id']}/analysis").json()
    tempo = next(each for each in manifest["extractors"] if each["name"] == "tempo")
    assert found["status"] == "completed"
    assert tempo["payload"]["bpm"]["value"] is None
    assert tempo["payload"]["bpm"]["reason"]


@pytest.mark.recordings
def test_a_truncated_recording_completes_with_both_durations_and_a_warning(
    system: System, recordings: Path, tmp_path: Path
) -> None:
    whole = (recordings / "voice.flac").read_bytes()
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole[: len(whole) // 2])

    found = system.ended(system.upload(cut).json()["id"])

    assert found["status"] == "completed"
    assert found["audio"]["duration_decoded_s"] < 0.7 * found["audio"]["duration_claimed_s"]
    for part in ("spectrogram", "analysis"):
        assert "truncated" in [warning["code"] for warning in found[part]["warnings"]]


def test_a_form_without_a_recording_is_refused(system: System) -> None:
    answer = system.client.post("/v1/recordings", files={"other": ("a.wav", b"RIFF")})

    _problem(answer, 400, "malformed_form")


@pytest.mark.parametrize("path", ["", "/spectrogram", "/spectrogram/status", "/analysis"])
def test_an_unknown_recording_is_not_found(system: System, path: str) -> None:
    answer = system.client.get(f"/v1/recordings/00000000-0000-0000-0000-000000000000{path}")

    _problem(answer, 404, "not_found")


@pytest.mark.parametrize("path", ["", "/spectrogram", "/spectrogram/status", "/analysis"])
def test_somebody_elses_recording_is_not_found(system: System, tmp_path: Path, path: str) -> None:
    recording_id = system.upload(write(tmp_path / "mine.wav", tone(515.0))).json()["id"]
    stranger = {"Authorization": f"Bearer {system.key_for('another')}"}

    answer = system.client.get(f"/v1/recordings/{recording_id}{path}", headers=stranger)

    _problem(answer, 404, "not_found")
    assert recording_id not in system.client.get("/v1/recordings", headers=stranger).text
    events = system.client.get("/v1/events", params={"recording": recording_id}, headers=stranger)
    _problem(events, 404, "not_found")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer dc_0_0", "Basic YTpi", "Bearer " + "x" * 4000])
def test_without_a_key_nothing_is_shown(system: System, authorization: str) -> None:
    answer = system.client.get("/v1/recordings", headers={"Authorization": authorization})

    _problem(answer, 401, "not_authenticated")


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=0", 400), ("limit=x", 400), ("cursor=nonsense", 400), ("resolution=huge", 400)],
)
def test_a_wrong_parameter_is_the_clients_problem(system: System, tmp_path: Path, query: str, status: int) -> None:
    recording_id = system.upload(write(tmp_path / "p.wav", tone(525.0))).json()["id"]
    path = f"/v1/recordings/{recording_id}/spectrogram" if "resolution" in query else "/v1/recordings"

    answer = system.client.get(f"{path}?{query}")

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, str] = answer.json()
    assert problem["code"] == code
    assert problem["type"] == f"urn:dawnchorus:problem:{code}"
    assert set(problem["trace_id"]) != {"0"}
    return problem
