"""A project has its own way to see its recordings."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from contracts.rendering import RenderParameters
from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers

PROJECT = "caves"
OWN = RenderParameters(window_size=512, f_min_hz=5000, f_max_hz=20_000, palette="magma")


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx.Client]:
    """A client whose key opens the project, and no other."""
    headers = {"Authorization": f"Bearer {system.key_for(PROJECT)}"}
    with httpx.Client(base_url=system.client.base_url, headers=headers, timeout=60) as opened:
        yield opened


def test_a_projects_recordings_are_rendered_as_the_project_says(
    system: System, client: httpx.Client, tmp_path: Path
) -> None:
    said = client.put(_url(), json=OWN.model_dump())
    recording_id = _uploaded(system, client, tmp_path, 6000.0)

    status = client.get(f"/v1/recordings/{recording_id}/spectrogram/status").json()
    own = _image(client, recording_id)
    default = client.get(f"/v1/recordings/{recording_id}/spectrogram", params={"preset": "default"})

    assert (said.status_code, said.json()["is_default"]) == (200, False)
    assert said.json()["parameters_id"] == OWN.parameters_id
    assert status["parameters"] == OWN.document()
    geometry = status["images"]["standard"]["geometry"]
    assert (geometry["f_min_hz"], geometry["f_max_hz"], geometry["palette"]) == (5000, 20_000, "magma")
    assert own.size == (geometry["width"], geometry["height"])
    assert default.status_code == 202
    system.until(lambda: _seen(client, recording_id, preset="default")["status"] == "completed")
    assert _seen(client, recording_id, preset="default")["parameters"] == RenderParameters().document()


def test_what_is_asked_beside_it_goes_out_from_the_projects_way(
    system: System, client: httpx.Client, tmp_path: Path
) -> None:
    client.put(_url(), json=OWN.model_dump())
    recording_id = _uploaded(system, client, tmp_path, 7000.0)

    client.get(f"/v1/recordings/{recording_id}/spectrogram", params={"f_max_hz": 12_000})
    system.until(lambda: _seen(client, recording_id, f_max_hz=12_000)["status"] == "completed")

    asked = OWN.model_copy(update={"f_max_hz": 12_000.0})
    assert _seen(client, recording_id, f_max_hz=12_000)["parameters"] == asked.document()


def test_other_parameters_change_what_comes_and_not_what_is_there(
    system: System, client: httpx.Client, tmp_path: Path
) -> None:
    client.put(_url(), json=OWN.model_dump())
    before = _uploaded(system, client, tmp_path, 8000.0)
    image = _image(client, before)

    taken_back = client.delete(_url())
    after = _uploaded(system, client, tmp_path, 9000.0)

    assert taken_back.status_code == 204
    assert client.get(_url()).json()["rendering"] == RenderParameters().model_dump()
    assert client.get(_url()).json()["is_default"] is True
    assert _seen(client, before)["parameters"] == OWN.document()
    assert _image(client, before).tobytes() == image.tobytes()
    assert _seen(client, after)["parameters"] == RenderParameters().document()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_somebody_elses_project_is_not_there(client: httpx.Client, method: str) -> None:
    answer = client.request(method, _url("default"), json=OWN.model_dump() if method == "PUT" else None)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [{"window_size": 1000}, {"floor_db": 0, "ceiling_db": -10}, {"colour": "red"}, []])
def test_parameters_that_make_no_sense_are_refused(client: httpx.Client, body: Any) -> None:
    answer = client.put(_url(), json=body)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


def _url(project: str = PROJECT) -> str:
    return f"/v1/projects/{project}/rendering"


def _uploaded(system: System, client: httpx.Client, folder: Path, frequency_hz: float) -> str:
    path = write(folder / "cave.wav", tone(frequency_hz, duration_s=2.0))
    recording_id: str = client.post("/v1/recordings", files={"file": path.read_bytes()}).json()["id"]
    system.until(lambda: client.get(f"/v1/recordings/{recording_id}").json()["status"] == "completed")
    return recording_id


def _seen(client: httpx.Client, recording_id: str, **query: Any) -> dict[str, Any]:
    seen: dict[str, Any] = client.get(f"/v1/recordings/{recording_id}/spectrogram/status", params=query).json()
    return seen


def _image(client: httpx.Client, recording_id: str) -> Image.Image:
    answer = client.get(f"/v1/recordings/{recording_id}/spectrogram")
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))
