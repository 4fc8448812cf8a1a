"""Looking closer: a recording as tiles at every zoom, in any colours, and what its pixels mean."""

import io
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from contracts.palettes import palette
from tests.audio import Signal, write
from tests.system import System

pytestmark = pytest.mark.servers

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def recording_id(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sweep in noise, 30 s: five zoom levels, of which two have to be drawn."""
    path = write(tmp_path_factory.mktemp("tiles") / "sweep.flac", _sweep(30))
    uploaded: str = system.upload(path).json()["id"]
    system.ended(uploaded)
    return uploaded


def test_every_zoom_shows_the_same_recording(system: System, recording_id: str) -> None:
    index = _index(system, recording_id)

    levels = [_level(system, index, each) for each in index["levels"]]

    assert index["levels"][0]["tiles"] == 1
    assert {level["stored"] for level in index["levels"]} == {True, False}
    for level, image in zip(index["levels"], levels, strict=True):
        assert image.shape == (index["tile_height"], level["columns"])
    for finer, coarser in zip(levels[1:], levels, strict=False):
        halved = np.maximum.reduceat(finer, list(range(0, finer.shape[1], 2)), axis=1)
        np.testing.assert_array_equal(halved, coarser)


@pytest.mark.parametrize("x", [0, 1, 7])
def test_a_tile_is_the_region_of_its_seconds(system: System, recording_id: str, x: int) -> None:
    index = _index(system, recording_id)
    level = index["levels"][-1]
    width_s = index["tile_width"] * level["seconds_per_px"]
    part = {"start_s": x * width_s, "end_s": (x + 1) * width_s, "width": index["tile_width"], "height": 512}

    region = _get(system, f"/v1/recordings/{recording_id}/spectrogram/region", **part, palette="gray")
    tile = _get(system, index["url"].format(level=level["level"], x=x), palette="gray")

    shown, drawn = (_pixels(each.content, "L").astype(int) for each in (tile, region))
    # The tile's levels are rounded to half a decibel, the region's to 80/255 of one.
    assert np.abs(shown - drawn).max() <= 2


def test_the_sweep_is_where_its_seconds_and_hertz_are(system: System, recording_id: str) -> None:
    index = _index(system, recording_id)
    level = index["levels"][-1]

    image = _level(system, index, level)

    for second in (3, 15, 27):
        loudest = image[::-1, int(second / level["seconds_per_px"])].argmax()
        assert loudest * index["hz_per_px"] == pytest.approx(1000 + 500 * second, abs=3 * index["hz_per_px"])


def test_colours_are_free(system: System, recording_id: str) -> None:
    url = _index(system, recording_id)["url"].format(level=1, x=0)

    dim, bright, absolute = (
        _pixels(_get(system, url, palette="gray", **query).content, "L").astype(int)
        for query in ({}, {"floor_db": -100, "ceiling_db": -20}, {"reference": "full_scale"})
    )
    coloured = Image.open(io.BytesIO(_get(system, url, palette="magma").content)).convert("RGB")

    assert (bright >= dim).all()
    assert bright.mean() > dim.mean() + 10
    assert absolute.mean() < dim.mean()
    magma = np.frombuffer(palette("magma"), dtype=np.uint8).reshape(256, 3)
    np.testing.assert_array_equal(np.asarray(coloured), magma[dim])


def test_a_tile_that_was_seen_is_not_sent_again(system: System, recording_id: str) -> None:
    url = _index(system, recording_id)["url"].format(level=0, x=0)
    first = _get(system, url)

    again = system.client.get(url, headers={"If-None-Match": first.headers["etag"]})
    other = system.client.get(url, params={"floor_db": -60}, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200
    assert first.headers["cache-control"] == "private, max-age=60"


@pytest.mark.parametrize(
    "place", ["0/1.png", "99/0.png", "-1/0.png", "0/0.jpg", "0/0", "0/-1.png", "0/x.png", f"0/{'9' * 5000}.png"]
)
def test_a_tile_that_is_not_there_is_not_found(system: System, recording_id: str, place: str) -> None:
    answer = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/tiles/{place}")

    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_tile")


def test_a_level_beyond_all_numbers_is_not_found_either(system: System, recording_id: str) -> None:
    answer = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/tiles/{'9' * 5000}/0.png")

    assert answer.status_code == 404, answer.text


def test_a_range_that_is_none_is_the_clients_problem(system: System, recording_id: str) -> None:
    answer = system.client.get(_index(system, recording_id)["url"].format(level=0, x=0), params={"floor_db": 10})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")


def _index(system: System, recording_id: str) -> dict[str, Any]:
    found: dict[str, Any] = _get(system, f"/v1/recordings/{recording_id}/spectrogram/tiles").json()
    return found


def _level(system: System, index: dict[str, Any], level: dict[str, Any]) -> Pixels:
    """Return the indices of all tiles of a level, side by side."""
    urls = [index["url"].format(level=level["level"], x=x) for x in range(level["tiles"])]
    return np.concatenate([_pixels(_get(system, url).content, "P") for url in urls], axis=1)


def _get(system: System, url: str, **query: Any) -> httpx.Response:
    answer = system.client.get(url, params=query)
    assert answer.status_code == 200, answer.text
    return answer


def _pixels(png: bytes, mode: str) -> Pixels:
    with Image.open(io.BytesIO(png)) as opened:
        return np.asarray(opened if mode == "P" else opened.convert(mode))


def _sweep(duration_s: int, rate_hz: int = 44_100) -> Signal:
    time_s = np.arange(duration_s * rate_hz) / rate_hz
    sweep = 0.3 * np.sin(2 * np.pi * (1000 * time_s + 250 * time_s**2))
    noise = np.random.default_rng(9).normal(0, 0.01, len(time_s))
    return (sweep + noise).astype(np.float32)[:, None]
