"""The search through the whole system: what was uploaded is found by features, by its sound, and by a part of it."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from tests.audio import encode, write
from tests.system import System

pytestmark = [pytest.mark.servers, pytest.mark.recordings]


def test_a_recording_is_found_in_another_codec_in_a_cut_and_beside_its_like(
    system: System, recordings: Path, tmp_path: Path
) -> None:
    samples, rate_hz = soundfile.read(recordings / "1min.wav", dtype="float32", always_2d=True)
    whole = _uploaded(system, encode(tmp_path / "whole.mp3", samples, rate_hz))
    cut = _uploaded(system, write(tmp_path / "cut.flac", samples[20 * rate_hz : 45 * rate_hz], rate_hz))
    other = _uploaded(system, recordings / "voice.flac")

    duplicates = _when(system, f"/v1/recordings/{cut}/duplicates", lambda found: bool(found["items"]))
    similar = _when(system, f"/v1/recordings/{cut}/similar?limit=100", lambda found: len(_ids(found)) > 1)

    [duplicate] = [each for each in duplicates["items"] if each["recording"]["id"] == whole]
    longest = max(duplicate["intervals"], key=lambda each: each["landmarks"])
    assert longest["other_start_s"] - longest["start_s"] == pytest.approx(20, abs=0.1)
    assert duplicate["covered"] > 0.7
    assert duplicate["covered_of_other"] == pytest.approx(duplicate["covered"] * 25 / 60, abs=0.02)
    assert other not in _ids(duplicates)
    assert _ids(similar)[0] == whole
    assert cut not in _ids(similar)
    assert similar["items"][0]["similarity"] > 0.95


def test_a_vector_finds_the_recording_that_it_is_of_and_conditions_leave_others_out(
    system: System, recordings: Path
) -> None:
    recording_id = _uploaded(system, recordings / "music_slow.ogg")
    manifest = system.client.get(f"/v1/recordings/{recording_id}/analysis").json()
    payloads = {entry["name"]: entry["payload"] for entry in manifest["extractors"]}
    vector, rms = payloads["embedding"]["vector"]["values"], payloads["loudness"]["rms"]["value"]
    system.until(lambda: recording_id in _ids(_search(system, vector=vector).json()))

    here = f"loudness.rms:{rms - 0.01}..{rms + 0.01}"
    found = _search(system, vector=[7 * each for each in vector], where=[here]).json()
    listed = system.client.get("/v1/recordings", params={"where": here, "sort": "-loudness.rms"}).json()

    assert _ids(found)[0] == recording_id
    assert found["items"][0]["similarity"] == pytest.approx(1, abs=1e-4)
    assert [each["features"]["loudness.rms"] for each in listed["items"] if each["id"] == recording_id] == [rms]
    assert recording_id not in _ids(_search(system, vector=vector, where=[f"loudness.rms:..{rms - 1}"]).json())


def test_what_is_another_projects_is_found_by_nobody_else(system: System, recordings: Path) -> None:
    own = _uploaded(system, recordings / "music_fast.ogg")
    vector = system.client.get(f"/v1/recordings/{own}/analysis").json()["extractors"]
    [values] = [entry["payload"]["vector"]["values"] for entry in vector if entry["name"] == "embedding"]
    system.until(lambda: own in _ids(_search(system, vector=values).json()))
    key = {"Authorization": f"Bearer {system.key_for('elsewhere')}"}

    found = system.client.post("/v1/search/similar", json={"vector": values}, headers=key)
    listed = system.client.get("/v1/recordings", params={"sort": "loudness.rms"}, headers=key)

    assert (found.status_code, found.json()["items"]) == (200, [])
    assert listed.json()["items"] == []
    for route in ("similar", "duplicates"):
        assert system.client.get(f"/v1/recordings/{own}/{route}", headers=key).status_code == 404


@pytest.mark.parametrize("route", ["similar", "duplicates"])
def test_a_recording_without_sound_is_said_to_have_nothing_to_search_by(
    system: System, recordings: Path, route: str
) -> None:
    recording_id = _uploaded(system, recordings / "silence_10s.mp3")

    answer = system.client.get(f"/v1/recordings/{recording_id}/{route}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_searchable")
    assert "silent" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"vector": [1.0]}, "bad_request"),
        ({"vector": [0.0] * 384}, "bad_request"),
        ({"vector": ["x"] * 384}, "bad_request"),
        ({"vector": [1e308] * 384, "limit": 1000}, "bad_request"),
        ({"vector": [1.0] * 384, "where": ["$where:1..2"]}, "bad_filter"),
        ({"vector": [1.0] * 384, "project": "music"}, "bad_request"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(system: System, wish: dict[str, Any], code: str) -> None:
    answer = _search(system, **wish)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("query", ["where=tempo", "sort=$natural", "where=tempo.bpm:x..y", "sort=tempo.bpm&cursor=x"])
def test_a_list_that_makes_no_sense_is_refused(system: System, query: str) -> None:
    answer = system.client.get(f"/v1/recordings?{query}")

    assert (answer.status_code, answer.json()["code"]) in [(400, "bad_filter"), (400, "bad_cursor")]


def _uploaded(system: System, path: Path) -> str:
    recording_id: str = system.upload(path).json()["id"]
    system.ended(recording_id)
    return recording_id


def _search(system: System, **wish: Any) -> httpx.Response:
    return system.client.post("/v1/search/similar", json=wish)


def _when(system: System, url: str, holds: Any) -> dict[str, Any]:
    """Return the answer once it is what is waited for: the search hears of an analysis a moment after it ended."""
    system.until(lambda: holds(system.client.get(url).json()))
    found: dict[str, Any] = system.client.get(url).json()
    return found


def _ids(found: dict[str, Any]) -> list[str]:
    return [each["recording"]["id"] for each in found["items"]]
