"""Features through the whole system: extractors listed, frames fetched, results asked for anew."""

import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers


def test_the_extractors_are_listed_with_their_parameters(system: System) -> None:
    listed = {each["name"]: each for each in system.client.get("/v1/extractors").json()["available"]}

    assert {"spectral", "tempo", "pitch"} <= listed.keys()
    assert listed["spectral"]["by_default"]
    assert listed["spectral"]["parameters"]["properties"]["rolloff_share"]["default"] == 0.85


def test_the_frames_of_an_extractor_are_parquet_and_can_be_read_in_part(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 2100.0)
    url = f"/v1/recordings/{recording_id}/analysis/series/spectral.parquet"

    whole = system.client.get(url)
    tail = system.client.get(url, headers={"Range": "bytes=-8"})
    again = system.client.get(url, headers={"If-None-Match": whole.headers["etag"]})

    entry = _entry(system, recording_id, "spectral")
    table = parquet.read_table(io.BytesIO(whole.content))
    assert table.num_rows == entry["series"]["frames"] > 100
    assert table.column("centroid").to_numpy().mean() == pytest.approx(entry["payload"]["centroid"]["mean"], rel=1e-4)
    assert (tail.status_code, tail.content) == (206, whole.content[-8:])
    assert (
        tail.headers["content-range"] == f"bytes {len(whole.content) - 8}-{len(whole.content) - 1}/{len(whole.content)}"
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["loudness.parquet", "tarot.parquet", "spectral", "spectral.csv"])
def test_a_series_that_is_not_there_is_not_found(system: System, tmp_path: Path, name: str) -> None:
    recording_id = _uploaded(system, tmp_path, 2200.0)

    answer = system.client.get(f"/v1/recordings/{recording_id}/analysis/series/{name}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_wish_for_another_package_extractor_computes_it_and_keeps_the_rest(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 2300.0)
    before = _entry(system, recording_id, "spectral")

    asked = _ask(system, recording_id, {"extractors": ["ticks"], "parameters": {"ticks": {"above": 0.25}}})
    status = _reran(system, recording_id, asked.json()["request_id"])

    assert asked.status_code == 202
    assert (status["status"], status["rerun"]["status"], status["rerun"]["error"]) == ("completed", "completed", None)
    assert _entry(system, recording_id, "ticks")["payload"]["tick_share"]["value"] > 0.5
    assert _entry(system, recording_id, "ticks")["parameters"] == {"above": 0.25}
    assert _entry(system, recording_id, "spectral") == before


def test_another_package_extractor_is_listed_fails_and_times_out_beside_the_others(
    system: System, tmp_path: Path
) -> None:
    recording_id = _uploaded(system, tmp_path, 2400.0)
    listed = {each["name"] for each in system.client.get("/v1/extractors").json()["available"]}

    asked = _ask(system, recording_id, {"extractors": ["ticks", "ticks_that_fail", "ticks_that_hang", "spectral"]})
    status = _reran(system, recording_id, asked.json()["request_id"])

    assert {"ticks", "ticks_that_fail", "ticks_that_hang"} <= listed
    assert status["status"] == status["rerun"]["status"] == "partial"
    outcomes = {each["name"]: each["error"] and each["error"]["code"] for each in status["extractors"]}
    assert (outcomes["ticks_that_fail"], outcomes["ticks_that_hang"]) == ("extractor_failed", "extractor_timeout")
    assert {outcomes[name] for name in ("ticks", "spectral", "tempo", "pitch")} == {None}


def test_segments_are_served_with_their_times(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 2500.0)

    asked = _ask(system, recording_id, {"extractors": ["spectral"], "segments": {"mode": "both", "length_s": 0.5}})
    _reran(system, recording_id, asked.json()["request_id"])

    segments = _entry(system, recording_id, "spectral")["segments"]
    assert segments["start_s"] == [0.0, 0.5, 1.0, 1.5]
    assert segments["series"]["centroid"]["p50"] == pytest.approx([2500.0] * 4, rel=0.05)


def test_a_backfill_computes_one_extractor_on_the_recordings_that_lack_it(system: System, tmp_path: Path) -> None:
    recordings = [_uploaded(system, tmp_path, 2800.0 + number) for number in range(3)]
    before = {each: _entry(system, each, "spectral") for each in recordings}
    url = "/v1/extractors/ticks/backfill"

    plan = system.client.get(url).json()
    refused = system.client.post(url, params={"cost_s_max": 0})
    started = system.client.post(url)

    assert plan["recordings"] >= 3
    assert (refused.status_code, refused.json()["code"]) == (409, "too_dear")
    assert (started.status_code, started.json()["announced"]) == (202, plan["recordings"])
    system.until(lambda: system.client.get(url).json()["recordings"] == 0)
    assert all(_entry(system, each, "ticks")["success"] for each in recordings)
    assert {each: _entry(system, each, "spectral") for each in recordings} == before


def test_a_wish_that_fails_leaves_the_results_and_says_why(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 2600.0)
    before = system.client.get(f"/v1/recordings/{recording_id}/analysis").json()

    asked = _ask(system, recording_id, {"parameters": {"spectral": {"rolloff_share": 7}}})
    status = _reran(system, recording_id, asked.json()["request_id"])

    assert status["status"] == "completed"
    assert (status["rerun"]["status"], status["rerun"]["error"]["code"]) == ("failed", "invalid_extractor_parameters")
    assert system.client.get(f"/v1/recordings/{recording_id}/analysis").json() == before
    assert system.recording(recording_id)["status"] == "completed"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"extractors": ["tarot"]}, "unknown_extractor"),
        ({"parameters": {"tarot": {}}}, "unknown_extractor"),
        ({"extractors": []}, "bad_request"),
        ({"extractors": ["$where"]}, "bad_request"),
        ({"segments": {"mode": "both", "length_s": 8, "hop_s": 0.5}}, "bad_request"),
        ({"sharpen": True}, "bad_request"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(system: System, tmp_path: Path, wish: dict[str, Any], code: str) -> None:
    recording_id = _uploaded(system, tmp_path, 2700.0)

    answer = _ask(system, recording_id, wish)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def _ask(system: System, recording_id: str, wish: dict[str, Any]) -> httpx.Response:
    return system.client.post(f"/v1/recordings/{recording_id}/analysis", json=wish)


def _reran(system: System, recording_id: str, request_id: str) -> dict[str, Any]:
    """Return the status of the analysis once that wish has ended."""

    def status() -> dict[str, Any]:
        found: dict[str, Any] = system.client.get(f"/v1/recordings/{recording_id}/analysis/status").json()
        return found

    system.until(lambda: status()["rerun"]["status"] not in ("queued", "processing"))
    assert status()["rerun"]["request_id"] == request_id
    return status()


def _uploaded(system: System, folder: Path, frequency_hz: float) -> str:
    path = write(folder / "heard.wav", tone(frequency_hz, duration_s=2.0))
    recording_id: str = system.upload(path).json()["id"]
    system.ended(recording_id)
    return recording_id


def _entry(system: System, recording_id: str, name: str) -> dict[str, Any]:
    manifest = system.client.get(f"/v1/recordings/{recording_id}/analysis").json()
    [entry] = [each for each in manifest["extractors"] if each["name"] == name]
    found: dict[str, Any] = entry
    return found
