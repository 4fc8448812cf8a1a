"""Species through the whole system, where the operator opted for them: with their licence, when somebody asks."""

import io
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.system import System

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("birdnet")]


@pytest.mark.recordings
def test_species_are_listed_with_their_licence_and_detected_when_somebody_asks(
    system: System, recordings: Path
) -> None:
    [listed] = [each for each in system.client.get("/v1/extractors").json()["available"] if each["name"] == "species"]
    recording_id = system.upload(recordings / "spinetail.wav").json()["id"]
    uploaded = system.ended(recording_id)["analysis"]
    url = f"/v1/recordings/{recording_id}/analysis"

    wish = {"extractors": ["species"], "parameters": {"species": {"embeddings": True}}}
    system.client.post(url, json=wish).raise_for_status()
    system.until(lambda: system.client.get(f"{url}/status").json()["rerun"]["status"] == "completed")

    [entry] = [each for each in system.client.get(url).json()["extractors"] if each["name"] == "species"]
    frames = parquet.read_table(io.BytesIO(system.client.get(f"{url}/series/species.parquet").content))
    assert uploaded["status"] == "completed"
    assert listed["licence"] == entry["licence"]
    assert listed["licence"].startswith("CC-BY-NC-SA-4.0")
    assert not listed["by_default"]
    assert entry["payload"]["species_list"][0]["scientific_name"] == "Cranioleuca curtata"
    assert (frames.num_rows, frames.num_columns) == (7, 1 + 2 + 1024)
