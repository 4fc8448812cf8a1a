"""Features through the whole system: extractors listed, frames fetched, results asked for anew."""

import io
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("name", ["levels.parquet", "tarot.parquet", "spectral", "spectral.csv"])
def test_a_series_that_is_not_there_is_not_found(system: System, tmp_path: Path, name: str) -> None:
    recording_id = _uploaded(system, tmp_path, 2200.0)

    answer = system.client.get(f"/v1/recordings/{recording_id}/analysis/series/{name}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


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
